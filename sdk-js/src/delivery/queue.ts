// Events that are not known to be stored. Each is written under a key of its own before it is sent, so that a click
// costs one small write, and is removed only when the server said 2xx (or will never take it).

import type { Store } from "../store";
import type { WireEvent } from "../wire";

export const MAX_EVENTS = 200;
export const MAX_CHARS = 256 * 1024;
const HEAD = "q.";

interface Entry {
  event: WireEvent;
  chars: number;
}

export class EventQueue {
  private entries = new Map<string, Entry>();
  private chars = 0;

  constructor(
    private readonly store: Store,
    private readonly mostEvents = MAX_EVENTS,
    private readonly mostChars = MAX_CHARS,
  ) {}

  /** Takes up what earlier pages could not deliver. */
  load(): void {
    for (const key of this.store.keys(HEAD).sort()) {
      const text = this.store.get(key);
      const event = text ? parse(text) : null;
      if (event && text) this.keep(event, text.length);
      else this.store.remove(key);
    }
    this.bound();
  }

  add(event: WireEvent): void {
    const text = JSON.stringify(event);
    this.keep(event, text.length);
    this.store.set(HEAD + event.event_id, text);
    this.bound();
  }

  remove(ids: Iterable<string>): void {
    for (const id of ids) {
      const entry = this.entries.get(id);
      if (!entry) continue;
      this.entries.delete(id);
      this.chars -= entry.chars;
      this.store.remove(HEAD + id);
    }
  }

  /** The oldest events of the first user who is not skipped. */
  batch(most: number, mostChars: number, skip: { users?: Set<string>; ids?: Set<string> } = {}): WireEvent[] {
    const found: WireEvent[] = [];
    let chars = 0;
    for (const [id, { event, chars: size }] of this.entries) {
      if (skip.users?.has(event.user_id) || skip.ids?.has(id)) continue;
      if (found[0] && found[0].user_id !== event.user_id) continue;
      if (found.length && chars + size > mostChars) break;
      found.push(event);
      chars += size;
      if (found.length >= most) break;
    }
    return found;
  }

  clear(): void {
    this.remove([...this.entries.keys()]);
  }

  has(id: string): boolean {
    return this.entries.has(id);
  }

  get size(): number {
    return this.entries.size;
  }

  private keep(event: WireEvent, chars: number): void {
    this.entries.set(event.event_id, { event, chars });
    this.chars += chars;
  }

  private bound(): void {
    for (const id of this.entries.keys()) {
      if (this.entries.size <= this.mostEvents && this.chars <= this.mostChars) return;
      this.remove([id]);
    }
  }
}

function parse(text: string): WireEvent | null {
  try {
    const value = JSON.parse(text) as Partial<WireEvent> | null;
    return typeof value?.event_id === "string" && typeof value.user_id === "string"
      ? (value as WireEvent)
      : null;
  } catch {
    return null;
  }
}
