// Three builds of one source: the script tag's IIFE (default), what it loads to show nudges (--mode ui), and the npm
// package's ES modules (--mode esm).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { LibraryOptions } from "vite";
import { defineConfig } from "vitest/config";

const { version } = JSON.parse(readFileSync(new URL("./package.json", import.meta.url), "utf8")) as {
  version: string;
};
const served = fileURLToPath(
  new URL(`../gateway/src/handrail_gateway/static/sdk/${version}`, import.meta.url),
);
const npm = fileURLToPath(new URL("./dist", import.meta.url));

const SNIPPET: LibraryOptions = {
  entry: "src/snippet.ts",
  formats: ["iife"],
  name: "__handrail",
  fileName: () => "onboarding-agent-sdk.js",
};
const LIBRARIES: Record<string, LibraryOptions> = {
  esm: { entry: "src/index.ts", formats: ["es"], fileName: () => "onboarding-agent-sdk.mjs" },
  ui: { entry: "src/ui/index.ts", formats: ["es"], fileName: () => "ui.mjs" },
};

export default defineConfig(({ mode }) => ({
  define: { __VERSION__: JSON.stringify(version) },
  build: {
    target: "es2020",
    outDir: mode === "esm" ? npm : served,
    emptyOutDir: mode !== "ui",
    lib: LIBRARIES[mode] ?? SNIPPET,
  },
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.ts"],
    restoreMocks: true,
    silent: "passed-only",
  },
}));
