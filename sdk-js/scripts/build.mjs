// Builds the snippet: what the gateway serves under this version, and the npm package in dist/. The same sources and
// tools give the same bytes. Released versions are not built: they are copied from releases/.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { minify } from "terser";
import ts from "typescript";
import { bundle, dependenciesOf, integrity, shrink } from "./bundle.mjs";
import { declarations } from "./declarations.mjs";
import { licenses } from "./licenses.mjs";
import { shortNames } from "./names.mjs";
import { RELEASES, ROOT, workingVersion } from "./version.mjs";

const SERVED = join(ROOT, "../gateway/src/handrail_gateway/static/sdk");
const CORE = "onboarding-agent-sdk";
/** What is fetched later: one file for each of these folders. */
export const CHUNKS = ["delivery", "live", "ui", "health"];
/** The one that the core fetches; it fetches the others, and knows their hashes. */
const FIRST = CHUNKS[0];
/** What a page fills in, in the inline form. */
const SAMPLE = '("https://handrail.example.com/sdk/v1/onboarding-agent-sdk.js",{key:"pk_…"})';

/** Names and contents of all that is served as this version. */
export async function servedFiles(version, root = ROOT) {
  const part = (name, source, format) => bundle(root, { entry: { [name]: source }, format, version });
  const chunks = await Promise.all(CHUNKS.map((name) => part(name, `src/${name}/index.ts`, "es")));
  const script = await part(CORE, "src/snippet.ts", "iife");
  const module = await part(CORE, "src/module.ts", "es");
  const foreign = dependenciesOf([...chunks.flat(), ...script, ...module]);
  const names = shortNames(root, foreign);

  const files = new Map([["licenses.txt", licenses(foreign)]]);
  const add = async (name, [chunk], options) => {
    const { code, map } = await shrink({ ...chunk, fileName: name }, { names, ...options });
    files.set(name, code);
    files.set(`${name}.map`, map);
    return integrity(code, "sha256");
  };
  const hashes = {};
  for (const name of CHUNKS.toReversed()) {
    const constants = name === FIRST ? { __CHUNKS__: hashes } : {};
    hashes[name] = await add(`${name}.mjs`, chunks[CHUNKS.indexOf(name)], { constants, module: true });
  }
  const constants = { __DELIVERY__: hashes[FIRST] };
  await add(`${CORE}.js`, script, { constants, module: false });
  await add(`${CORE}.mjs`, module, { constants, module: true });
  files.set("stub.js", await stub(root));
  return files;
}

/** The inline form: one function, called with sample values. */
async function stub(root) {
  const source = readFileSync(join(root, "src/stub.ts"), "utf8");
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, removeComments: true };
  const { outputText } = ts.transpileModule(source, { compilerOptions: options });
  const small = await minify(outputText.replace("export default function stub", "function stub"), {
    ecma: 2020,
    toplevel: true,
    compress: { passes: 3, unused: false, inline: 0, reduce_funcs: false },
    mangle: { toplevel: true },
  });
  return `!${small.code.replace(/;?$/, "")}${SAMPLE};\n`;
}

/** Names and contents of the npm package's `dist`. */
export async function packageFiles(version, root = ROOT) {
  const entry = { index: "src/index.ts", react: "src/react.ts" };
  const chunks = await bundle(root, { entry, format: "es", version, split: true, external: ["react"] });
  const foreign = dependenciesOf(chunks);
  const names = shortNames(root, foreign);
  const files = new Map([["licenses.txt", licenses(foreign)]]);
  for (const chunk of chunks) {
    const name = chunk.fileName;
    const mapUrl = `${name.split("/").pop()}.map`;
    // Bundlers check what they fetch by themselves.
    const constants = { __CHUNKS__: {} };
    const { code, map } = await shrink(chunk, { names, constants, module: true, mapUrl });
    // Components that use hooks are the client's, also where a server renders.
    files.set(name, name === "react.js" ? `"use client";${code}` : code);
    files.set(`${name}.map`, map);
  }
  for (const [name, text] of declarations(root, Object.values(entry))) files.set(name, text);
  return files;
}

/** Writes a served folder with its manifest: each file's hash for `integrity`. */
export function writeServed(folder, version, files) {
  write(folder, files);
  const hashes = Object.fromEntries(
    [...files.keys()].sort().map((name) => [name, integrity(files.get(name))]),
  );
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify({ version, files: hashes }, null, 2)}\n`);
}

export function write(folder, files) {
  rmSync(folder, { recursive: true, force: true });
  for (const [name, text] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** `served`: folder of all versions; `npm`: the package's dist. */
export async function build({ served = SERVED, npm = join(ROOT, "dist"), releases = RELEASES } = {}) {
  const version = workingVersion();
  const [files, packaged] = [await servedFiles(version), await packageFiles(version)];
  mkdirSync(served, { recursive: true });
  for (const old of readdirSync(served)) {
    if (old !== version) rmSync(join(served, old), { recursive: true, force: true });
  }
  if (existsSync(releases)) cpSync(releases, served, { recursive: true });
  writeServed(join(served, version), version, files);
  write(npm, packaged);
}

if (argv[1] === fileURLToPath(import.meta.url)) await build();
