// Where the live side meets what looks for the elements that the tenant's config names. Types only: most visits never
// look, so that is a file of its own.

import type { Lifetime } from "../lifetime";
import type { Store } from "../store";
import type { SnippetConfig } from "../wire";

/** What looking needs of the core. */
export interface Sights {
  readonly store: Store;
  config(): SnippetConfig;
  /** Id of the visit. */
  visit(): string;
  /** Makes an event of what was seen. */
  saw(properties: Record<string, unknown>): void;
}

export interface Health {
  /** Another page, or another route of this one. */
  viewed(): void;
}

export interface HealthModule {
  startHealth(sights: Sights, life: Lifetime): Health;
}

export type LoadHealth = () => Promise<HealthModule>;
