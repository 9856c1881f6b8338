// The script tag: `<script async src="…/sdk/v1/onboarding-agent-sdk.js" data-key="pk_…"></script>`. Takes over calls
// that were queued before it came (`window.handrail = window.handrail || []; handrail.push(["track", "x"])`).

import { createHandrail, type Handrail } from "./handrail";
import type { UiModule } from "./nudges/stage";
import type { Options } from "./options";

declare global {
  interface Window {
    handrail?: Handrail | unknown[][];
  }
}

function start(): void {
  const script = document.currentScript;
  const before = window.handrail;
  if (before && !Array.isArray(before) && "version" in before) return;
  const source = script?.getAttribute("src");
  const address = source ? new URL(source, document.baseURI) : null;
  const handrail = createHandrail(address?.origin ?? null, () => loadUi(address));
  window.handrail = handrail;
  const queued = Array.isArray(before) ? before : [];
  // Before init, so that who is identified already is so from the first event on.
  handrail.push(...queued.filter((call) => call?.[0] !== "init"));
  const own = script?.getAttribute("data-key");
  if (own) handrail.init({ key: own, ...attributes(script) });
  handrail.push(...queued.filter((call) => call?.[0] === "init"));
}

/** The other half of this very version: an open page finds it also after the platform has been upgraded. */
function loadUi(address: URL | null): Promise<UiModule> {
  const origin = address?.origin ?? location.origin;
  return import(/* @vite-ignore */ `${origin}/sdk/${__VERSION__}/ui.mjs`);
}

function attributes(script: Element | null): Partial<Options> {
  const endpoint = script?.getAttribute("data-endpoint");
  const consent = script?.getAttribute("data-consent");
  return {
    ...(endpoint && { endpoint }),
    ...((consent === "pending" || consent === "denied") && { consent }),
  };
}

try {
  start();
} catch {
  // A page without what we need stays as it is.
}
