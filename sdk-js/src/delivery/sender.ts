// Sends what the queue holds: at 10 events, after 5 s, when the page is left; again until a 2xx is seen.

import { debug } from "../guard";
import type { Lifetime } from "../lifetime";
import type { Store } from "../store";
import { type Heard, isHopeless, retryDelay } from "./backoff";
import type { Answer } from "./door";
import type { Entry } from "./entry";
import { judge } from "./outcome";
import { bytesOf, type EventQueue } from "./queue";

/** With what goes around them below 48 kB. */
const BATCH_BYTES = 43_000;
const BATCH_EVENTS = 100;
/** All keepalive requests of a page share 64 KiB. */
const ROOM_BYTES = 60_000;
const OFFLINE_MS = 60_000;
/** A pause that outlives the page is believed for no longer, whatever the clock did. */
const MOST_PAUSE_MS = 10 * 60_000;
const ASIDE = 3;
const PAUSE = "pause";

export interface Outlet {
  /** The token for this user's events, undefined where none is to be had. */
  token(userId: string): Promise<string | undefined>;
  /** The same without asking anybody. */
  heldToken(userId: string): string | undefined;
  /** Whether this user's events are refused without a token. */
  needsToken(userId: string): boolean;
  forgetToken(userId: string): void;
  /** No answer came when a token was asked for: one may be had later. */
  tokenMayCome(userId: string): boolean;
  /** `events`: JSON, one event each. `dropped`: how many were given up before. */
  post(events: string[], token: string | undefined, dropped: number): Promise<Answer>;
  /** Events are stored: the moment to look for others. */
  stored(): void;
  /** The server will take nothing from this page. */
  stopped(reason: string): void;
}

export interface Pace {
  count: number;
  intervalMs: number;
}

interface Batch {
  entries: Entry[];
  token: string | undefined;
  bytes: number;
  /** The token is one that was kept with the events. */
  kept: boolean;
}

export class Sender {
  pace: Pace = { count: 10, intervalMs: 5_000 };
  private running: Promise<void> | null = null;
  private flying = new Set<string>();
  private flyingBytes = 0;
  /** Ids of events, lots and users that wait for a token. */
  private held = new Set<string>();
  private renewed = new Set<string>();
  private most = BATCH_EVENTS;
  private news = 0;
  private newsChars = 0;
  private failures = 0;
  /** Failures in a row without any answer. */
  private silent = 0;
  private heard: Heard = 0;
  private asides = 0;
  private notBefore = 0;
  /** The server asked for the pause. */
  private asked = false;
  private timer: { at: number; stop: () => void } | null = null;
  private stopped = false;

  constructor(
    private readonly queue: EventQueue,
    private readonly outlet: Outlet,
    private readonly life: Lifetime,
    private readonly store: Store,
    private readonly random: () => number = Math.random,
  ) {
    const [until, asked] = (store.get(PAUSE) ?? "").split(" ");
    this.notBefore = Math.min(Number(until) || 0, Date.now() + MOST_PAUSE_MS);
    this.asked = asked === "asked";
  }

  /** Something of so many characters was added. */
  notice(chars: number): void {
    this.news += 1;
    this.newsChars += chars;
    const isMuch = this.news >= this.pace.count || this.newsChars >= BATCH_BYTES;
    this.schedule(isMuch ? 0 : this.pace.intervalMs);
  }

  /** A user's events may be tried again: there is a new token, or the rules changed. */
  release(userId: string): void {
    const before = this.held.size;
    this.renewed.delete(userId);
    this.held.delete(userId);
    for (const { id, lot } of this.queue.of(userId)) {
      this.held.delete(id);
      this.held.delete(lot);
    }
    // What was not held goes in its own time: by then the config of a new visitor may have said no.
    if (this.held.size < before) this.schedule(0);
  }

  /** The server has told its config. */
  reached(): void {
    this.heard ||= 1;
    this.retryNow();
  }

  /** There is reason to believe that the server can be reached. */
  retryNow(): void {
    if (this.asked || !this.isPausing()) return;
    this.notBefore = 0;
    this.soon(0);
  }

  /** Sends what waits after so many ms, unless a pause lasts longer. */
  soon(ms: number): void {
    if (this.queue.first(this.skip)) this.schedule(ms);
  }

  /** Resolves when all that can be sent now was sent. */
  flush(): Promise<void> {
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  /** The page may be gone in a moment: hand everything to the browser, and keep it all the same. */
  leave(): void {
    if (this.isPausing() && this.queue.isAtRest) return;
    for (;;) {
      const first = this.queue.first(this.skip);
      if (this.stopped || this.life.ended || !first) return;
      const batch = this.pick(first, this.outlet.heldToken(first.user));
      if (!batch) continue;
      if (batch.bytes + this.flyingBytes > ROOM_BYTES) return;
      void this.life.guard.run(() => this.send(batch));
    }
  }

  private readonly skip = ({ id, lot, user }: Entry): boolean =>
    this.flying.has(id) || this.held.has(id) || this.held.has(lot) || this.held.has(user);

  private isPausing(): boolean {
    return Date.now() < this.notBefore;
  }

  private async run(): Promise<void> {
    this.news = this.newsChars = 0;
    for (;;) {
      const first = this.queue.first(this.skip);
      if (this.stopped || this.life.ended || !first) return;
      // What woke us was set before the pause began; only what is set now lasts as long as it.
      if (this.isPausing()) return this.schedule(0);
      const token = await this.outlet.token(first.user);
      // Meanwhile it may have been sent, as the page was left.
      const batch = this.skip(first) ? undefined : this.pick(first, token);
      if (batch) await this.send(batch);
    }
  }

  /** What goes with `first` under the user's token or else one that was kept; nothing where there is none. */
  private pick(first: Entry, token: string | undefined): Batch | undefined {
    const { user, lot } = first;
    const kept = !token && this.outlet.needsToken(user);
    const proof = kept ? this.queue.proof(lot) : token;
    if (kept && !proof) {
      this.held.add(lot);
      if (this.outlet.tokenMayCome(user)) {
        this.life.after(retryDelay(this.failures + 2, false, null, this.random), () => this.release(user));
      }
      return undefined;
    }
    const entries = this.queue.batch(first, this.skip, this.most, BATCH_BYTES, kept);
    const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
    return { entries, token: proof, bytes, kept };
  }

  private async send(batch: Batch): Promise<void> {
    const { entries, token, bytes } = batch;
    for (const { id } of entries) this.flying.add(id);
    this.flyingBytes += bytes;
    const texts = entries.map((entry) => entry.text);
    const { dropped } = this.queue;
    const answer = await this.outlet.post(texts, token, dropped);
    for (const { id } of entries) this.flying.delete(id);
    this.flyingBytes -= bytes;
    if (answer.status >= 200 && answer.status < 300) this.queue.lost(-dropped);
    this.apply(batch, answer);
  }

  private apply({ entries, kept }: Batch, answer: Answer): void {
    const outcome = judge(answer, entries.length);
    const user = entries[0]?.user ?? "";
    const at = (indices: number[]) => indices.flatMap((index) => entries[index] ?? []);
    if (answer.status) {
      this.silent = 0;
      this.heard = 2;
    }
    if (outcome.kind !== "retry") this.failures = 0;
    switch (outcome.kind) {
      case "stored":
        this.most = Math.min(BATCH_EVENTS, this.most * 2);
        this.asides = 0;
        this.renewed.delete(user);
        this.store.remove(PAUSE);
        this.queue.remove(entries);
        this.outlet.stored();
        return;
      case "drop":
        debug("events refused", answer.status, outcome.indices.length);
        this.queue.giveUp(at(outcome.indices));
        return;
      case "split":
        this.most = Math.max(1, entries.length >> 1);
        return;
      case "aside":
        for (const { id } of entries) this.held.add(id);
        this.asides += 1;
        if (this.asides >= ASIDE) this.stop(`${answer.status}`);
        return;
      case "renew":
        this.renew(entries, kept, user, at(outcome.indices));
        return;
      case "retry":
        this.failures += 1;
        this.pause(answer, outcome.afterMs);
        return;
      case "stop":
        this.stop(outcome.reason);
    }
  }

  /** The token was refused, for all of the batch or for the late ones in it. */
  private renew(entries: Entry[], kept: boolean, user: string, late: Entry[]): void {
    if (!kept && !this.renewed.has(user)) {
      this.renewed.add(user);
      this.outlet.forgetToken(user);
    } else if (late.length && late.length < entries.length) {
      for (const { id } of late) this.held.add(id);
    } else this.held.add(kept ? (entries[0]?.lot ?? "") : user);
  }

  private pause(answer: Answer, afterMs: number | null): void {
    const online = navigator.onLine !== false;
    if (!answer.status && online) this.silent += 1;
    const hopeless = isHopeless(this.silent, this.heard);
    const delay = retryDelay(this.failures, hopeless, afterMs, this.random);
    const ms = online ? delay : Math.max(delay, OFFLINE_MS);
    this.asked = afterMs !== null;
    this.notBefore = Date.now() + ms;
    // The next page is to know what this one learned, or each would show the same red lines.
    if (this.asked || hopeless) {
      this.store.set(PAUSE, `${this.notBefore}${this.asked ? " asked" : ""}`);
    }
    this.schedule(ms);
  }

  private stop(reason: string): void {
    this.stopped = true;
    this.outlet.stopped(reason);
  }

  private schedule(ms: number): void {
    if (this.stopped || this.life.ended) return;
    const at = Math.max(Date.now() + ms, this.notBefore);
    if (this.timer && this.timer.at <= at) return;
    this.timer?.stop();
    const stop = this.life.after(at - Date.now(), () => {
      this.timer = null;
      void this.life.guard.run(() => this.flush());
    });
    this.timer = { at, stop };
  }
}
