// Typesets formulas with MathJax and says each in words. Reads one JSON array of {tex, display} from
// standard input, writes {formulas: [{html, speech, error}], css} to standard output.
"use strict";

const fs = require("fs");
const path = require("path");
const Module = require("module");

const vendor = path.join(__dirname, "..", "_vendor", "mathjax");
const es5 = path.join(vendor, "es5");
const maps = path.join(es5, "sre", "mathmaps");

// The speech engine asks for a parser of command lines, which it does not use here.
const load = Module._load;
Module._load = (name, ...rest) => (name === "commander" ? {} : load(name, ...rest));
global.SREfeature = {
  json: maps,
  custom: (locale) => fs.promises.readFile(path.join(maps, `${locale}.json`), "utf8"),
};
global.MathJax = {
  loader: {
    paths: { mathjax: es5 },
    require: (file) => require(require.resolve(file, { paths: [vendor] })),
    load: ["adaptors/liteDOM", "input/tex-full", "output/chtml", "a11y/sre"],
  },
  startup: { typeset: false },
  tex: { formatError: (jax, error) => { throw error; } },
  chtml: { fontURL: "fonts/mathjax" },  // next to the style sheet
};
const NO_BREAK = /mjx-c(7C|2225|2016|2061|2211|220F|222B)\b/;  // bars of sizes; a function or a sum before what it is of
const LONG = 25;  // characters of TeX that may not fit a line
const SHORT = 24;  // signs that stay in one line of text if they stand in brackets
// What the engine calls by a name that is not the reader's.
const WORDS = [
  [/^1 lines Line 1: /, ""],
  [/\blamda\b/g, "lambda"],
  [/ raised to the down tack power/g, " transpose"],
  [/\bthe metric of\b/g, "the norm of"],
  [/\bprecedes above single line equals sign\b/g, "precedes or equals"],
  [/\bsucceeds above single line equals sign\b/g, "succeeds or equals"],
];

const OPENING = /mjx-c(28|5B|7B|27E8)\b/g, CLOSING = /mjx-c(29|5D|7D|27E9)\b/g;
const BARS = [/mjx-c7C\b/g, /mjx-c(2225|2016)\b/g];
const SIGN = /mjx-c(2212|2B|B1|2213)\b/, NUMBER = /^(<mjx-mn\b|<mjx-mo[^>]*><mjx-c class="mjx-c2[CE]\b)/;
const count = (text, pattern) => (text.match(pattern) || []).length;

// How many brackets each node opens and closes. Bars are brackets where two of a kind stand in one pair
// of brackets, or in none.
function brackets(adaptor, math) {
  const found = new Map(), open = [];
  for (const [k, child] of adaptor.childNodes(math).entries()) {
    const text = adaptor.outerHTML(child);
    const own = { opens: count(text, OPENING), closes: count(text, CLOSING) };
    found.set(child, own);
    for (let n = own.closes; n < own.opens; n++) open.push({ kind: "(" });
    for (let n = own.opens; n < own.closes; n++) {
      while (open.length && open.pop().kind !== "(");  // a bar that had no second one
    }
    for (const kind of BARS) {
      if (count(text, kind) % 2 === 0) continue;
      const last = open[open.length - 1];
      if (last && last.kind === kind && last.k < k - 1) {
        found.get(open.pop().child).opens++;
        own.closes++;
      } else {
        open.push({ kind, k, child });
      }
    }
  }
  return found;
}

// What stands in brackets that are short enough for a line.
function inShortBrackets(adaptor, math, bounds) {
  const short = new Set();
  let depth = 0, inside = [], size = 0;
  for (const child of adaptor.childNodes(math)) {
    const text = adaptor.outerHTML(child);
    if (depth > 0) {
      inside.push(child);
      size += count(text, /<mjx-c /g);
    }
    depth += bounds.get(child).opens - bounds.get(child).closes;
    if (depth <= 0) {
      if (size <= SHORT) inside.forEach((node) => short.add(node));
      [depth, inside, size] = [0, [], 0];
    }
  }
  return short;
}

// Where a small screen may end the lines of a formula: between formulas that stand side by side
// (groups, parted by a \quad or more), then after an operator or a comma, as TeX does (parts), and in
// a display, where a part alone is too long, within its brackets too (pieces).
function divide(adaptor, math, display) {
  const wrap = (name, nodes) => adaptor.node("span", { class: name }, nodes);
  const joined = (name, lists) => (lists.length > 1 ? lists.map((list) => wrap(name, list)) : lists.flat());
  const sides = [[]], end = [];  // groups, each a list of parts, each one of pieces; gaps between them
  const bounds = brackets(adaptor, math);
  const sealed = display ? new Set() : inShortBrackets(adaptor, math, bounds);
  let depth = 0, operator = false, gap = false, begun = false;
  for (const child of adaptor.childNodes(math)) {
    const text = adaptor.outerHTML(child), spaced = adaptor.getAttribute(child, "space");
    const wide = parseFloat((text.match(/mjx-mspace style="width: ([\d.]+)em/) || [])[1]) >= 1;
    const group = sides[sides.length - 1];
    if (adaptor.kind(child) === "mjx-tstrut") {
      end.push(child);
    } else if (!text.includes("<mjx-c") && wide && display && !depth && group.length) {
      sides.push(child, []);
      operator = gap = begun = false;
    } else {
      let fresh = !group.length;
      if (!text.includes("<mjx-c")) {
        gap = true;  // no character: TeX's \; and the like
      } else {
        const { opens, closes } = bounds.get(child);
        const may = operator && (spaced || gap) && !sealed.has(child), factor = gap && opens > closes;
        fresh = fresh || (may && !(display && depth > 0));
        if (!fresh && display && (may || factor)) group[group.length - 1].push([]);
        const sign = adaptor.kind(child) === "mjx-mo" && !closes && !NO_BREAK.test(text);
        const torn = !begun || (operator && SIGN.test(text));  // begins a row, or follows another
        [operator, gap, begun] = [sign && !torn, false, true];
        depth += opens - closes;
      }
      if (fresh) group.push([[]]);
      const part = group[group.length - 1];
      part[part.length - 1].push(child);
    }
  }
  for (const group of sides.filter(Array.isArray)) {
    const last = group.length > 1 && group[group.length - 1];
    if (last && last.flat().every((node) => NUMBER.test(adaptor.outerHTML(node)))) {
      const before = group[group.length - 2];
      before[before.length - 1].push(...group.pop().flat());  // no number alone on a line
    }
  }
  const parts = (group) => joined("mjx-part", group.map((part) => joined("mjx-piece", part)));
  const beside = sides.map((side) => (Array.isArray(side) ? wrap("mjx-group", parts(side)) : side));
  if (!display) sides[0].slice(1).forEach(([[first]], k) => {  // no line begins with a blank
    const space = adaptor.getAttribute(first, "space");
    const before = sides[0][k][0], last = before[before.length - 1];
    if (!space || adaptor.getAttribute(last, "rspace")) return;
    adaptor.removeAttribute(first, "space");
    adaptor.setAttribute(last, "rspace", space);
  });
  const nodes = sides.length > 1 ? [wrap("mjx-groups", beside)] : parts(sides[0]);
  for (const node of [...nodes, ...end]) adaptor.append(math, node);
}

// A display, or the rows of an aligned one, whose table a small screen then narrows.
function divideDisplay(adaptor, node) {
  const inner = (node) => adaptor.childNodes(node), [table, ...others] = inner(node);
  if (!table || adaptor.kind(table) !== "mjx-mtable" || others.some((n) => adaptor.kind(n) !== "mjx-tstrut")) {
    return divide(adaptor, node, true);
  }
  adaptor.addClass(table, "mjx-rows");
  for (const row of inner(table).flatMap(inner).flatMap(inner)) {
    const cells = inner(row);
    for (const [k, cell] of cells.entries()) {
      if (cells.length < 2 || k % 2) divideDisplay(adaptor, cell);  // what stands left of a sign is short
    }
  }
}

async function main() {
  require(path.join(es5, "startup.js"));
  await MathJax.startup.promise;
  const adaptor = MathJax.startup.adaptor;
  const speaker = MathJax._.a11y.sre.Sre;
  await speaker.setupEngine({ speech: "shallow", domain: "clearspeak", style: "default", locale: "en" });
  await speaker.sreReady();

  const formulas = JSON.parse(fs.readFileSync(0, "utf8")).map(({ tex, display }) => {
    try {
      // The size of an x is that of the formula's own font: the page scales both alike.
      const node = MathJax.tex2chtml(tex, { display, em: 16, ex: 16 * 0.442 });
      const math = adaptor.firstChild(node);
      if (tex.length > LONG && display) divideDisplay(adaptor, math);
      else if (tex.length > LONG) divide(adaptor, math, display);
      const speech = speaker.toSpeech(MathJax.tex2mml(tex, { display }));
      return {
        html: adaptor.innerHTML(node),
        speech: WORDS.reduce((text, [from, to]) => text.replace(from, to), speech),
      };
    } catch (error) {
      return { error: error.message };
    }
  });
  const css = adaptor.textContent(MathJax.chtmlStylesheet());
  process.stdout.write(JSON.stringify({ formulas, css }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
