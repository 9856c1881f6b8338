// One running client: reads its surroundings, puts the parts together, and passes between them. What sends comes later.

import type { Surroundings } from "./capture/border";
import { Capture } from "./capture/capture";
import { Recorder } from "./capture/recorder";
import { Ahead } from "./delivery/ahead";
import type { Chunks, Core, Given } from "./delivery/border";
import { DeliveryGate } from "./delivery/gate";
import type { Guard } from "./guard";
import { Lifetime } from "./lifetime";
import type { IdentifyOptions } from "./options";
import { whenBack } from "./page";
import { isSampled, Rules } from "./rules";
import { localShelf, Store } from "./store";
import { anonymousId, isAnonymous } from "./who/anonymous";
import { Who } from "./who/who";
import type { WireEvent } from "./wire";

/** What is captured before the user has agreed to anything stays in memory, and is no more than this. */
const PENDING_EVENTS = 50;
/** So many events wait no longer for a moment of the page. */
const MANY = 10;
/** The visit in which the snippet has switched itself off. */
const OFF = "off";

export type Emit = (event: string, detail: Record<string, unknown>) => void;

export class Client implements Core, Surroundings {
  readonly life: Lifetime;
  readonly store: Store;
  readonly rules: Rules;
  readonly who: Who;
  readonly ahead: Ahead;
  readonly recorder: Recorder;
  readonly used: Element[] = [];
  capture: Capture | null = null;
  private readonly gate: DeliveryGate;
  /** What waits for the user to agree; null: nothing needs to. */
  pending: WireEvent[] | null;

  constructor(
    readonly given: Given,
    guard: Guard,
    readonly emit: Emit,
    readonly chunks: Chunks,
  ) {
    const { options, prefix } = given;
    this.pending = given.pending ? [] : null;
    this.life = new Lifetime(guard);
    this.store = new Store(given.pending ? null : localShelf(), prefix);
    this.rules = new Rules(this.store);
    this.ahead = new Ahead(this.store, `${prefix}queue.`);
    this.gate = new DeliveryGate(this);
    this.who = new Who(this.store, {
      before: () => {
        this.capture?.settle(false);
        this.gate.there?.turning();
      },
      after: (anew) => this.gate.there?.turned(anew),
    });
    this.recorder = new Recorder(this);
    this.life.ending(() => this.ahead.drop());
    guard.whenSpent(() => this.giveUp());
    if (this.store.get(OFF) === this.who.session.at(Date.now())) {
      this.end();
      return;
    }
    // First of all, so that the first event is this user's.
    if (options.userId !== undefined) this.who.identify(options.userId, options);
    if (this.isWanted()) this.start();
    if (!this.pending) this.talk();
  }

  identify(userId: string, options: IdentifyOptions = {}): void {
    this.who.identify(userId, options);
    this.gate.there?.introduce();
  }

  /** The user is gone: another visitor from here on. */
  reset(): void {
    this.capture?.settle(false);
    this.away(false);
    this.who.reset();
  }

  /** The user has agreed. */
  grant(): void {
    const { pending } = this;
    if (!pending || this.life.ended) return;
    this.pending = null;
    this.store.moveTo(localShelf());
    this.talk();
    for (const event of pending) this.take(event);
  }

  /** The user has refused: nothing is sent any more. What is stored is the caller's. */
  forget(): void {
    this.end();
    this.gate.there?.clear();
  }

  async flush(): Promise<void> {
    this.capture?.settle(false);
    if (this.pending || this.life.ended) return;
    await this.gate.open();
    await this.gate.there?.flush();
  }

  shutdown(): void {
    this.capture?.settle(false);
    this.away(true);
    this.end();
  }

  ruled(): boolean {
    const isWanted = this.isWanted();
    if (isWanted && !this.capture) {
      // Switched off when last heard, and not any more.
      this.start();
      this.ahead.hold();
    }
    return isWanted;
  }

  end(): void {
    this.life.end();
  }

  /** Captures from here on. */
  private start(): void {
    const { life } = this;
    // Before what it records of the return, which belongs to the queue of the page that is back.
    whenBack(life, () => {
      if (!this.pending) {
        this.ahead.back();
        this.gate.there?.back();
      }
      this.who.follow();
    });
    const { endpoint } = this.given;
    const isOwn = (address: string) =>
      address.startsWith(endpoint) && /^\/(sdk|api\/v1|ws)\//.test(address.slice(endpoint.length));
    this.capture = new Capture(this.recorder, life, isOwn);
    // After its making: what it records may need it.
    this.capture.pages.look();
    life.on(document, "visibilitychange", () => {
      const state = document.visibilityState;
      this.recorder.record("visibility", { properties: { state } });
      if (state === "hidden") this.away(false);
    });
    life.on(window, "pagehide", () => {
      this.capture?.settle(true);
      this.away(true);
    });
    life.on<StorageEvent>(window, "storage", ({ key }) => {
      if (!key || key.endsWith(".who")) this.who.follow();
    });
  }

  /** Keeps and sends from here on. */
  private talk(): void {
    if (this.capture) this.ahead.hold();
    this.gate.openSoon();
  }

  /** The platform wants this visitor's events: the same answer on every page. */
  private isWanted(): boolean {
    const { enabled, sample_rate } = this.rules.now;
    return enabled && isSampled(anonymousId(this.store), sample_rate);
  }

  seeUsed(element: Element, reacted?: boolean): void {
    if (this.gate.there) this.gate.there.seeUsed(element, reacted);
    else if (reacted) this.used.push(element);
  }

  take(event: WireEvent): void {
    const { pending, ahead } = this;
    if (this.life.ended || !this.capture) return;
    if (pending) {
      pending.push(event);
      if (pending.length > PENDING_EVENTS) pending.shift();
      return;
    }
    ahead.add(event);
    if (ahead.waiting.length >= MANY) void this.gate.open();
  }

  /** The page may be gone in a moment. */
  private away(leaving: boolean): void {
    if (this.pending) return;
    const { there } = this.gate;
    if (there) there.away(leaving);
    else if (leaving) this.lastResort();
    else void this.gate.open();
    if (leaving) this.ahead.drop();
  }

  /** Left before anything was there that sends: what needs no proof of its user goes out, and all of it stays at rest. */
  private lastResort(): void {
    const events = this.ahead.waiting.flatMap(([{ user, text }]) => (isAnonymous(user) ? text : []));
    const body = `{"api_key":"${this.given.options.key}","sent_at":"${new Date().toISOString()}","events":[${events}]}`;
    const how: RequestInit = { method: "POST", body, keepalive: true, credentials: "omit" };
    if (events[0]) {
      fetch(`${this.given.endpoint}/api/v1/events`, { ...how, referrerPolicy: "no-referrer" }).catch(
        () => {},
      );
    }
  }

  /** Too many faults of our own: one report, which says nothing of the page, and quiet until the next visit. */
  private giveUp(): void {
    try {
      const visit = this.who.session.at(Date.now());
      if (this.life.ended || this.store.get(OFF) === visit) return;
      this.store.set(OFF, visit);
      this.recorder.record("error", { properties: { kind: "snippet", count: 1 } });
      this.away(true);
    } finally {
      this.end();
    }
  }
}
