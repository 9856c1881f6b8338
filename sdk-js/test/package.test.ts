// @vitest-environment node
// The npm package as it would be published: entries, types, a server without window.

import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pack } from "../scripts/release.mjs";
import { ROOT } from "../scripts/version.mjs";

const SLOW = 240_000;
let folder: string;
let tarball: string;
let installed: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "handrail-npm-"));
  tarball = await pack(ROOT, "1.2.3", folder);
  installed = join(folder, "node_modules/onboarding-agent-sdk");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  for (const name of ["react", "react-dom", "scheduler", "@types", "csstype"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
}, SLOW);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const node = (code: string) =>
  execFileSync("node", ["--input-type=module", "-e", code], { cwd: folder, encoding: "utf8" }).trim();

describe("the package", () => {
  it("is as npm, bundlers and Node want it", async () => {
    const { buffer } = new Uint8Array(readFileSync(tarball));
    const { messages, pkg } = await publint({ strict: true, pack: { tarball: buffer } });
    expect(messages.map((message) => formatMessage(message, pkg as Record<string, unknown>))).toEqual([]);
  });

  it(
    "has types that resolve wherever ES modules do",
    () => {
      const told = execFileSync(
        join(ROOT, "node_modules/.bin/attw"),
        [tarball, "--profile", "esm-only", "--format", "ascii", "--no-color", "--no-definitely-typed"],
        { encoding: "utf8", cwd: folder },
      );
      // It ends with an error where there is one; CommonJS and what came before `exports` are left out on purpose.
      expect(told.match(/node16 \(from ESM\): 🟢 \(ESM\)/g)).toHaveLength(2);
      expect(told.match(/bundler: 🟢/g)).toHaveLength(3);
    },
    SLOW,
  );

  it("carries no address of a registry, and nothing but what it needs", () => {
    expect(readdirSync(installed).sort()).toEqual(["README.md", "dist", "package.json"]);
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect(manifest).toMatchObject({ version: "1.2.3", sideEffects: false, type: "module" });
    expect(Object.keys(manifest)).not.toContain("dependencies");
    const lock = readFileSync(join(ROOT, "package-lock.json"), "utf8");
    expect(lock).not.toContain('"resolved": "http');
  });

  it(
    "types its users strictly",
    () => {
      const user = join(folder, "user.tsx");
      writeFileSync(
        user,
        `import { type Handrail, handrail, init, type Options } from "onboarding-agent-sdk";
       import { useHandrail, useHandrailEvent } from "onboarding-agent-sdk/react";
       const options: Options = { key: "pk_x", token: async () => "t", consent: "pending" };
       init(options);
       const stop: () => void = handrail.on("action", ({ action_id }) => void action_id);
       export function App(): string {
         const own: Handrail = useHandrail(options);
         useHandrailEvent("nudge_shown", () => own.track("seen", { n: 1 }));
         // @ts-expect-error: no such state
         own.consent("maybe");
         // @ts-expect-error: a name is needed
         own.track();
         stop();
         return own.version;
       }`,
      );
      const program = ts.createProgram([user], {
        strict: true,
        noEmit: true,
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        jsx: ts.JsxEmit.ReactJSX,
        types: [],
      });
      const faults = ts.getPreEmitDiagnostics(program);
      expect(faults.map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, "\n"))).toEqual([]);
    },
    SLOW,
  );

  it("does nothing on a server, and harms nothing there", () => {
    const told = node(`
      import { handrail, init } from "onboarding-agent-sdk";
      init({ key: "pk_00000000_${"0".repeat(36)}", endpoint: "https://handrail.example.test", userId: "u" });
      handrail.identify("u"); handrail.track("x"); handrail.page(); handrail.consent("granted");
      handrail.on("ready", () => {})(); handrail.reset(); handrail.push(["track", "y"]);
      await handrail.flush(); handrail.shutdown();
      console.log(handrail.version, typeof window, typeof document);`);
    expect(told).toBe("1.2.3 undefined undefined");
  });

  it("renders on a server with its hook", () => {
    const told = node(`
      import { createElement } from "react";
      import { renderToString } from "react-dom/server";
      import { useHandrail, useHandrailEvent } from "onboarding-agent-sdk/react";
      const App = () => {
        const own = useHandrail({ key: "pk_x", endpoint: "https://handrail.example.test" });
        useHandrailEvent("ready", () => {});
        return createElement("p", null, own.version);
      };
      console.log(renderToString(createElement(App)));`);
    expect(told).toBe("<p>1.2.3</p>");
    expect(readFileSync(join(installed, "dist/react.js"), "utf8")).toMatch(/^"use client";/);
  });
});
