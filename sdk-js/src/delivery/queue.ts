// Events that are not known to be stored. Each is written under a key of its own before it is sent, so that a click
// costs one small write, and is removed only when the server said 2xx (or will never take it).

import { parsed } from "../json";
import type { Store } from "../store";
import type { WireEvent } from "../wire";
import { type Entry, entryOf, HEAD } from "./entry";
import type { Mirror } from "./mirror";

export const LIMITS = {
  events: 2_000,
  chars: 1_000_000,
  /** Of these, the newest also in localStorage, which belongs to the host. */
  shelf: 256 * 1024,
};
/** What the server takes of a user whose token has expired; older events are given up. */
const OLDEST_MS = 7 * 86_400_000;
const DROPPED = "dropped";

interface Lot {
  user: string;
  count: number;
  proof?: string;
}

export type Skip = (entry: Entry) => boolean;

export class EventQueue {
  private entries = new Map<string, Entry>();
  private lots = new Map<string, Lot>();
  private chars = 0;
  private shelved = 0;
  /** localStorage took no more: the host shall have what room there is. */
  isFull = false;
  private others = 0;

  constructor(
    private readonly store: Store,
    private readonly mirror: Mirror,
    private readonly limits = LIMITS,
  ) {}

  /** One that was just written down. */
  add(entry: Entry): void {
    this.keep(entry);
    this.mirror.set(entry.key, entry.text);
    if (!entry.shelved) this.isFull = true;
    this.bound();
  }

  remove(gone: Iterable<Entry>): void {
    for (const { id, key, lot } of gone) {
      const entry = this.entries.get(id);
      const proof = this.lots.get(lot)?.proof;
      if (entry) this.forget(entry);
      this.unrest(key);
      if (proof && !this.lots.has(lot)) this.unrest(HEAD + lot);
    }
  }

  /** These will never be stored; the server is told how many. */
  giveUp(gone: Entry[]): void {
    this.remove(gone);
    this.lost(gone.length);
  }

  first(skip: Skip): Entry | undefined {
    for (const entry of this.entries.values()) if (!skip(entry)) return entry;
    return undefined;
  }

  /** The oldest events of the user of `first`; only of its lot where one token at rest is all there is. */
  batch(first: Entry, skip: Skip, most: number, mostBytes: number, ofLot: boolean): Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.entries.values()) {
      if (skip(entry) || entry.user !== first.user || (ofLot && entry.lot !== first.lot)) continue;
      bytes += bytesOf(entry);
      if (found.length && bytes > mostBytes) break;
      found.push(entry);
      if (found.length >= most) break;
    }
    return found;
  }

  of(user: string): Entry[] {
    return [...this.entries.values()].filter((entry) => entry.user === user);
  }

  /** The token that was good for events of this lot. */
  proof(lot: string): string | undefined {
    return this.lots.get(lot)?.proof;
  }

  /** Notes the tokens of users whose events wait in the page's own queue: they may be signed out when these can be sent. */
  keepProofs(owner: string, tokenOf: (user: string) => string | undefined): void {
    for (const [lot, known] of this.lots) {
      const token = lot.startsWith(`${owner}.`) ? tokenOf(known.user) : undefined;
      if (!token || token === known.proof) continue;
      known.proof = token;
      this.store.put(HEAD + lot, token);
      this.mirror.set(HEAD + lot, token);
    }
  }

  /** Takes up a queue that is ours now. `mirrored`: what the mirror has of it, by key, once that is known. */
  load(owner: string, mirrored?: Map<string, string>): void {
    const head = HEAD + owner;
    const shelved = new Map(this.store.keys(head).map((key) => [key, this.store.get(key) ?? ""]));
    const proofs: [string, string][] = [];
    const late = Date.now() - OLDEST_MS;
    const old: Entry[] = [];
    for (const [key, text] of new Map([...(mirrored ?? []), ...shelved])) {
      const event = parse(text);
      if (mirrored && !mirrored.has(key)) this.mirror.set(key, text);
      if (key.startsWith(`${head}.~`)) proofs.push([key.slice(HEAD.length), text]);
      else if (!event) this.unrest(key);
      else if (!this.entries.has(event.event_id)) {
        const entry = { ...entryOf(owner, event, text, shelved.has(key)), key };
        this.keep(entry);
        if (timeOf(entry.id) < late) old.push(entry);
      }
    }
    for (const [lot, text] of proofs) {
      const known = this.lots.get(lot);
      if (known) known.proof = text;
      else if (mirrored) this.unrest(HEAD + lot);
    }
    // As they happened: ids sort by time.
    this.entries = new Map([...this.entries].sort(([a], [b]) => (a < b ? -1 : 1)));
    this.giveUp(old);
    this.bound();
  }

  has(id: string): boolean {
    return this.entries.has(id);
  }

  /** Whether anything of this queue waits here. */
  hasAnyOf(owner: string): boolean {
    return [...this.lots.keys()].some((lot) => lot.startsWith(`${owner}.`));
  }

  /** After the page was away others may have sent what is at rest: only what is not stays. */
  turn(): void {
    for (const entry of [...this.entries.values()]) if (this.rests(entry)) this.forget(entry);
  }

  /** Whether all of it outlives the page. */
  get isAtRest(): boolean {
    return [...this.entries.values()].every((entry) => this.rests(entry));
  }

  /** Keeps to our share of localStorage. `mirrored`: the mirror has everything. */
  trim(mirrored: boolean): void {
    const share =
      this.isFull && mirrored ? 0 : Math.max(this.limits.shelf / 8, this.limits.shelf - this.others);
    for (const entry of this.entries.values()) {
      if (this.shelved <= share) return;
      this.unshelve(entry);
    }
  }

  /** What other pages have in localStorage counts for our share. */
  makeRoom(others: number): void {
    this.others = others;
  }

  clear(): void {
    this.remove([...this.entries.values()]);
  }

  /** How many events were given up and not told of yet. */
  get dropped(): number {
    // Whatever stands there: the server would take no batch with a wrong number.
    return Math.min(Math.max(Number(this.store.get(DROPPED)) | 0, 0), 1e6);
  }

  lost(count: number): void {
    const sum = this.dropped + count;
    if (count && sum > 0) this.store.set(DROPPED, `${sum}`);
    else if (count) this.store.remove(DROPPED);
  }

  private keep(entry: Entry): void {
    this.entries.set(entry.id, entry);
    this.chars += entry.text.length;
    if (entry.shelved) this.shelved += entry.text.length;
    const lot = this.lots.get(entry.lot) ?? { user: entry.user, count: 0 };
    lot.count += 1;
    this.lots.set(entry.lot, lot);
  }

  private forget(entry: Entry): void {
    this.entries.delete(entry.id);
    this.chars -= entry.text.length;
    if (entry.shelved) this.shelved -= entry.text.length;
    const lot = this.lots.get(entry.lot);
    if (lot && --lot.count < 1) this.lots.delete(entry.lot);
  }

  private unrest(key: string): void {
    this.store.remove(key);
    this.mirror.set(key, null);
  }

  private unshelve(entry: Entry): void {
    if (!entry.shelved) return;
    this.store.remove(entry.key);
    this.shelved -= entry.text.length;
    entry.shelved = false;
  }

  private rests(entry: Entry): boolean {
    return entry.shelved || this.mirror.has(entry.key);
  }

  private bound(): void {
    for (const entry of this.entries.values()) {
      if (this.entries.size <= this.limits.events && this.chars <= this.limits.chars) return;
      this.giveUp([entry]);
    }
  }
}

/** Whose queue a key at rest belongs to; undefined for what is no part of one. */
export function ownerOf(key: string): string | undefined {
  return key.startsWith(HEAD) ? key.slice(HEAD.length).split(".")[0] : undefined;
}

export function bytesOf(entry: Entry): number {
  return new TextEncoder().encode(entry.text).length;
}

/** ms since 1970, as a UUIDv7 tells. */
function timeOf(id: string): number {
  return Number.parseInt(id.replace("-", "").slice(0, 12), 16);
}

function parse(text: string): WireEvent | null {
  const value = parsed(text) as Partial<WireEvent> | null;
  return typeof value?.event_id === "string" && typeof value.user_id === "string"
    ? (value as WireEvent)
    : null;
}
