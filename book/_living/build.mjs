// Bundles the living network into one classic script: pages opened from a folder (file://) load no
// ES modules. The first line names the sources by their hash, so that a test sees a stale bundle.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const sources = readdirSync(here).filter((name) => /^(.+\.(css|js)|package-lock\.json)$/.test(name));
const hash = createHash("sha256");
const licence = readFileSync(new URL("node_modules/svd-js/LICENSE", here), "utf8").trim();
for (const name of sources.sort()) hash.update(readFileSync(new URL(name, here)));

await build({
  absWorkingDir: new URL(".", here).pathname,
  entryPoints: ["living.js"],
  outfile: "../_static/living.js",
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "livingNetwork",
  target: "es2022",
  charset: "utf8",
  loader: { ".css": "text" },
  banner: {
    js: `/* Sources: book/_living, ${hash.digest("hex").slice(0, 16)}. Contains svd-js:\n${licence} */`,
  },
});
