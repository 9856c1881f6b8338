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
    remoteChunks(address?.href ?? `${location.origin}/sdk/v1/`),
  );
  window.handrail = handrail;
  // A stub's methods may be in somebody's hands: from here on they end here.
  if (queued === before) queued.push = handrail.push;
  const names = queued.map((call) => call?.[0]);
  // An init counts from the last shutdown on, and so does the tag's own.
  const end = names.lastIndexOf("shutdown");
  const play = (late: boolean) =>
    handrail.push(
      ...queued.filter(
        (_, at) => /^(init|flush)$/.test(names[at] as string) === late && (at > end || names[at] !== "init"),
      ),
    );
  // A flush after init, whatever came first.
  play(false);
  const key = end < 0 && told("data-key");
  // What is none of the words allowed says nothing.
  if (key) handrail.init({ key, endpoint: told("data-endpoint"), consent: told("data-consent") } as Options);
  play(true);
}

try {
  start();
} catch {
  // A page without what we need stays as it is.
}
