// Builds examples/hosts as their users would: `node hosts.mjs FOLDER GATEWAY KEY`. React in development mode, where
// StrictMode runs every effect twice; the one of Next as a server renders it and a browser takes it over.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const [, , out, gateway, key] = argv;
const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const sdk = join(root, "sdk-js");
const hosts = join(root, "examples/hosts");
const require = createRequire(join(sdk, "package.json"));
const { build } = await import(pathToFileURL(require.resolve("vite")).href);

const TAKE_OVER = `
  import { createElement } from "react";
  import { hydrateRoot } from "react-dom/client";
  import Layout from "${hosts}/next/layout.jsx";
  hydrateRoot(document, createElement(Layout, null, createElement("main", null, "Hello")));`;
const RENDER = `
  import { createElement } from "react";
  import { renderToString } from "react-dom/server";
  import Layout from "${hosts}/next/layout.jsx";
  export const page = renderToString(createElement(Layout, null, createElement("main", null, "Hello")));`;

mkdirSync(out, { recursive: true });
writeFileSync(join(out, "take-over.jsx"), TAKE_OVER);
writeFileSync(join(out, "render.jsx"), RENDER);

const packaged = (name) => ({ find: new RegExp(`^${name}(?=/|$)`), replacement: join(sdk, "node_modules", name) });
const own = [
  { find: /^onboarding-agent-sdk\/react$/, replacement: join(sdk, "dist/react.js") },
  { find: /^onboarding-agent-sdk$/, replacement: join(sdk, "dist/index.js") },
];

async function bundle(name, entry, { mode = "production", server = false } = {}) {
  await build({
    root: out,
    configFile: false,
    logLevel: "error",
    mode,
    publicDir: false,
    define: {
      "import.meta.env.VITE_HANDRAIL_KEY": JSON.stringify(key),
      "import.meta.env.VITE_HANDRAIL_URL": JSON.stringify(gateway),
      "process.env.NEXT_PUBLIC_HANDRAIL_KEY": JSON.stringify(key),
      "process.env.NEXT_PUBLIC_HANDRAIL_URL": JSON.stringify(gateway),
      ...(!server && { "process.env.NODE_ENV": JSON.stringify(mode) }),
      __VUE_OPTIONS_API__: "false",
      __VUE_PROD_DEVTOOLS__: "false",
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
    },
    resolve: { alias: [...own, packaged("react"), packaged("react-dom"), packaged("vue")] },
    ssr: { noExternal: true },
    build: {
      outDir: join(out, name),
      emptyOutDir: false,
      ssr: server && entry,
      modulePreload: false,
      rolldownOptions: { input: entry, output: { entryFileNames: "main.js", chunkFileNames: "[name]-[hash].js" } },
    },
  });
}

const html = (body) => `<!doctype html><html lang="en"><head><title>Host</title></head><body>${body}</body></html>`;
const script = '<script type="module" src="main.js"></script>';

await bundle("react", join(hosts, "react/main.jsx"), { mode: "development" });
await bundle("vue", join(hosts, "vue/main.js"));
await bundle("next", join(out, "take-over.jsx"));
await bundle("server", join(out, "render.jsx"), { server: true });
const { page } = await import(pathToFileURL(join(out, "server/main.js")).href);
for (const name of ["react", "vue"]) {
  writeFileSync(join(out, name, "index.html"), html(`<div id="root"></div>${script}`));
}
// As Next does it: what loads the page's scripts stands outside of what React takes over.
writeFileSync(
  join(out, "next/index.html"),
  `<!doctype html>${page.replace("</head>", '<script type="module" async src="main.js"></script></head>')}`,
);
