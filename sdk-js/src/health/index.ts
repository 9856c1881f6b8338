// Looks whether the elements that the tenant's config names are in the page, and tells once a page and visit. A page
// that is left, hidden or still loading tells nothing; nor does it, by any event, count as something the user did.

import { find } from "../capture/find";
import type { Lifetime } from "../lifetime";
import { whenLookedAt } from "../page";
import type { Health, Sights } from "./border";
import { idly } from "./idle";
import { Nearest } from "./nearest";
import { pathFits, pathOf } from "./path";
import { type Rule, readRules } from "./rule";
import { Told } from "./told";

/** What is missing is looked for again after each of these; only what is missing after the last one counts. */
const WAITS_MS = [1_000, 3_000, 6_000];
/** A search that took longer is not made again in this page. */
const SLOW_MS = 20;

export function startHealth(sights: Sights, life: Lifetime): Health {
  const told = new Told(sights.store);
  const slow = new Set<string>();
  let stop = () => {};

  const viewed = () => {
    stop();
    const path = pathOf(location);
    const rules = readRules(sights.config().targets).filter(
      (rule) => !slow.has(rule.id) && pathFits(rule.path, path),
    );
    if (rules[0] && !told.has(sights.visit(), path)) wait(new Page(path, rules), 0);
  };

  const wait = (page: Page, round: number) => {
    stop = whenLookedAt(life, WAITS_MS[round] as number, () => {
      // What has not loaded yet cannot be missed.
      const again = document.readyState !== "complete" ? round : round + 1;
      stop = idly(life, page.look(slow, again in WAITS_MS), (done) => {
        if (pathOf(location) !== page.path) return;
        if (!done) wait(page, again);
        else if (!page.isEmpty()) {
          told.add(sights.visit(), page.path);
          sights.saw(page.told());
        }
      });
    });
  };

  return { viewed };
}

/** What has been seen on one page. */
class Page {
  private readonly found = new Map<string, Element>();
  private readonly nearest = new Map<string, string>();
  private missing: Rule[];

  constructor(
    readonly path: string,
    rules: Rule[],
  ) {
    this.missing = rules;
  }

  /** In small steps; the result: whether that was all. `again`: what is missing now may still come. */
  *look(slow: Set<string>, again: boolean): Generator<void, boolean> {
    for (const rule of this.missing) {
      const began = performance.now();
      const element = find(rule.selector);
      if (performance.now() - began > SLOW_MS) slow.add(rule.id);
      if (element) this.found.set(rule.id, element);
      yield;
    }
    this.missing = this.missing.filter(({ id }) => !this.found.has(id) && !slow.has(id));
    if (this.missing[0] && again) return false;
    const nearest = new Nearest(new Set(this.found.values()));
    for (const rule of this.missing) {
      const selector = yield* nearest.to(rule);
      if (selector) this.nearest.set(rule.id, selector);
    }
    return true;
  }

  isEmpty(): boolean {
    return !this.found.size && !this.missing[0];
  }

  told(): Record<string, unknown> {
    return {
      found: [...this.found.keys()],
      missed: this.missing.map(({ id }) => id),
      ...(this.nearest.size && { nearest: Object.fromEntries(this.nearest) }),
    };
  }
}
