// Makes `x.y.z-dev` the release x.y.z: its files go to releases/x.y.z/ once and for ever, the npm package as a tarball
// to ../dist/, and the working tree goes on as the next version. `npm run release`, then commit.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { packageFiles, servedFiles, write, writeServed } from "./build.mjs";
import { releaseOf, workingVersion } from "./version.mjs";

/** Writes `releases/<version>`. Refuses where other bytes are there; the same bytes are left as they are. */
export async function release(root, releases = join(root, "releases")) {
  const { release: version } = releaseOf(workingVersion(root));
  const folder = join(releases, version);
  const making = fs.mkdtempSync(join(tmpdir(), "handrail-release-"));
  try {
    writeServed(making, version, await servedFiles(version, root));
    if (!fs.existsSync(folder)) {
      fs.mkdirSync(dirname(folder), { recursive: true });
      fs.cpSync(making, folder, { recursive: true });
    } else if (!same(making, folder)) {
      throw new Error(
        `${version} is released, with other bytes: pages pin them. Raise the version in package.json.`,
      );
    }
  } finally {
    fs.rmSync(making, { recursive: true, force: true });
  }
  return version;
}

function same(one, other) {
  const names = fs.readdirSync(one).sort();
  return (
    names.join() === fs.readdirSync(other).sort().join() &&
    names.every((name) => fs.readFileSync(join(one, name)).equals(fs.readFileSync(join(other, name))))
  );
}

/** The package as npm gets it, in a folder of its own: of this version, without what only building needs. */
export async function stage(root, version, folder) {
  const {
    scripts: _,
    devDependencies: __,
    ...manifest
  } = JSON.parse(fs.readFileSync(join(root, "package.json"), "utf8"));
  write(join(folder, "dist"), await packageFiles(version, root));
  fs.writeFileSync(join(folder, "package.json"), `${JSON.stringify({ ...manifest, version }, null, 2)}\n`);
  fs.cpSync(join(root, "README.md"), join(folder, "README.md"));
}

/** Packs it; returns the tarball's path. */
export async function pack(root, version, into) {
  const folder = fs.mkdtempSync(join(tmpdir(), "handrail-package-"));
  try {
    await stage(root, version, folder);
    fs.mkdirSync(into, { recursive: true });
    const options = { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    const told = execFileSync("npm", ["pack", "--silent", "--pack-destination", into], options);
    return join(into, told.trim().split("\n").pop());
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** The working tree's version, from now on. */
export function goOn(root) {
  const { release: version, next } = releaseOf(workingVersion(root));
  for (const name of ["package.json", "package-lock.json"]) {
    const path = join(root, name);
    fs.writeFileSync(
      path,
      fs.readFileSync(path, "utf8").replaceAll(`"version": "${version}-dev"`, `"version": "${next}"`),
    );
  }
  return next;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const version = await release(root);
  const tarball = await pack(root, version, join(root, "../dist"));
  console.log(`releases/${version} is written: commit it. For npm: ${tarball}. Next: ${goOn(root)}.`);
}
