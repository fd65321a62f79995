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
const NO_BREAK = /mjx-c(7C|2225|2061)\b/;  // bars of sizes and norms; a function before its argument
const LONG = 25;  // characters of TeX that may not fit a line
// What the engine calls by a name that is not the reader's.
const WORDS = [
  [/^1 lines Line 1: /, ""],
  [/\blamda\b/g, "lambda"],
  [/ raised to the down tack power/g, " transpose"],
  [/\bthe metric of\b/g, "the norm of"],
  [/\bprecedes above single line equals sign\b/g, "precedes or equals"],
  [/\bsucceeds above single line equals sign\b/g, "succeeds or equals"],
];

// Parts of a formula, between which a small screen may end a line: they begin after an operator or a
// comma, where TeX would break it too; in a display, only outside of brackets.
function divide(adaptor, math, display) {
  const parts = [[]];
  let depth = 0, operator = false, gap = false;
  for (const child of adaptor.childNodes(math)) {
    const text = adaptor.outerHTML(child), spaced = adaptor.getAttribute(child, "space");
    if (!text.includes("<mjx-c")) {
      gap = true;  // no character: TeX's \; and the like
    } else {
      if (operator && (spaced || gap) && !(display && depth > 0)) parts.push([]);
      const opens = (text.match(/mjx-c(28|5B|7B|27E8)\b/g) || []).length;
      const closes = (text.match(/mjx-c(29|5D|7D|27E9)\b/g) || []).length;
      [operator, gap] = [adaptor.kind(child) === "mjx-mo" && !closes && !NO_BREAK.test(text), false];
      depth += opens - closes;
    }
    parts[parts.length - 1].push(child);
  }
  if (parts.length < 2) return;
  for (const part of parts) adaptor.append(math, adaptor.node("span", { class: "mjx-part" }, part));
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
      if (tex.length > LONG) divide(adaptor, adaptor.firstChild(node), display);
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
