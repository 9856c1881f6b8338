// @vitest-environment node
// What the build makes: small enough, the same everywhere, chunks held by the core.

import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { servedFiles } from "../scripts/build.mjs";
import { measured, printed, README } from "../scripts/size.mjs";
import { ROOT } from "../scripts/version.mjs";

const SLOW = 240_000;
let files: Map<string, string>;

beforeAll(async () => {
  files = await servedFiles("1.2.3");
}, SLOW);

describe("the served files", () => {
  it("stay within their budgets", () => {
    for (const { what, bytes, most } of measured(files)) expect(bytes, what).toBeLessThanOrEqual(most);
  });

  it("are as large as the README says", () => {
    const rows = printed(readFileSync(README, "utf8")).split("\n").slice(2);
    const told = rows.map((row: string) => Number.parseFloat(row.split("|")[2] ?? ""));
    // Another zlib may differ by some bytes.
    for (const [index, { what, bytes }] of measured(files).entries()) {
      expect(Math.abs((told[index] ?? 0) * 1000 - bytes), `${what}: npm run size -- --write`).toBeLessThan(
        150,
      );
    }
  });

  it(
    "are the same when built in another folder",
    async () => {
      const other = mkdtempSync(join(tmpdir(), "handrail-build-"));
      try {
        for (const name of ["src", "scripts", "package.json", "tsconfig.json"]) {
          cpSync(join(ROOT, name), join(other, name), { recursive: true });
        }
        symlinkSync(join(ROOT, "node_modules"), join(other, "node_modules"));
        expect(Object.fromEntries(await servedFiles("1.2.3", other))).toEqual(Object.fromEntries(files));
      } finally {
        rmSync(other, { recursive: true, force: true });
      }
    },
    SLOW,
  );

  it("hold their chunks by hash", () => {
    const held = {
      "onboarding-agent-sdk.js": ["delivery.mjs"],
      "onboarding-agent-sdk.mjs": ["delivery.mjs"],
      "delivery.mjs": ["live.mjs", "ui.mjs", "health.mjs"],
    };
    for (const [holder, chunks] of Object.entries(held)) {
      for (const chunk of chunks) {
        const hash = createHash("sha256")
          .update(files.get(chunk) ?? "")
          .digest("base64");
        expect(files.get(holder), `${holder} of ${chunk}`).toContain(`sha256-${hash}`);
      }
    }
  });

  it("keep the names that the page and the server use, and nothing of this machine", () => {
    const core = files.get("onboarding-agent-sdk.js") ?? "";
    for (const name of ["identify", "track", "user_id", "event_id", "target_element", "userId"]) {
      expect(core).toMatch(new RegExp(`\\b${name}\\b`));
    }
    for (const [name, text] of files) expect(text.includes(ROOT), name).toBe(false);
    const map = JSON.parse(files.get("ui.mjs.map") ?? "{}") as {
      sources: string[];
      sourcesContent: string[];
    };
    expect(map.sources).toContain("onboarding-agent-sdk/src/ui/index.ts");
    expect(map.sourcesContent).toHaveLength(map.sources.length);
  });
});
