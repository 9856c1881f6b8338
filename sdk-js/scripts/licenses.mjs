// What others wrote and is part of a bundle, with the terms it comes under.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** `files`: of other packages. */
export function licenses(files) {
  const folders = new Set(files.map((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)[0]));
  const parts = [...folders].map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const terms = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    if (!terms) throw new Error(`${name} has no licence to pass on`);
    return `${name} ${version}\n\n${readFileSync(join(folder, terms), "utf8").trim()}\n`;
  });
  return `Parts of these files were written by others:\n\n${parts.sort().join(`\n${"-".repeat(80)}\n\n`)}`;
}
