// One bundle of the sources: put together by vite, then made small by terser with our own short names.
import { createHash } from "node:crypto";
import { minify } from "terser";
import { build } from "vite";

const TARGET = "es2022";

/** The sheet of what is shown, without the blanks that are there for people. */
const tightSheet = {
  name: "tight-sheet",
  transform: (code, id) =>
    id.endsWith("/ui/style.ts")
      ? { code: code.replace(/\s*([{};,])\s*|(:) /g, "$1$2").replace(/;}/g, "}"), map: null }
      : null,
};

/** The files that vite makes of these entries, unshortened; `split`: other files than the entries may come of it. */
export async function bundle(root, { entry, format, version, split = false, external = [] }) {
  const [output] = [
    await build({
      root,
      configFile: false,
      logLevel: "warn",
      plugins: [tightSheet],
      define: { __VERSION__: JSON.stringify(version) },
      build: {
        target: TARGET,
        write: false,
        sourcemap: true,
        lib: { entry, formats: [format], name: "__handrail", fileName: (_, name) => `${name}.js` },
        rolldownOptions: {
          external,
          output: split ? { chunkFileNames: "chunks/[name].js" } : { codeSplitting: false },
        },
      },
    }),
  ].flat();
  return output.output.filter((file) => file.type === "chunk");
}

/** Names of the files of other packages that are in these bundles. */
export function dependenciesOf(chunks) {
  const ids = chunks.flatMap((chunk) => chunk.moduleIds ?? []).map((id) => id.replace(/[?\0].*$/, ""));
  return [...new Set(ids.filter((id) => id.includes("/node_modules/")))].sort();
}

/** `constants`: values for free names such as `__CHUNKS__`. Returns code and source map. */
export async function shrink(chunk, { names, constants = {}, module, mapUrl }) {
  const pattern = names.size ? new RegExp(`^(?:${[...names.keys()].map(escaped).join("|")})$`) : /^$/;
  const result = await minify(
    { [chunk.fileName]: chunk.code },
    {
      ecma: 2020,
      module,
      toplevel: true,
      compress: {
        passes: 3,
        global_defs: constants,
        unsafe_arrows: true,
        unsafe_methods: true,
        hoist_funs: true,
      },
      mangle: { properties: { regex: pattern } },
      nameCache: {
        props: { props: Object.fromEntries([...names].map(([long, short]) => [`$${long}`, short])) },
      },
      format: { comments: false },
      sourceMap: {
        ...(chunk.map && {
          content: JSON.stringify({ ...chunk.map, sources: chunk.map.sources.map(readable) }),
        }),
        includeSources: true,
        filename: chunk.fileName,
        ...(mapUrl && { url: mapUrl }),
      },
    },
  );
  return { code: result.code, map: result.map };
}

/** A source's place as a developer knows it, the same on every machine. */
function readable(source) {
  return source.replace(/^.*?(?=(?:src|node_modules)\/)/, "onboarding-agent-sdk/");
}

function escaped(name) {
  return name.replaceAll("$", "\\$");
}

/** For `integrity`. */
export function integrity(body, algorithm = "sha384") {
  return `${algorithm}-${createHash(algorithm).update(body).digest("base64")}`;
}
