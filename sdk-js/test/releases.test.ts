// @vitest-environment node
// A release is made once and never changes.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHUNKS } from "../scripts/build.mjs";
import { goOn, release } from "../scripts/release.mjs";
import { RELEASES, ROOT, releaseOf, workingVersion } from "../scripts/version.mjs";

const SLOW = 240_000;
const released = fs.existsSync(RELEASES) ? fs.readdirSync(RELEASES) : [];
let tree: string;

/** Faults of a released folder against its manifest. */
function faults(folder: string, version: string): string[] {
  const manifest = JSON.parse(fs.readFileSync(join(folder, "manifest.json"), "utf8")) as {
    version: string;
    files: Record<string, string>;
  };
  const found = manifest.version === version ? [] : ["version"];
  const names = fs.readdirSync(folder).filter((name) => name !== "manifest.json");
  for (const name of new Set([...names, ...Object.keys(manifest.files)])) {
    const path = join(folder, name);
    const hash = fs.existsSync(path) && createHash("sha384").update(fs.readFileSync(path)).digest("base64");
    if (manifest.files[name] !== `sha384-${hash}`) found.push(name);
  }
  return found;
}

/** A snippet of a few lines: what a release is does not hang on what is in it. */
const SOURCES: Record<string, string> = {
  "snippet.ts": "declare const __CHUNKS__: object; console.debug(__VERSION__, __CHUNKS__);",
  "module.ts": "declare const __CHUNKS__: object; export const chunks = __CHUNKS__;",
  "stub.ts": "export default function stub(src: string): void { console.debug(src); }",
  "env.d.ts": "declare const __VERSION__: string;",
  ...Object.fromEntries(CHUNKS.map((name) => [`${name}/index.ts`, `export const part = "${name}";`])),
};

beforeAll(() => {
  tree = fs.mkdtempSync(join(tmpdir(), "handrail-tree-"));
  for (const name of ["scripts", "package.json", "package-lock.json", "tsconfig.json"]) {
    fs.cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  }
  for (const [name, text] of Object.entries(SOURCES)) {
    fs.mkdirSync(dirname(join(tree, "src", name)), { recursive: true });
    fs.writeFileSync(join(tree, "src", name), text);
  }
  fs.symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
});

afterAll(() => fs.rmSync(tree, { recursive: true, force: true }));

describe("a release", () => {
  it(
    "is written once; the same again changes nothing, other bytes are refused",
    async () => {
      const version = await release(tree);
      const folder = join(tree, "releases", version);
      expect(`${version}-dev`).toBe(workingVersion(tree));
      expect(faults(folder, version)).toEqual([]);
      expect(fs.readdirSync(folder)).toContain("onboarding-agent-sdk.js");
      expect(await release(tree)).toBe(version);

      fs.appendFileSync(join(tree, "src/snippet.ts"), "\nconsole.debug(1);\n");
      const before = fs.readFileSync(join(folder, "onboarding-agent-sdk.js"), "utf8");
      await expect(release(tree)).rejects.toThrow(`${version} is released, with other bytes`);
      expect(fs.readFileSync(join(folder, "onboarding-agent-sdk.js"), "utf8")).toBe(before);
      expect(fs.readdirSync(join(tree, "releases"))).toEqual([version]);

      // The tree goes on as the next version, and a released one is never built again.
      const next = goOn(tree);
      expect(workingVersion(tree)).toBe(next);
      expect(releaseOf(next).release).not.toBe(version);
      expect(JSON.parse(fs.readFileSync(join(tree, "package-lock.json"), "utf8")).version).toBe(next);
      fs.appendFileSync(join(folder, "ui.mjs"), " ");
      expect(faults(folder, version)).toEqual(["ui.mjs"]);
    },
    SLOW,
  );

  it("is not built from a tree that says it is one", () => {
    const path = join(tree, "package.json");
    fs.writeFileSync(path, fs.readFileSync(path, "utf8").replace("-dev", ""));
    const told = spawnSync("node", ["scripts/build.mjs"], { cwd: tree, encoding: "utf8" });
    expect(told.status).not.toBe(0);
    expect(told.stderr).toContain("never built again");
  });
});

describe("the releases of this tree", () => {
  it("are as their manifests say", () => {
    for (const version of released) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(faults(join(RELEASES, version), version), version).toEqual([]);
    }
    expect(released).not.toContain(releaseOf(workingVersion()).release);
  });

  it("were never changed in the history", ({ skip }) => {
    const git = (...args: string[]) => spawnSync("git", ["-C", ROOT, ...args], { encoding: "utf8" });
    if (git("rev-parse", "--is-inside-work-tree").status !== 0) skip("no history here");
    const changed = ["log", "--format=", "--name-only", "--diff-filter=MDRT", "--", "releases"];
    expect(git(...changed).stdout).toBe("");
    expect(git("diff", "HEAD", "--name-only", "--diff-filter=MDRT", "--", "releases").stdout).toBe("");
  });
});
