// The network as a graph that can be touched. It draws a state and reports what a hand does to it.
const SVG = "http://www.w3.org/2000/svg";
export const WIDTH = 360;
const RADIUS = 13;
const DRAG = 4; // how far a pointer moves before a press becomes a drag
const WEIGHT_PER_UNIT = 0.02; // of a vertical drag on a link

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const key = (i, j) => `${i}-${j}`;

/** Length of the stem that shows an excess leak, and the leak of a stem of that length. */
const stem = (excess) => 14 * Math.log10(1 + 50 * excess);
const excessOf = (length) => (10 ** (Math.max(0, length) / 14) - 1) / 50;

/** Unit vector into the widest gap between the links of a neuron, where its stem has room. */
function freeDirection(places, i, links) {
  const [x, y] = places[i];
  const taken = links.filter((link) => link.i === i || link.j === i)
    .map((link) => places[link.i === i ? link.j : link.i])
    .map(([a, b]) => Math.atan2(b - y, a - x)).sort((a, b) => a - b);
  if (!taken.length) return [0, 1];
  const gaps = taken.map((angle, k) => {
    const next = k + 1 < taken.length ? taken[k + 1] : taken[0] + 2 * Math.PI;
    return { width: next - angle, middle: (angle + next) / 2 };
  });
  const widest = Math.max(...gaps.map(({ width }) => width));
  const open = gaps.filter(({ width }) => width > widest - 0.01); // of equals, the one below
  const middle = open.sort((a, b) => Math.sin(b.middle) - Math.sin(a.middle))[0].middle;
  return [Math.cos(middle), Math.sin(middle)];
}

export class Drawing {
  /** `hand` has pick(target), weigh(i, j, w), leak(i, excess), cut(i, j), join(i, j). */
  constructor(places, names, height, links, hand) {
    Object.assign(this, { places, hand, lines: new Map() });
    this.directions = places.map((_, i) => freeDirection(places, i, links));
    this.node = svg("svg", {
      viewBox: `0 0 ${WIDTH} ${height}`, class: "living-drawing", role: "img",
    });
    this.halos = svg("g", { class: "living-halo" });
    this.edges = svg("g");
    this.badge = svg("g", { class: "living-badge" }, svg("circle", { r: 12, class: "living-hit" }),
      svg("circle", { r: 8 }), svg("path", { d: "M-3-3 3 3M3-3-3 3" }));
    this.rubber = svg("line", { class: "living-rubber", visibility: "hidden" });
    const neurons = svg("g");
    this.drop = svg("g", { class: "living-drop" }, svg("circle", { r: 12, class: "living-hit" }),
      svg("circle", { r: 4.5 }));
    this.#press(this.drop, { start: () => {}, move: (event) => {
      const [i] = this.selected;
      const { x, y } = this.#point(event);
      const [dx, dy] = this.directions[i];
      hand.leak(i, excessOf((x - places[i][0]) * dx + (y - places[i][1]) * dy - RADIUS));
    } });
    this.node.append(this.halos, this.edges, this.rubber, neurons, this.drop, this.badge);
    this.neurons = places.map(([x, y], i) => {
      const leak = svg("line", { x1: x, y1: y, class: "living-stem" });
      const disc = svg("circle", { cx: x, cy: y, r: RADIUS, class: "living-disc" });
      const tint = svg("circle", { cx: x, cy: y, r: RADIUS - 1, class: "living-tint" });
      const label = svg("text", { x, y: y + 4.2 }, names[i]);
      const group = svg("g", { class: "living-neuron" },
        svg("circle", { cx: x, cy: y, r: 20, class: "living-hit" }), leak, disc, tint, label);
      this.#press(group, { start: () => this.hand.pick([i]),
        move: (event) => this.#stretch(i, event), end: (event) => this.#release(i, event) });
      neurons.append(group);
      return { group, leak, tint };
    });
    this.badge.addEventListener("click", () => this.hand.cut(...this.selected));
  }

  /** Show links (with probability p, weight w, fate), neurons (with value in [-1, 1], excess) and selection. */
  show({ links, neurons, selected }) {
    const shown = new Set();
    for (const link of links) {
      const name = key(link.i, link.j);
      shown.add(name);
      if (!this.lines.has(name)) this.lines.set(name, this.#line(link.i, link.j));
      const { group, line } = this.lines.get(name);
      group.setAttribute("class", `living-link living-${link.fate} ${link.w < 0 ? "living-minus" : ""}`);
      line.style.strokeWidth = 1 + 8 * link.p;
      // Contrast 3 at least: with the ground (0.75), and with the halo of what is selected.
      line.style.strokeOpacity = name === key(...selected) ? 1 : 0.75 + 0.25 * link.p;
      group.weight = link.w;
    }
    for (const [name, { group }] of this.lines) {
      if (shown.has(name)) continue;
      if (group === this.pressed) { // at weight 0, and the hand may come back
        group.setAttribute("class", "living-link living-gone");
        continue;
      }
      group.remove();
      this.lines.delete(name);
    }
    neurons.forEach(({ value, excess }, i) => {
      const { leak, tint, group } = this.neurons[i];
      const [x, y] = this.#end(i, excess);
      leak.setAttribute("x2", x);
      leak.setAttribute("y2", y);
      leak.setAttribute("visibility", excess > 0 ? "visible" : "hidden");
      tint.style.fillOpacity = Math.min(1, Math.abs(value)).toFixed(3);
      group.classList.toggle("living-negative", value < 0);
    });
    this.#select(selected, links);
    const [i, j] = selected;
    this.drop.setAttribute("visibility", j === undefined ? "visible" : "hidden");
    this.drop.setAttribute("transform", `translate(${this.#end(i, neurons[i].excess).join(" ")})`);
  }

  #end(i, excess) {
    const length = RADIUS + stem(excess);
    return this.places[i].map((place, axis) => place + length * this.directions[i][axis]);
  }

  #select(selected, links) {
    this.selected = selected;
    const [a, b] = selected.map((i) => this.places[i]);
    this.halos.replaceChildren(b
      ? svg("line", { x1: a[0], y1: a[1], x2: b[0], y2: b[1] })
      : svg("circle", { cx: a[0], cy: a[1], r: RADIUS + 4 }));
    const link = b && links.find(({ i, j, w }) => key(i, j) === key(...selected) && w !== 0);
    this.badge.setAttribute("visibility", link ? "visible" : "hidden");
    if (!link) return;
    // Beside the middle of the line, on the upper side.
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const side = (dx < 0 ? -18 : 18) / Math.hypot(dx, dy);
    this.badge.setAttribute("transform",
      `translate(${(a[0] + b[0]) / 2 + side * dy} ${(a[1] + b[1]) / 2 - side * dx})`);
  }

  #line(i, j) {
    const [[x1, y1], [x2, y2]] = [this.places[i], this.places[j]];
    const ends = { x1, y1, x2, y2 };
    const line = svg("line", { ...ends, class: "living-line" });
    const group = svg("g", {}, svg("line", { ...ends, class: "living-hit" }), line);
    let weight;
    this.#press(group, {
      start: () => { weight = group.weight; this.hand.pick([i, j]); },
      scrolls: true, // by a finger; it has the slider below
      move: (event, dy) => event.pointerType !== "touch" &&
        this.hand.weigh(i, j, weight - dy * WEIGHT_PER_UNIT),
    });
    this.edges.append(group);
    return { group, line };
  }

  #press(node, { start, move, end, scrolls = false }) {
    let from = null;
    let dragged = false;
    // The page stays while a finger drags; shapes of a drawing have no touch-action.
    if (!scrolls)
      node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    node.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = this.#point(event);
      dragged = false;
      this.pressed = node;
      node.setPointerCapture(event.pointerId);
      start();
    });
    node.addEventListener("pointermove", (event) => {
      if (!from) return;
      const point = this.#point(event);
      dragged ||= Math.hypot(point.x - from.x, point.y - from.y) > DRAG;
      if (dragged) move(event, point.y - from.y);
    });
    const stop = (event) => {
      if (!from) return;
      if (dragged && end) end(event);
      from = this.pressed = null;
      this.rubber.setAttribute("visibility", "hidden");
      this.hand.pick(this.selected); // shows it as it is without the hand
    };
    node.addEventListener("pointerup", stop);
    node.addEventListener("pointercancel", () => { dragged = false; stop(); });
  }

  #stretch(i, event) {
    const { x, y } = this.#point(event);
    const [x1, y1] = this.places[i];
    for (const [name, value] of Object.entries({ x1, y1, x2: x, y2: y, visibility: "visible" }))
      this.rubber.setAttribute(name, value);
  }

  #release(i, event) {
    const { x, y } = this.#point(event);
    const j = this.places.findIndex(([a, b]) => Math.hypot(a - x, b - y) < 24);
    if (j >= 0 && j !== i) this.hand.join(Math.min(i, j), Math.max(i, j));
  }

  #point(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(
      this.node.getScreenCTM().inverse());
  }
}
