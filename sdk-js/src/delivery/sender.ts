// Sends what the queue holds: at 10 events, after 5 s, when the page is left; again until a 2xx is seen.

import type { Answer } from "../door";
import { debug } from "../guard";
import type { Lifetime } from "../lifetime";
import type { WireEvent } from "../wire";
import { retryDelay } from "./backoff";
import { judge } from "./outcome";
import type { EventQueue } from "./queue";

/** Kept well under what all keepalive requests of a page may hold together. */
const BATCH_CHARS = 40_000;
const BATCH_EVENTS = 100;

export interface Outlet {
  /** The token for this user's events, undefined where none is to be had. */
  token(userId: string): Promise<string | undefined>;
  /** The same without asking anybody. */
  heldToken(userId: string): string | undefined;
  /** Whether this user's events are refused without a token. */
  needsToken(userId: string): boolean;
  forgetToken(userId: string): void;
  post(events: WireEvent[], token: string | undefined): Promise<Answer>;
  beacon(events: WireEvent[], token: string | undefined): void;
  /** The server will never take anything from here. */
  stopped(reason: string): void;
}

export interface Pace {
  count: number;
  intervalMs: number;
}

export class Sender {
  pace: Pace = { count: 10, intervalMs: 5_000 };
  private running: Promise<void> | null = null;
  private sending = new Set<string>();
  private held = new Set<string>();
  private renewed = new Set<string>();
  private most = BATCH_EVENTS;
  private failures = 0;
  private notBefore = 0;
  private timer: { at: number; stop: () => void } | null = null;
  private stopped = false;

  constructor(
    private readonly queue: EventQueue,
    private readonly outlet: Outlet,
    private readonly life: Lifetime,
    private readonly now: () => number = Date.now,
    private readonly random: () => number = Math.random,
  ) {}

  /** Something was added. */
  notice(): void {
    if (this.queue.size >= this.pace.count && this.failures === 0) void this.flush();
    else this.schedule(this.pace.intervalMs);
  }

  /** A user's events may be tried again: there is a new token, or the rules changed. */
  release(userId: string): void {
    this.held.delete(userId);
    this.renewed.delete(userId);
    if (this.queue.size) this.schedule(0);
  }

  /** The connection is back. */
  retryNow(): void {
    this.notBefore = 0;
    if (this.queue.size) void this.flush();
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
    if (this.stopped || this.life.ended) return;
    const ids = new Set(this.sending);
    const users = new Set(this.held);
    for (;;) {
      const batch = this.queue.batch(BATCH_EVENTS, BATCH_CHARS, { ids, users });
      const user = batch[0]?.user_id;
      if (user === undefined) return;
      for (const event of batch) ids.add(event.event_id);
      const token = this.outlet.heldToken(user);
      if (!token && this.outlet.needsToken(user)) continue;
      void this.outlet.post(batch, token).then((answer) => {
        // A page that stays (only hidden) sees the answer.
        if (judge(answer, batch.length).kind === "stored") this.queue.remove(batch.map((e) => e.event_id));
        else if (answer.status === 0) this.outlet.beacon(batch, token);
      });
    }
  }

  private async run(): Promise<void> {
    while (!this.stopped && !this.life.ended && this.now() >= this.notBefore) {
      const batch = this.queue.batch(this.most, BATCH_CHARS, { users: this.held });
      const user = batch[0]?.user_id;
      if (user === undefined) return;
      const token = await this.outlet.token(user);
      if (!token && this.outlet.needsToken(user)) {
        this.held.add(user);
        continue;
      }
      this.sending = new Set(batch.map((event) => event.event_id));
      const answer = await this.outlet.post(batch, token);
      this.sending.clear();
      this.apply(batch, user, answer);
    }
  }

  private apply(batch: WireEvent[], user: string, answer: Answer): void {
    const outcome = judge(answer, batch.length);
    if (outcome.kind !== "retry") this.failures = 0;
    switch (outcome.kind) {
      case "stored":
        this.most = BATCH_EVENTS;
        this.renewed.delete(user);
        this.queue.remove(this.ids(batch));
        return;
      case "drop":
        debug("events refused", answer.status, outcome.indices.length);
        this.queue.remove(outcome.indices.map((index) => batch[index]?.event_id ?? ""));
        return;
      case "split":
        this.most = Math.max(1, Math.floor(batch.length / 2));
        return;
      case "renew":
        this.outlet.forgetToken(user);
        if (this.renewed.has(user)) this.held.add(user);
        this.renewed.add(user);
        return;
      case "hold":
        this.held.add(user);
        return;
      case "retry":
        this.failures += 1;
        this.wait(retryDelay(this.failures, outcome.afterMs, this.random));
        return;
      case "stop":
        this.stopped = true;
        debug("stopped:", outcome.reason);
        this.outlet.stopped(outcome.reason);
    }
  }

  private ids(batch: WireEvent[]): string[] {
    return batch.map((event) => event.event_id);
  }

  private wait(ms: number): void {
    this.notBefore = this.now() + ms;
    this.schedule(ms);
  }

  private schedule(ms: number): void {
    if (this.stopped || this.life.ended) return;
    const at = Math.max(this.now() + ms, this.notBefore);
    if (this.timer && this.timer.at <= at) return;
    this.timer?.stop();
    const stop = this.life.after(at - this.now(), () => {
      this.timer = null;
      void this.flush();
    });
    this.timer = { at, stop };
  }
}
