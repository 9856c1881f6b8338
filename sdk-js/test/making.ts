// What the tests build things of.

import { Ahead } from "../src/delivery/ahead";
import { Mirror } from "../src/delivery/mirror";
import { EventQueue, LIMITS } from "../src/delivery/queue";
import { Guard } from "../src/guard";
import { Lifetime } from "../src/lifetime";
import { type Shelf, Store } from "../src/store";
import type { WireEvent } from "../src/wire";

let count = 0;

export function event(more: Partial<WireEvent> = {}): WireEvent {
  count += 1;
  const tail = String(count).padStart(12, "0");
  return {
    event_id: `01890000-0000-7000-8000-${tail}`,
    event_type: "click",
    user_id: "anon-1",
    session_id: "s",
    timestamp: "2026-01-01T00:00:00.000Z",
    url: "https://app.example.test/",
    target_element: null,
    properties: {},
    ...more,
  };
}

export function life(): Lifetime {
  return new Lifetime(new Guard());
}

/** A shelf of its own, that can be full or broken. */
export class TestShelf implements Shelf {
  readonly items = new Map<string, string>();
  broken = false;
  full = false;
  writes = 0;

  get length(): number {
    if (this.broken) throw new Error("no storage");
    return this.items.size;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    if (this.broken) throw new Error("no storage");
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (this.broken || this.full) throw new Error("no storage");
    this.writes += 1;
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    if (this.broken) throw new Error("no storage");
    this.items.delete(key);
  }
}

/** A page's queue, and what writes it down. Without IndexedDB: what the mirror adds is tested in a browser. */
export class PageQueue extends EventQueue {
  private readonly ahead: Ahead;

  constructor(shelf: TestShelf, owner = "own", limits: Partial<typeof LIMITS> = {}) {
    const store = new Store(shelf, "h.");
    super(store, new Mirror("m"), { ...LIMITS, ...limits });
    this.ahead = new Ahead(store, "h.queue.");
    this.ahead.owner = owner;
    this.ahead.hand((entry) => this.add(entry));
  }

  write(event: WireEvent): number {
    this.ahead.add(event);
    return JSON.stringify(event).length;
  }

  proofs(tokenOf: (user: string) => string | undefined): void {
    this.keepProofs(this.ahead.owner, tokenOf);
  }
}
