// For pages that call before the snippet has come, pasted into the page itself: keeps calls in an array, and loads the
// snippet, which answers them. The build makes `stub.js` of this one function, with sample values for a page to fill in.

import type { Options } from "./options";

type Call = (...args: unknown[]) => unknown;
type Stub = unknown[][] & Record<string, Call>;

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
      keep("flush", resolve);
    });
  keep("init", options);
  const nonce = (document.currentScript as HTMLScriptElement | null)?.nonce;
  const load = (again: boolean) => {
    const script = document.createElement("script");
    script.async = true;
    if (nonce) script.nonce = nonce;
    if (integrity) {
      script.integrity = integrity;
      script.crossOrigin = "";
    }
    script.onerror = () => {
      script.remove();
      if (again) {
        // Once, and no more: each failure is a red line in the page's console.
        setTimeout(load, 5_000);
        return;
      }
      // Blocked or away: nobody waits for it, nothing is gathered.
      dead = true;
      calls.length = 0;
      for (const flush of flushes) flush();
      flushes = [];
    };
    script.src = src;
    document.head.append(script);
  };
  load(true);
}
