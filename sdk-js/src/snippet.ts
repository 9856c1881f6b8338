// The script tag: `<script async src="…/sdk/v1/onboarding-agent-sdk.js" data-key="pk_…"></script>`. Takes over calls
// that were queued before it came (`window.handrail = window.handrail || []; handrail.push(["track", "x"])`).

import { remoteChunks } from "./chunks";
import { createHandrail, type Handrail } from "./handrail";
import type { Options } from "./options";

declare global {
  interface Window {
    handrail?: Handrail | unknown[][];
  }
}

function start(): void {
  const script = document.currentScript;
  const before = window.handrail;
  const source = script?.getAttribute("src");
  const address = source ? new URL(source, document.baseURI) : null;
  const handrail = createHandrail(
    address?.origin ?? null,
    remoteChunks(address?.href ?? `${location.origin}/sdk/v1/`, !!script?.getAttribute("integrity")),
  );
  window.handrail = handrail;
  const queued = Array.isArray(before) ? before : [];
  // A stub's methods may be in somebody's hands: from here on they end here.
  if (queued === before) queued.push = handrail.push;
  // Before init, so that who is identified already is so from the first event on; a flush after it.
  const later = (call: unknown[]) => call?.[0] === "init" || call?.[0] === "flush";
  handrail.push(...queued.filter((call) => !later(call)));
  const own = script?.getAttribute("data-key");
  if (own) handrail.init({ key: own, ...attributes(script) });
  handrail.push(...queued.filter(later));
}

function attributes(script: Element | null): Partial<Options> {
  const endpoint = script?.getAttribute("data-endpoint");
  const consent = script?.getAttribute("data-consent");
  return {
    ...(endpoint && { endpoint }),
    ...((consent === "pending" || consent === "denied" || consent === "granted") && { consent }),
  };
}

try {
  start();
} catch {
  // A page without what we need stays as it is.
}
