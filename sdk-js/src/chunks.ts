// The other parts of this very version, from beside the core's folder: an open page finds them also after the platform
// was upgraded. The core knows their hashes, so that a page that pins the core pins all of it. They come by `import()`,
// not by script elements, whose address is a sink of Trusted Types.

import type { Chunks } from "./delivery/border";

/** The hash of the first one, which knows those of the others. Put in by the build. */
declare const __DELIVERY__: string;

/** `from`: the core's own address. */
export function remoteChunks(from: string): Chunks {
  const tried: Record<string, number> = {};
  const other = async (name: string, integrity: string) => {
    // A browser remembers for good that an address failed.
    const again = tried[name] ? `?${tried[name]}` : "";
    tried[name] = Date.now();
    const url = new URL(`../${__VERSION__}/${name}.mjs${again}`, from).href;
    await fetched(url, integrity);
    return import(/* @vite-ignore */ url);
  };
  return { delivery: () => other("delivery", __DELIVERY__), other };
}

/** `import()` takes no hash, but finds what was fetched before it; by a module script where a browser (of before 2023)
 * fetches no modules ahead. Such a one has no Trusted Types. */
function fetched(url: string, integrity: string): Promise<unknown> {
  const link = document.createElement("link");
  const ahead = link.relList.supports("modulepreload");
  const element = ahead ? link : document.createElement("script");
  return new Promise((onload, onerror) => {
    Object.assign(element, {
      integrity,
      crossOrigin: "",
      nonce: document.querySelector<HTMLElement>("script[nonce]")?.nonce ?? "",
      onload,
      onerror,
      ...(ahead ? { rel: "modulepreload", href: url } : { type: "module", src: url }),
    });
    document.head.append(element);
  }).finally(() => element.remove());
}
