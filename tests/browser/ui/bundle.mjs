// Puts harness.ts together into the file named by the first argument, with the snippet's own tools.
import { fileURLToPath } from "node:url";
import { argv } from "node:process";

const sdk = new URL("../../../sdk-js/", import.meta.url);
const { build } = await import(new URL("node_modules/vite/dist/node/index.js", sdk));
await build({
  root: fileURLToPath(sdk),
  configFile: false,
  logLevel: "error",
  build: {
    outDir: argv[2],
    target: "es2022",
    minify: false,
    lib: { entry: fileURLToPath(new URL("harness.ts", import.meta.url)), formats: ["iife"], name: "harness", fileName: () => "harness.js" },
  },
});
