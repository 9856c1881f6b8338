// What the snippet may do here, all of it, as the server said last; in words that can be relied on.

import { parsed } from "../json";
import { KEY, number, type Rules, readLimits } from "../rules";
import type { Store } from "../store";
import type { SnippetConfig } from "../wire";

export class Config {
  now: SnippetConfig;

  constructor(
    private readonly store: Store,
    private readonly rules: Rules,
  ) {
    this.now = { ...whole(Object(parsed(store.get(KEY)))), ...rules.now };
  }

  set(config: SnippetConfig): void {
    this.now = this.rules.now = config;
    this.store.set(KEY, JSON.stringify(config));
  }
}

/** A config from outside, field by field; null where it is none. */
export function readConfig(value: unknown): SnippetConfig | null {
  return typeof value === "object" && value !== null ? whole(value as Record<string, unknown>) : null;
}

/** Where nothing was said, the cautious way. */
function whole(from: Record<string, unknown>): SnippetConfig {
  return {
    ...readLimits(from),
    flush_interval_ms: number(from.flush_interval_ms, 200, 60_000, 5_000),
    flush_count: number(from.flush_count, 1, 100, 10),
    identity_enforced: from.identity_enforced !== false,
    language: typeof from.language === "string" ? from.language : "en",
    // Who draws with it reads it field by field.
    theme: from.theme as SnippetConfig["theme"],
    // As above: who looks for them.
    targets: from.targets as SnippetConfig["targets"],
    target_share: number(from.target_share, 0, 1, 0),
  };
}
