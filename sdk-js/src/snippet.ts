// The script tag: `<script async src="…/sdk/v1/onboarding-agent-sdk.js" data-key="pk_…"></script>`. Takes over calls
// that were queued before it came (`window.handrail = window.handrail || []; handrail.push(["track", "x"])`).

import { remoteChunks } from "./chunks";
import { createHandrail, type Handrail } from "./handrail";
import type { Options } from "./options";

declare global {
  interface Window {
    /** `src`: where a stub imports this from. */
    handrail?: Handrail | (unknown[][] & { src?: string });
  }
}

function start(): void {
  const script = document.currentScript;
  const before = window.handrail;
  const told = (name: string) => script?.getAttribute(name);
  const queued = Array.isArray(before) ? before : [];
  const source = told("src") ?? queued.src;
  const address = source ? new URL(source, document.baseURI) : null;
  const handrail = createHandrail(
    address?.origin ?? null,
    remoteChunks(address?.href ?? `${location.origin}/sdk/v1/`, !!told("integrity")),
  );
  window.handrail = handrail;
  // A stub's methods may be in somebody's hands: from here on they end here.
  if (queued === before) queued.push = handrail.push;
  // Before init, so that who is identified already is so from the first event on; a flush after it.
  const later = (call: unknown[]) => call?.[0] === "init" || call?.[0] === "flush";
  handrail.push(...queued.filter((call) => !later(call)));
  const key = told("data-key");
  // What is none of the words allowed says nothing.
  if (key) handrail.init({ key, endpoint: told("data-endpoint"), consent: told("data-consent") } as Options);
  handrail.push(...queued.filter(later));
}

try {
  start();
} catch {
  // A page without what we need stays as it is.
}
