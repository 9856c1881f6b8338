// What may be captured here, as the server said last. Kept, so that the next page knows it from its first event on. Of the
// config this is what a page's first moment needs; the rest is read by `delivery/config.ts`.

import { parsed } from "./json";
import type { Store } from "./store";
import type { SnippetConfig } from "./wire";

/** The store's key of the whole config. */
export const KEY = "config";

export type Limits = Pick<SnippetConfig, "enabled" | "sample_rate" | "capture">;

export class Rules {
  now: Limits;

  constructor(store: Store) {
    this.now = readLimits(parsed(store.get(KEY)));
    // Texts only on this page's own word: what was allowed yesterday may have been forbidden since.
    this.now.capture.text = false;
  }
}

/** Of a config from outside, field by field, whatever it is. */
export function readLimits(value: unknown): Limits {
  const { enabled, sample_rate: rate, capture } = Object(value);
  const { text, query_parameters: names } = Object(capture);
  return {
    enabled: enabled !== false,
    sample_rate: rate > 0 || rate === 0 ? rate : 1,
    capture: {
      text: text === true,
      query_parameters: Array.isArray(names) ? names.filter((name) => typeof name === "string") : [],
    },
  };
}

/** Whether this visitor or visit is in the share; the same answer on every page. Ids end with random digits. */
export function isSampled(id: string, share: number): boolean {
  return Number.parseInt(id.slice(-8), 16) / 2 ** 32 < share;
}

export function number(value: unknown, low: number, high: number, fallback: number): number {
  return typeof value === "number" && value >= low && value <= high ? value : fallback;
}
