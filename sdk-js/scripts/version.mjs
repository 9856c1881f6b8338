// The version of the working tree is the next one, `x.y.z-dev`, until `npm run release` makes it `x.y.z`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
export const RELEASES = join(ROOT, "releases");
const WORKING = /^(\d+\.\d+\.)(\d+)-dev$/;

export function workingVersion(root = ROOT) {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  if (!WORKING.test(version)) {
    throw new Error(
      `version ${version} of package.json: a released one is never built again; write x.y.z-dev`,
    );
  }
  return version;
}

/** `1.2.3-dev` is what will be 1.2.3, and after that comes `1.2.4-dev`. */
export function releaseOf(working) {
  const [, head, patch] = WORKING.exec(working);
  return { release: head + patch, next: `${head}${Number(patch) + 1}-dev` };
}
