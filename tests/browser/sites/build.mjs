// Bundles the sites' scripts into built/, as a company's build would: minified, production mode. Seconds.
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const sdk = join(here, "../../../sdk-js");

// The package as npm would give it: by its own name and its own `exports`.
const ownPackage = {
  name: "own-package",
  setup(on) {
    on.onResolve({ filter: /^onboarding-agent-sdk(\/|$)/ }, (asked) =>
      asked.resolveDir === sdk
        ? undefined
        : on.resolve(asked.path, { kind: asked.kind, resolveDir: sdk }),
    );
  },
};

rmSync(join(here, "built"), { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: [
    "src/react.jsx",
    "src/vue.js",
    "src/radix.jsx",
    "src/mui.jsx",
    "src/zone.js",
    "src/npm.js",
    "src/posthog.js",
  ],
  bundle: true,
  minify: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  outdir: "built",
  define: {
    "process.env.NODE_ENV": '"production"',
    __VUE_OPTIONS_API__: "false",
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
  },
  logLevel: "warning",
  plugins: [ownPackage],
});
