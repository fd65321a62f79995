// Decay rates, relaxation and covariance of a network before and after a change, as small charts.
import { svg } from "./drawing.js";

const WIDTH = 280;
const LEFT = 8;
const RIGHT = 272;

function chart(height, words, ...children) {
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": words },
    ...children);
}

const text = (x, y, words, anchor = "middle") =>
  svg("text", { x, y, "text-anchor": anchor }, words);

/** Decay rates on a logarithmic axis, slow at the left; what lies beyond it stands at its edge. */
export function spectrum(before, after, watched, [low, high], words) {
  const place = (rate) => {
    const share = Math.log(Math.min(high, Math.max(rate, low)) / low) / Math.log(high / low);
    return LEFT + 6 + share * (RIGHT - LEFT - 12);
  };
  const node = chart(86, words);
  for (let tick = 10 ** Math.ceil(Math.log10(low)); tick <= high * 1.0001; tick *= 10)
    node.append(svg("line", { x1: place(tick), x2: place(tick), y1: 8, y2: 60, class: "living-grid" }),
      text(place(tick), 78, String(Number(tick.toPrecision(1)))));
  if (before) {
    before.forEach((rate, k) => node.append(
      svg("line", { x1: place(rate), y1: 20, x2: place(after[k]), y2: 48, class: "living-move" })));
    before.forEach((rate) => node.append(
      svg("circle", { cx: place(rate), cy: 20, r: 4, class: "living-before" })));
  }
  after.forEach((rate, k) => node.append(svg("circle", {
    cx: place(rate), cy: before ? 48 : 34, r: k === watched ? 6 : 4, class: "living-after",
  })));
  return node;
}

/** Two curves that start at 1. */
export function relaxing(before, after, words) {
  const [top, bottom] = [8, 84];
  const path = (values) => "M" + values.map((value, k) =>
    `${(LEFT + (k / (values.length - 1)) * (RIGHT - LEFT)).toFixed(1)} ${
      (bottom - value * (bottom - top)).toFixed(1)}`).join("L");
  const node = chart(92, words,
    svg("line", { x1: LEFT, x2: RIGHT, y1: bottom, y2: bottom, class: "living-grid" }));
  if (before) node.append(svg("path", { d: path(before), class: "living-curve-before" }));
  node.append(svg("path", { d: path(after), class: "living-curve-after" }));
  return node;
}

/** Matrix as squares: one hue for positive entries, one for negative. */
function squares(C, scale, x0, size) {
  const cell = size / C.length;
  return C.flatMap((row, i) => row.map((value, j) => svg("rect", {
    x: (x0 + j * cell).toFixed(2), y: (18 + i * cell).toFixed(2),
    width: cell.toFixed(2), height: cell.toFixed(2), "shape-rendering": "crispEdges",
    class: value < 0 ? "living-cell-minus" : "living-cell",
    "fill-opacity": Math.min(1, Math.sqrt(Math.abs(value) / scale)).toFixed(3),
  })));
}

/** Two covariances side by side, each under its name; an empty square for one that does not exist. */
export function covariances(named, words) {
  const size = 118;
  const node = chart(140, words);
  const scale = Math.max(...Object.values(named).flatMap((C) => C?.flat().map(Math.abs) ?? [0])) || 1;
  Object.entries(named).forEach(([name, C], k) => {
    const x = k ? RIGHT - size : LEFT;
    node.append(svg("rect", { x, y: 18, width: size, height: size, class: "living-frame" }),
      text(x + size / 2, 11, name));
    if (C) node.append(...squares(C, scale, x, size));
  });
  return node;
}
