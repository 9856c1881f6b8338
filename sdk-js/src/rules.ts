// What the snippet may do here, as the server said last. Kept, so that the next page knows it from its first event on.

import type { Store } from "./store";
import type { SnippetConfig } from "./wire";

const KEY = "config";

const CAUTIOUS: SnippetConfig = {
  enabled: true,
  sample_rate: 1,
  flush_interval_ms: 5_000,
  flush_count: 10,
  identity_enforced: true,
  language: "en",
  capture: { text: false, query_parameters: [] },
  theme: {} as SnippetConfig["theme"],
  targets: [],
  target_share: 0,
};

export class Rules {
  config: SnippetConfig;

  constructor(private readonly store: Store) {
    this.config = stored(store) ?? CAUTIOUS;
    // Texts only on this page's own word: what was allowed yesterday may have been forbidden since.
    this.config.capture.text = false;
  }

  set(config: SnippetConfig): void {
    this.config = config;
    this.store.set(KEY, JSON.stringify(config));
  }
}

/** A config from outside, field by field; null where it is none. */
export function readConfig(value: unknown): SnippetConfig | null {
  if (typeof value !== "object" || value === null) return null;
  const from = value as Record<string, unknown>;
  const capture = (typeof from.capture === "object" && from.capture) as Record<string, unknown> | false;
  const names = capture ? capture.query_parameters : null;
  return {
    enabled: from.enabled !== false,
    sample_rate: number(from.sample_rate, 0, 1, 1),
    flush_interval_ms: number(from.flush_interval_ms, 200, 60_000, CAUTIOUS.flush_interval_ms),
    flush_count: number(from.flush_count, 1, 100, CAUTIOUS.flush_count),
    identity_enforced: from.identity_enforced !== false,
    language: typeof from.language === "string" ? from.language : CAUTIOUS.language,
    capture: {
      text: capture ? capture.text === true : false,
      query_parameters: Array.isArray(names) ? names.filter((name) => typeof name === "string") : [],
    },
    // Who draws with it reads it field by field.
    theme: from.theme as SnippetConfig["theme"],
    // As above: who looks for them.
    targets: from.targets as SnippetConfig["targets"],
    target_share: number(from.target_share, 0, 1, 0),
  };
}

/** Whether this visitor is in the share that is captured; the same answer on every page. */
export function isSampled(id: string, rate: number): boolean {
  return rate >= 1 || hashed(id) / 2 ** 32 < rate;
}

/** 32 bits of a text. */
export function hashed(text: string): number {
  let hash = 2166136261;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  return hash >>> 0;
}

function number(value: unknown, low: number, high: number, fallback: number): number {
  return typeof value === "number" && value >= low && value <= high ? value : fallback;
}

function stored(store: Store): SnippetConfig | null {
  try {
    return readConfig(JSON.parse(store.get(KEY) ?? "null"));
  } catch {
    return null;
  }
}
