// The other parts of this very version, from beside the core's folder: an open page finds them also after the platform
// was upgraded. The core knows their hashes, so that a page that pins the core pins all of it. They come by `import()`,
// not by script elements, whose address is a sink of Trusted Types.

import type { Chunks } from "./delivery/border";

/** The hash of the first one, which knows those of the others. Put in by the build. */
declare const __DELIVERY__: string;

/** `from`: the core's own address; `pinned`: the page insists on hashes. */
export function remoteChunks(from: string, pinned = false): Chunks {
  const tries: Record<string, number> = {};
  const other = async (name: string, integrity: string) => {
    const count = (tries[name] ?? 0) + 1;
    tries[name] = count;
    // A browser remembers for good that an address failed.
    const again = count > 1 ? `?${count}` : "";
    const url = new URL(`../${__VERSION__}/${name}.mjs${again}`, from).href;
    await fetched(url, integrity, pinned);
    return import(/* @vite-ignore */ url);
  };
  return { delivery: () => other("delivery", __DELIVERY__), other };
}

/** `import()` takes no hash, but finds what was fetched before it. */
function fetched(url: string, integrity: string, pinned: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    if (!link.relList.supports("modulepreload")) {
      // A browser of before 2023 cannot check.
      if (pinned) reject(url);
      else resolve();
      return;
    }
    const done = (settle: () => void) => () => {
      link.remove();
      settle();
    };
    link.rel = "modulepreload";
    link.integrity = integrity;
    link.crossOrigin = "";
    link.nonce = document.querySelector<HTMLElement>("script[nonce]")?.nonce ?? "";
    link.onload = done(resolve);
    link.onerror = done(() => reject(url));
    link.href = url;
    document.head.append(link);
  });
}
