// Which nudges this browser has shown: none is shown twice, and using a target later still counts as completed.

import { matches, parentOf } from "../capture/element";
import type { Store } from "../store";

const KEY = "shown";
const MOST = 20;
/** After a day, using the element says nothing about the nudge. */
const WATCHED_MS = 24 * 3600_000;

interface Entry {
  id: string;
  target: string | null;
  at: number;
  done?: true;
}

export class Shown {
  private entries: Entry[];

  constructor(
    private readonly store: Store,
    private readonly now: () => number = Date.now,
  ) {
    this.entries = read(store);
  }

  /** Other tabs write, too. */
  refresh(): void {
    this.entries = read(this.store);
  }

  has(id: string): boolean {
    this.refresh();
    return this.entries.some((entry) => entry.id === id);
  }

  add(id: string, target: string | null): void {
    this.refresh();
    this.entries = [...this.entries.slice(1 - MOST), { id, target, at: this.now() }];
    this.write();
  }

  /** Nudges that would be completed by using this element. */
  pointingAt(element: Element): string[] {
    return this.entries.flatMap(({ id, target, at, done }) =>
      !done && target && this.now() - at < WATCHED_MS && within(element, target) ? id : [],
    );
  }

  /** Those that are completed now; each is told once. */
  complete(ids: string[]): string[] {
    const found = this.entries.filter((entry) => !entry.done && ids.includes(entry.id));
    for (const entry of found) entry.done = true;
    if (found.length) this.write();
    return found.map((entry) => entry.id);
  }

  private write(): void {
    this.store.set(KEY, JSON.stringify(this.entries));
  }
}

function within(element: Element, selector: string): boolean {
  for (let at: Element | null = element; at; at = parentOf(at)) if (matches(at, selector)) return true;
  return false;
}

function read(store: Store): Entry[] {
  try {
    const value: unknown = JSON.parse(store.get(KEY) ?? "[]");
    return Array.isArray(value)
      ? value.filter((e) => typeof e?.id === "string" && typeof e.at === "number")
      : [];
  } catch {
    return [];
  }
}
