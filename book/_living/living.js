// The living network: a small network that the reader can change, shake and prune by hand. The page
// brings its data (replication/living.py); a running notebook shows the same through anywidget.
import css from "./living.css";
import { covariances, relaxing, spectrum } from "./charts.js";
import { Drawing } from "./drawing.js";
import * as network from "./network.js";

const { RULES } = network;
const EXCESSES = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2]; // 1/time, what the slider offers
const HEAVIEST = 2; // 1/time, the largest weight by hand
const RATES = [0.006, 20]; // 1/time, shown
const DT = 0.5; // longest step of the noise; each is exact
const PACE = [12, 1200]; // time of the network in a second of the clock, at first and in the end
const HURRY = 2200; // ms in which it grows by a factor of e
const AT_ONCE = 2000; // time that passes at once for readers who want nothing to move
const LISTED = 4; // neurons, at most, whose covariances are put into words
const QUIET = 500; // ms without a change before the state is spoken

const number = (value) => (value === Infinity ? "∞" : Number(value.toPrecision(value < 1 ? 2 : 3)).toString());
const entry = (value) => (Math.abs(value) < 1e-9 ? "0" : String(Number(value.toPrecision(2))).replace("-", "−"));
const percent = (value) => `${Math.round(100 * value)} %`;

/** Place in EXCESSES of what comes closest. */
const nearest = (excess) => EXCESSES.reduce((best, option, k) =>
  (Math.abs(option - excess) < Math.abs(EXCESSES[best] - excess) ? k : best), 0);

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** What the reader can set, and all that follows from it. It knows no page. */
class Model {
  constructor(setting) {
    this.setting = setting;
    this.random = network.generator(setting.seed);
    this.noise = network.generator(setting.seed + 1);
    this.toss();
    this.reset();
  }

  reset() {
    const { W, excess, rule, keep, pick } = this.setting;
    this.start = network.copy({ W, excess });
    Object.assign(this, { rule, keep, selected: [...pick], pruned: false, balanced: false });
    this.now = network.copy(this.start);
    this.edited();
  }

  /** A coin for every pair of neurons: its link is kept if the coin lies below its probability. */
  toss() {
    this.coins = this.setting.W.map((row) => row.map(() => this.random()));
  }

  edited() {
    this.shaking = null;
    this.running = false;
    this.pruned = false;
    this.compute();
  }

  shake(on) {
    if (on) {
      this.pruned = false;
      this.shaking = new network.Shaking(this.modes, this.noise);
      this.shaking.step(DT);
    }
    this.running = on;
    this.compute();
  }

  compute() {
    const { now } = this;
    this.links = network.links(now);
    this.modes = network.modes(now);
    this.exact = network.covariance(this.modes);
    this.measured = this.shaking && this.shaking.covariance();
    const C = this.measured ?? this.exact;
    this.P = this.links.length === 0 || (this.rule === "noise" && !C)
      ? null : network.probabilities(network.scores(now, this.rule, C), this.keep);
    this.pruned &&= this.P !== null;
    this.kept = this.pruned ? this.links.map(({ i, j }, k) => this.coins[i][j] < this.P[k]) : null;
    this.after = now;
    if (this.pruned) {
      this.after = network.prune(now, this.P, this.kept);
      if (this.balanced) this.after = network.balance(this.after, now);
    }
    const modes = this.pruned ? network.modes(this.after) : this.modes;
    const changed = this.pruned || ["W", "excess"].some((name) =>
      this.now[name].flat().some((value, k) => value !== this.start[name].flat()[k]));
    this.before = changed ? this.follow(network.modes(this.pruned ? now : this.start)) : null;
    this.shown = this.follow(modes);
    this.left = this.pruned ? network.covariance(modes) : null;
  }

  /**
   * What is watched of a network: the pattern x of the setting, or else its slowest mode; how long it
   * lives, x^T M^-1 x; and which mode is most like it.
   */
  follow({ rates, vectors }) {
    const { pattern } = this.setting;
    if (!pattern) return { rates, vectors, x: vectors[0], mode: 0, life: 1 / rates[0] };
    const length = Math.hypot(...pattern.x);
    const x = pattern.x.map((value) => value / length);
    const shares = vectors.map((v) => v.reduce((total, value, i) => total + value * x[i], 0) ** 2);
    const life = shares.reduce((total, share, k) =>
      total + (share < 1e-12 ? 0 : share / rates[k]), 0);
    return { rates, vectors, x, mode: shares.indexOf(Math.max(...shares)), life };
  }

  /** A step of the tour: changes made in the order in which they stand here. */
  apply(changes) {
    const { reset, cut, link, pick, rule, keep, balance, toss, prune, shake } = changes;
    if (reset) this.reset();
    for (const [i, j, w] of [cut && [...cut, 0], link].filter(Boolean)) {
      this.now.W[i][j] = this.now.W[j][i] = w;
      this.selected = [i, j];
      this.edited();
    }
    if (pick) this.selected = [...pick];
    Object.assign(this, rule && { rule }, keep && { keep },
      balance !== undefined && { balanced: balance });
    if (toss) this.toss();
    if (prune !== undefined) { this.running = false; this.pruned = prune; }
    this.compute();
    if (shake !== undefined) this.shake(shake);
  }
}

function sentences(model) {
  const { names } = model.setting;
  const what = model.setting.pattern?.name ?? "slowest mode";
  const said = [];
  if (!model.exact)
    said.push("Some neurons have no excess leak, nor have those they are linked to: their activity never fades, and noise would make it grow without bound.");
  if (model.shaking)
    said.push(`Noise for ${Math.round(model.shaking.time)} time units; the covariance is off by ${
      percent(network.difference(model.measured, model.exact))}.`);
  const k = model.links.findIndex(({ i, j }) => i === model.selected[0] && j === model.selected[1]);
  const link = k >= 0 && model.selected.map((i) => names[i]).join("–");
  if (model.pruned) {
    const kept = model.kept.filter(Boolean).length;
    const parts = network.pieces(model.after);
    said.push(`${kept} of ${model.links.length} links kept${parts > 1 ? `, in ${parts} pieces` : ""}${
      model.balanced ? ", inputs balanced" : ""}.`);
    if (link) said.push(`Link ${link} is ${model.kept[k] ? "kept" : "lost"}.`);
  } else if (model.P && link)
    said.push(`Rule ${model.rule} keeps link ${link} with probability ${model.P[k].toFixed(2)}.`);
  const { life } = model.shown;
  said.push(`The ${what} ${life === Infinity ? "never fades" : `lives ${number(life)}`}${
    model.before ? `; ${model.pruned ? "before pruning" : "at the start"} ${number(model.before.life)}` : ""}.`);
  return said.join(" ");
}

/** Build the living network in `host`; `changed` hears of every change of weights or leaks. */
export function mount(host, setting, changed = () => {}) {
  // A notebook loads this script anew for each network, so a count would name two alike.
  const id = `living-${Math.random().toString(36).slice(2)}`;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const model = new Model(setting);
  const { names } = setting;
  const n = names.length;
  const watched = setting.pattern?.name ?? "slowest mode";
  const pairName = ([i, j]) => `${names[i]}–${names[j]}`;

  // The drawing

  const setWeight = (i, j, w) => {
    const limited = Math.max(-HEAVIEST, Math.min(HEAVIEST, Math.round(w * 20) / 20));
    if (limited === model.now.W[i][j]) return;
    model.now.W[i][j] = model.now.W[j][i] = limited;
    model.edited();
    update();
  };
  const setExcess = (i, choice) => {
    if (EXCESSES[choice] === model.now.excess[i]) return;
    model.now.excess[i] = EXCESSES[choice];
    model.edited();
    update();
  };
  const pick = (target) => { model.selected = target; update(); };
  const drawing = new Drawing(setting.places, names, setting.height, network.links(setting), {
    pick, weigh: setWeight, cut: (i, j) => setWeight(i, j, 0),
    leak: (i, excess) => setExcess(i, nearest(excess)),
    join: (i, j) => {
      model.selected = [i, j];
      if (model.now.W[i][j] === 0) setWeight(i, j, setting.W[i][j] || 1);
      update();
    },
  });

  // Below it: what is selected, by name, for every hand and for the keyboard

  const chooser = element("select", { id: `${id}-what`, "aria-label": "Selected link or neuron",
    onchange: () => pick(chooser.value.split(",").map(Number)) });
  const slider = element("input", { type: "range", id: `${id}-value`, autocomplete: "off",
    oninput: () => {
      if (model.selected.length === 2) return setWeight(...model.selected, Number(slider.value));
      return setExcess(model.selected[0], slider.value);
    } });
  const sliderName = element("label", { for: slider.id });
  const sliderValue = element("output", { for: slider.id, "aria-live": "off" });
  const cutter = element("button", { type: "button", onclick: () => {
    const [i, j] = model.selected;
    setWeight(i, j, model.now.W[i][j] === 0 ? setting.W[i][j] || 1 : 0);
  } });
  const editor = element("div", { class: "living-editor" }, chooser,
    element("span", { class: "living-value" }, sliderName, slider, sliderValue), cutter);

  // Rule, fraction, noise, coins

  const rules = RULES.map((rule) => element("input", { type: "radio", name: `${id}-rule`, value: rule,
    autocomplete: "off", onchange: () => { model.rule = rule; model.compute(); update(); } }));
  const ruleSet = element("fieldset", { class: "living-rules" },
    element("legend", {}, "Probability by"),
    ...rules.map((input) => element("label", {}, input, element("span", {}, input.value))));
  const keep = element("input", { type: "range", id: `${id}-keep`, min: 10, max: 100, step: 5,
    autocomplete: "off",
    oninput: () => { model.keep = keep.value / 100; model.compute(); update(); } });
  const keepValue = element("output", { for: keep.id, "aria-live": "off" });
  const button = (words, action) => element("button", { type: "button", onclick: action }, words);
  const shaker = button("", () => shake(!model.running));
  const pruner = button("", () => { model.apply({ toss: model.pruned, prune: true }); update(); });
  const whole = button("Undo", () => {
    model.apply({ prune: false });
    update();
    pruner.focus({ preventScroll: true }); // this button, which has the focus, is disabled now
  });
  const reset = button("Start again", () => { model.apply({ reset: true }); update(); });
  const balanced = element("input", { type: "checkbox", autocomplete: "off",
    onchange: () => { model.balanced = balanced.checked; model.compute(); update(); } });
  pruner.classList.add("living-second");
  const controls = element("div", { class: "living-controls" },
    element("div", { class: "living-row" }, ruleSet,
      element("span", { class: "living-value" }, element("label", { for: keep.id }, "Keep"), keep, keepValue)),
    element("div", { class: "living-row" }, shaker, pruner, whole,
      element("label", { class: "living-check" }, balanced, "Balance inputs"), reset));

  // What follows

  const life = element("p", { class: "living-life" });
  const charts = { rates: element("div"), relaxing: element("div"), covariance: element("div") };
  const keys = element("span", { class: "living-key" });
  const side = element("div", { class: "living-side" },
    element("p", { class: "living-title" }, "Decay rates", keys), charts.rates,
    element("p", { class: "living-title" }, setting.pattern ? "The difference fades" : "The slowest mode fades"), charts.relaxing,
    element("p", { class: "living-title" }, "Covariance"), charts.covariance);
  const said = element("p", { class: "living-said", role: "status", "aria-live": "polite" });

  // The tour

  const tour = element("div", { class: "living-tour", role: "group", "aria-label": "Guided tour" });
  let step = 0;
  const go = (to, focus) => {
    step = to;
    const { say, button: words, at, do: act } = setting.tour[step];
    if (at && focus) { stop(); model.apply(at); }
    const doing = act && button(words, () => {
      if (act.shake) { model.apply({ ...act, shake: undefined }); shake(true); } else { stop(); model.apply(act); }
      update();
    });
    const steps = setting.tour.length;
    const back = button("Back", () => go(step - 1, true));
    const next = button(step + 1 < steps ? "Next" : "Again", () => go((step + 1) % steps, true));
    back.disabled = step === 0;
    const text = element("p", { tabindex: -1 },
      element("span", { class: "living-step" }, `${step + 1}/${steps} `), say);
    tour.replaceChildren(text, element("div", { class: "living-row" }, ...[doing, back, next].filter(Boolean)));
    doing?.classList.add("living-main");
    if (focus) { text.focus({ preventScroll: true }); update(); }
  };

  // Noise

  let frame = 0;
  let visible = true;
  let began;
  let last;
  let activity;
  function stop() { model.running = false; cancelAnimationFrame(frame); }
  function shake(on) {
    stop();
    if (still.matches && on) { // all at once, again for more
      if (!model.shaking) model.shake(true);
      for (let t = 0; t < AT_ONCE; t += DT) model.shaking.step(DT);
      model.running = false;
      model.pruned = false;
      model.compute();
    } else {
      model.shake(on);
      began = last = performance.now();
      activity = model.shaking?.x;
      if (on) frame = requestAnimationFrame(beat);
    }
    update();
  }
  function beat(time) {
    if (!model.running) return;
    const passed = Math.min(50, Math.max(0, time - last));
    last = time;
    if (visible && passed > 0) {
      // Slowly at first, for the eye; then faster and faster, for the covariance.
      const pace = Math.min(PACE[1], PACE[0] * Math.exp((time - began) / HURRY));
      const steps = Math.ceil((pace * passed) / 1000 / DT);
      for (let k = 0; k < steps; k += 1) model.shaking.step((pace * passed) / 1000 / steps);
      activity = activity.map((x, i) => x + 0.3 * (model.shaking.x[i] - x)); // no flicker
      model.compute();
      update();
    }
    frame = requestAnimationFrame(beat);
  }

  // Show

  let lastPairs = "";
  let speaking = 0;
  let beats = 0;
  let sent = "";

  function showDrawing() {
    const { exact, selected, start, now, pruned } = model;
    const listed = model.links.map(({ i, j, w }, k) => ({ i, j, w,
      p: model.P ? model.P[k] : 0,
      fate: pruned && !model.kept[k] ? "lost" : "kept" }));
    network.links(start).forEach(({ i, j }) => {
      if (now.W[i][j] === 0) listed.push({ i, j, w: 0, p: 0, fate: "gone" });
    });
    let values = model.shown.vectors[model.shown.mode];
    if (model.running) values = activity.map((x, i) => x / (1.5 * Math.sqrt(exact[i][i])));
    else {
      const most = values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
      values = values.map((value) => value / most);
    }
    drawing.show({ links: listed, selected, neurons: values.map((value, i) => ({ value, excess: now.excess[i] })) });
  }

  function showEditor() {
    const { now, selected } = model;
    const pairs = now.W.flatMap((row, i) => row.flatMap((w, j) => (i < j ? [[i, j]] : [])));
    const linked = pairs.filter(([i, j]) => now.W[i][j] !== 0);
    const signature = linked.join(" ");
    if (signature !== lastPairs) {
      const group = (label, targets, word) => element("optgroup", { label },
        ...targets.map((target) => element("option", { value: target.join() },
          `${word} ${target.length === 2 ? pairName(target) : names[target[0]]}`)));
      chooser.replaceChildren(group("Links", linked, "link"), group("Neurons", names.map((_, i) => [i]), "neuron"),
        group("Not linked", pairs.filter(([i, j]) => now.W[i][j] === 0), "pair"));
      lastPairs = signature;
    }
    chooser.value = selected.join();
    const [i, j] = selected;
    const isPair = selected.length === 2;
    const value = isPair ? now.W[i][j] : now.excess[i];
    Object.assign(slider, isPair
      ? { min: -HEAVIEST, max: HEAVIEST, step: 0.05, value }
      : { min: 0, max: EXCESSES.length - 1, step: 1, value: nearest(value) });
    sliderName.textContent = isPair ? "weight" : "excess leak";
    sliderValue.textContent = number(value).replace("-", "−");
    slider.setAttribute("aria-valuetext", sliderValue.textContent);
    cutter.hidden = !isPair;
    cutter.textContent = value === 0 ? "Link" : "Cut";
  }

  function showCharts() {
    const { before, shown, exact, measured, pruned, left } = model;
    life.replaceChildren(
      element("span", {}, `Lifetime of the ${watched}`), element("strong", {}, number(shown.life)),
      ...(before ? [element("span", {}, `was ${number(before.life)}`)] : []));
    life.classList.toggle("living-changed",
      before !== null && Math.abs(Math.log(shown.life / before.life)) > 0.2);
    keys.replaceChildren(...(before ? [element("i", { class: "living-key-before" }),
      model.pruned ? "before" : "at first", element("i", { class: "living-key-after" }),
      model.pruned ? "pruned" : "now"] : ["slow to fast"]));
    const list = (rates) => rates.map(number).join(", ");
    charts.rates.replaceChildren(spectrum(before?.rates, shown.rates, shown.mode, RATES,
      `Decay rates, slowest first: ${list(shown.rates)}${before ? `; before: ${list(before.rates)}` : ""}`));
    const base = before ?? shown;
    const end = 3 * (Number.isFinite(base.life) ? base.life : 100);
    const times = Array.from({ length: 81 }, (_, k) => (k / 80) * end);
    const curve = (modes) => network.relaxation(modes, base.x, times);
    const after = curve(shown);
    charts.relaxing.replaceChildren(relaxing(before && curve(before), after,
      `The ${watched} ${before ? "of the network before " : ""}fades to ${
        percent(after.at(-1))} after ${number(end)} time units${
        before ? `; before the change to ${percent(curve(before).at(-1))}` : ""}`));
    const covariance = (C, more = "") => (C
      ? `covariance${more}${n <= LISTED ? `: ${C.map((row) => row.map(entry).join(", ")).join("; ")}` : ""}`
      : "no covariance: a mode never fades");
    const exactly = measured
      ? `Measured so far, ${covariance(measured, `, off by ${percent(network.difference(measured, exact))}`)}. Exact ${covariance(exact)}`
      : `Exactly, ${covariance(exact)}${exact ? ". None is measured until the network is shaken" : ""}`;
    charts.covariance.replaceChildren(pruned
      ? covariances({ before: exact, pruned: left },
        `Before pruning, ${covariance(exact)}. After it, ${covariance(left)}`)
      : covariances({ measured, exact }, exactly));
  }

  function update() {
    // While noise runs, the charts follow at a quarter of the pace of the drawing.
    const full = !model.running || (beats += 1) % 4 === 0;
    if (full) {
      showCharts();
      showEditor();
      rules.forEach((input) => { input.checked = input.value === model.rule; });
      keep.value = Math.round(100 * model.keep);
      keepValue.textContent = `${keep.value} %`;
      keep.setAttribute("aria-valuetext", `${keep.value} % of the links`);
      shaker.textContent = model.running ? "Stop" : "Shake";
      shaker.disabled = !model.exact;
      pruner.textContent = model.pruned ? "Toss again" : "Prune";
      pruner.disabled = !model.P;
      whole.disabled = !model.pruned;
      balanced.checked = model.balanced;
    }
    showDrawing();
    if (!speaking) { // at once for the eye, and again once it is quiet
      speaking = setTimeout(() => { speaking = 0; speak(); }, QUIET);
    }
    const state = JSON.stringify(model.now);
    if (state !== sent) {
      if (sent) changed(network.copy(model.now));
      sent = state;
    }
  }
  function speak() {
    said.setAttribute("aria-live", model.running ? "off" : "polite");
    const words = sentences(model);
    if (said.textContent !== words) said.textContent = words;
    drawing.node.setAttribute("aria-label", `Network of ${n} neurons and ${
      network.links(model.after).length} links. ${words}`);
  }

  const watcher = new IntersectionObserver(([entry]) => { visible = entry.isIntersecting; });
  watcher.observe(host);

  if (!document.getElementById("living-style"))
    document.head.append(element("style", { id: "living-style" }, css));
  const stage = element("div", { class: "living-stage" }, drawing.node, editor, element("p", { class: "living-legend" },
    `A line is as thick as the probability that it is kept; dashed lines inhibit, dotted ones are gone. The tint of a neuron is its part in the ${
      setting.pattern ? `mode most like the ${watched}` : watched}, orange where negative, and while noise runs, its activity; its stem is its own leak.`));
  if (setting.tour.length) go(0, false);
  speak();
  host.classList.add("living-on");
  host.replaceChildren(element("div", { class: "living-body" }, tour, life, stage, side, controls, said));
  update();
  return () => { stop(); watcher.disconnect(); };
}

/** For anywidget: the same in a running notebook; weights and leaks go back to Python. */
export const widget = {
  render({ model, el }) {
    // Arrows move between cells in JupyterLab, letters delete them: not when they are pressed in here.
    const host = element("div", { class: "living", onkeydown: (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
    } });
    el.append(host);
    return mount(host, model.get("setting"), ({ W, excess }) => {
      model.set({ W, excess });
      model.save_changes();
    });
  },
};

/** For a page: every network that it holds, once it comes near the screen. */
export function start() {
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      mount(target, JSON.parse(target.querySelector("script").textContent));
    }
  }, { rootMargin: "300px" });
  document.querySelectorAll(".living:not(.living-on)").forEach((host) => near.observe(host));
}

export { network };

if (typeof document !== "undefined") {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
}
