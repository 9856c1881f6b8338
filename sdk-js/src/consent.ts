// Whether anything may be captured. What was said on this page counts first, then a refusal wherever it was said, then
// a yes, then the browser's own signals (Global Privacy Control, Do Not Track). A no of the user outlives the page.

import type { Store } from "./store";

export type Consent = "granted" | "denied" | "pending";

const KEY = "consent";

/** `said` on this page by a call, `option` by its init, `signal`: the browser asks to be left alone. */
export function consentNow(
  said: Consent | undefined,
  kept: Consent | undefined,
  option: Consent | undefined,
  signal: boolean,
): Consent {
  if (isAnswer(said)) return said;
  // Asked anew: what was said before counts no longer.
  if (!said) {
    if (kept === "denied" || option === "denied") return "denied";
    if (kept === "granted" || option === "granted") return "granted";
  }
  return signal ? "denied" : (said ?? option ?? "granted");
}

export function isAnswer(value: unknown): value is "granted" | "denied" {
  return value === "granted" || value === "denied";
}

/** What was said on another page of this browser. */
export function keptConsent(store: Store): Consent | undefined {
  const value = store.get(KEY);
  return isAnswer(value) ? value : undefined;
}

export function keepConsent(store: Store, state: Consent): void {
  if (state === "pending") store.remove(KEY);
  else store.set(KEY, state);
}

/** The browser says that its user wants not to be tracked. */
export function privacySignal(): boolean {
  const { globalPrivacyControl, doNotTrack } = navigator as Navigator & { globalPrivacyControl?: unknown };
  return globalPrivacyControl === true || doNotTrack === "1";
}
