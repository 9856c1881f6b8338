// How large the snippet is, gzipped as the gateway does it: `npm run size`; `-- --modules` says what weighs how much.
// `-- --write` puts the sizes into the README; the tests hold it to them.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { minify } from "terser";
import { CHUNKS, servedFiles } from "./build.mjs";
import { bundle } from "./bundle.mjs";
import { ROOT, workingVersion } from "./version.mjs";

/** Bytes, gzipped. */
export const BUDGETS = [
  { what: "inline stub", files: ["stub.js"], most: 1_000 },
  { what: "core, script tag", files: ["onboarding-agent-sdk.js"], most: 9_000 },
  { what: "core, ES module", files: ["onboarding-agent-sdk.mjs"], most: 9_000 },
  { what: "fetched when the page has a moment: sends", files: ["delivery.mjs"], most: 9_500 },
  { what: "fetched when the page is looked at: socket", files: ["live.mjs"], most: 4_600 },
  { what: "fetched for the first nudge: all that is shown", files: ["ui.mjs"], most: 18_000 },
  { what: "fetched in some visits: looks for elements", files: ["health.mjs"], most: 4_000 },
];
export const README = join(ROOT, "../README.md");
const MARKS = ["<!-- sizes: npm run size -- --write -->", "<!-- end of sizes -->"];

export function gzipped(text) {
  return gzipSync(text, { level: 9 }).length;
}

/** The budgets with what is used of them; `files`: name to text. */
export function measured(files) {
  return BUDGETS.map((budget) => ({
    ...budget,
    bytes: budget.files.reduce((sum, name) => sum + gzipped(files.get(name)), 0),
  }));
}

export function table(rows) {
  const lines = rows.map(({ what, files, most, bytes }) => {
    const names = files.map((name) => `\`${name}\``).join(", ");
    return `| ${what} (${names}) | ${kilobytes(bytes)} kB | ${kilobytes(most)} kB |`;
  });
  return ["| part | gzipped | budget |", "|---|---|---|", ...lines].join("\n");
}

/** What stands in the README between the marks. */
export function printed(readme) {
  const [from, to] = MARKS.map((mark) => readme.indexOf(mark));
  if (from < 0 || to < from) throw new Error(`the README has no lines ${MARKS.join(" and ")}`);
  return readme.slice(from + MARKS[0].length, to).trim();
}

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(1);
}

/** Each module's own weight, alone: in sum more than the file's, because what repeats costs once. */
async function modules(entry) {
  const [chunk] = await bundle(ROOT, { entry: { x: entry }, format: "es", version: "0" });
  const rows = [];
  for (const [id, { code }] of Object.entries(chunk.modules)) {
    if (!code) continue;
    const small = await minify(code, { ecma: 2020, compress: { unused: false } });
    rows.push([gzipped(small.code) - 20, relative(ROOT, id)]);
  }
  return rows.sort((a, b) => b[0] - a[0]);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const rows = measured(await servedFiles(workingVersion()));
  for (const { files, bytes, most } of rows) {
    console.log(
      `${String(bytes).padStart(6)} of ${most}  ${files.map((name) => basename(name)).join(" + ")}`,
    );
  }
  if (argv.includes("--modules")) {
    for (const entry of ["src/snippet.ts", ...CHUNKS.map((name) => `src/${name}/index.ts`)]) {
      console.log(`\n${entry}`);
      for (const [bytes, name] of await modules(entry)) console.log(`${String(bytes).padStart(6)}  ${name}`);
    }
  }
  if (argv.includes("--write")) {
    const readme = readFileSync(README, "utf8");
    writeFileSync(README, readme.replace(printed(readme), table(rows)));
  }
  if (rows.some(({ bytes, most }) => bytes > most)) process.exitCode = 1;
}
