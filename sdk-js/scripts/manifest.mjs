// Writes static/sdk/<version>/manifest.json: what the gateway may serve, and each file's hash for `integrity`.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const { version } = JSON.parse(readFileSync(join(here, "../package.json"), "utf8"));
const folder = join(here, "../../gateway/src/handrail_gateway/static/sdk", version);

const files = {};
for (const name of readdirSync(folder).sort()) {
  if (name === "manifest.json") continue;
  files[name] = `sha384-${createHash("sha384")
    .update(readFileSync(join(folder, name)))
    .digest("base64")}`;
}
writeFileSync(join(folder, "manifest.json"), `${JSON.stringify({ version, files }, null, 2)}\n`);
