// A visit: ends after 30 minutes without an event; shared by the tabs of one browser.

import { uuid4 } from "../ids";
import { parsed } from "../json";
import type { Store } from "../store";

export const IDLE_MS = 30 * 60_000;
/** How far the stored time may lag, so that not every event writes. */
const LAG_MS = 10_000;
const KEY = "session";

interface Visit {
  id: string;
  last: number;
}

export class Session {
  private visit: Visit | null = null;
  private written = 0;

  constructor(private readonly store: Store) {}

  /** The id of the visit that an event at `now` (ms since 1970) belongs to. */
  at(now: number): string {
    if (!this.visit || now - this.visit.last > LAG_MS) {
      const stored = this.read();
      if (stored && stored.last > (this.visit?.last ?? 0)) this.visit = stored;
    }
    if (!this.visit || Math.abs(now - this.visit.last) > IDLE_MS) {
      // Long ago; or the clock was ahead, and would keep one visit for ever.
      this.visit = { id: uuid4(), last: now };
      this.write();
    }
    this.visit.last = Math.max(this.visit.last, now);
    if (now - this.written > LAG_MS) this.write();
    return this.visit.id;
  }

  renew(): void {
    this.drop();
    this.store.remove(KEY);
  }

  /** Another tab has begun anew. */
  drop(): void {
    this.visit = null;
  }

  private read(): Visit | null {
    const value = parsed(this.store.get(KEY)) as Partial<Visit> | null;
    return typeof value?.id === "string" && typeof value.last === "number" ? (value as Visit) : null;
  }

  private write(): void {
    if (!this.visit) return;
    this.written = this.visit.last;
    this.store.set(KEY, JSON.stringify(this.visit));
  }
}
