// `beforeSend`: the host may change an event or hold it back. What comes back is checked again.

import { jsonObject } from "../json";
import type { WireEvent } from "../wire";
import { targetOf } from "./target";

/** Gets a copy. Returns what may be sent, the copy or another event; null or false: nothing. */
export type BeforeSend = (event: WireEvent) => Partial<WireEvent> | null | false;

/**
 * What may be sent of an event: null where the host held it back, undefined where its function threw or returned what
 * is none. An event the host could not look at is never sent: what it would have taken out is unknown.
 */
export function screened(
  event: WireEvent,
  hook: BeforeSend,
  address: (href: string) => string,
): WireEvent | null | undefined {
  try {
    const answer = hook(jsonObject(event) as unknown as WireEvent);
    if (answer === null || answer === false) return null;
    // A function that forgets to return means something we cannot know.
    const { url, target_element, properties } = answer;
    const checked = jsonObject(properties);
    if (typeof url !== "string" || typeof target_element !== "object" || !checked) return undefined;
    if (typeof checked.referrer === "string") checked.referrer = address(checked.referrer);
    // Whose event it is, and when it was, is not the hook's to say.
    return { ...event, url: address(url), target_element: targetOf(target_element), properties: checked };
  } catch {
    return undefined;
  }
}
