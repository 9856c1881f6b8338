// For pages that call before the snippet has come, pasted into the page itself: keeps calls in an array, and loads the
// snippet, which answers them. By `import()`: a script element would hold the page's `load` event back for as long as
// the gateway hangs, and its address is a sink of Trusted Types. The build makes `stub.js` of this one function, with
// sample values for a page to fill in.

import type { Options } from "./options";

type Call = (...args: unknown[]) => unknown;
type Stub = unknown[][] & Record<string, Call> & { src: string };

export default function stub(src: string, options: Options, integrity?: string): void {
  const page = window as unknown as { handrail?: Stub };
  const calls = page.handrail ?? ([] as unknown[][] as Stub);
  // The snippet or another stub was here before.
  if (calls.init) return;
  page.handrail = calls;
  let flushes: Call[] = [];
  let dead = false;
  const keep = (...call: unknown[]) => {
    if (!dead && calls.length < 100) calls.push(call);
  };
  for (const name of ["init", "identify", "track", "page", "reset", "consent", "shutdown"]) {
    calls[name] = (...args) => keep(name, ...args);
  }
  calls.on = (event, fn) => {
    let stopped = false;
    keep("on", event, (detail: unknown) => stopped || (fn as Call)(detail));
    return () => {
      stopped = true;
    };
  };
  calls.flush = () =>
    new Promise<void>((resolve) => {
      if (dead) {
        resolve();
        return;
      }
      flushes.push(resolve as Call);
      // However many calls there are already: somebody waits.
      calls.push(["flush", resolve]);
    });
  keep("init", options);
  // What is imported has no element to read its own address from.
  calls.src = src;
  const nonce = (document.currentScript as HTMLScriptElement | null)?.nonce ?? "";
  const load = (address: string, again?: boolean) => {
    const failed = () => {
      if (again) {
        // Once, and no more: each failure is a red line in the page's console. A browser remembers for good that an
        // address failed.
        setTimeout(load, 5_000, `${src}?2`);
        return;
      }
      // Blocked or away: nobody waits for it, nothing is gathered.
      dead = true;
      calls.length = 0;
      for (const flush of flushes) flush();
      flushes = [];
    };
    const run = () => import(/* @vite-ignore */ address).catch(failed);
    if (!integrity) {
      run();
      return;
    }
    // `import()` takes no hash, but finds what was fetched before it. A browser of before 2023 has no such fetching.
    const link = document.createElement("link");
    const script = document.createElement("script");
    const checked = link.relList.supports("modulepreload");
    const element = checked ? link : script;
    element.integrity = integrity;
    element.crossOrigin = "";
    element.nonce = nonce;
    element.onload = () => {
      element.remove();
      if (checked) run();
    };
    element.onerror = () => {
      element.remove();
      failed();
    };
    if (checked) {
      link.rel = "modulepreload";
      link.href = address;
    } else script.src = address;
    document.head.append(element);
  };
  load(src, true);
}
