// One running client: reads its surroundings, puts the parts together, and passes between them.

import { Capture } from "./capture/capture";
import { Recorder } from "./capture/recorder";
import { Delivery } from "./delivery/delivery";
import { Door } from "./door";
import { followConfig } from "./following";
import { debug, type Guard } from "./guard";
import { uuid7 } from "./ids";
import { Lifetime } from "./lifetime";
import type { Chunks, Core } from "./live/border";
import { LiveGate } from "./live/gate";
import type { IdentifyOptions, Options } from "./options";
import { outlet } from "./outlet";
import { watchPage, whenBack } from "./page";
import { isSampled, Rules, readConfig } from "./rules";
import { localShelf, Store } from "./store";
import { anonymousId } from "./who/anonymous";
import { Who } from "./who/who";
import type { SnippetConfig, WireEvent } from "./wire";

/** What is captured before the user has agreed to anything stays in memory, and is no more than this. */
const PENDING_EVENTS = 50;
/** The visit in which the snippet has switched itself off. */
const OFF = "off";

export type Emit = (event: string, detail: Record<string, unknown>) => void;

export interface Given {
  options: Options;
  scope: string;
  endpoint: string;
  /** The user was asked and has not answered: nothing is stored, nothing is sent. */
  pending: boolean;
}

export class Client {
  private readonly life: Lifetime;
  private readonly store: Store;
  private readonly door: Door;
  private readonly rules: Rules;
  private readonly who: Who;
  private readonly delivery: Delivery;
  private readonly recorder: Recorder;
  private readonly gate: LiveGate;
  private started = false;
  private capture: Capture | null = null;
  private pending: WireEvent[] | null;
  private readonly iframes: boolean;

  constructor(
    given: Given,
    guard: Guard,
    private readonly emit: Emit,
    chunks: Chunks,
  ) {
    const { options, scope } = given;
    this.pending = given.pending ? [] : null;
    this.iframes = options.iframes === true;
    this.life = new Lifetime(guard);
    this.store = new Store(given.pending ? null : localShelf(), storagePrefix(scope));
    this.door = new Door(given.endpoint, options.key);
    this.rules = new Rules(this.store);
    this.who = new Who(this.store, this.door, {
      before: () => {
        this.capture?.settle(false);
        this.delivery.settle();
      },
      after: () => this.gate.changed(),
    });
    const out = outlet(this.door, this.who.tokens, this.rules, (reason) => {
      this.emit("error", { code: reason });
      this.end();
    });
    this.delivery = new Delivery(this.store, storagePrefix(scope), out, this.life);
    this.recorder = new Recorder({
      user: () => this.who.userId,
      session: (now) => this.who.session.at(now),
      rules: () => this.rules.config.capture,
      beforeSend: options.beforeSend,
      take: (event) => this.take(event),
      failed: () => this.emit("error", { code: "before_send" }),
      used: (element) => this.gate.seeUsed(element),
    });
    this.gate = new LiveGate(this.core(scope, chunks), this.life, chunks.live);
    guard.whenSpent(() => this.giveUp());
    if (this.store.get(OFF) === this.who.session.at(Date.now())) {
      this.end();
      return;
    }
    // First of all, so that the first event is this user's.
    if (options.userId !== undefined) this.who.identify(options.userId, options);
    if (this.isWanted(this.rules.config)) this.start();
    if (!this.pending) this.talk();
  }

  identify(userId: string, options: IdentifyOptions = {}): void {
    this.who.identify(userId, options);
    this.introduce();
  }

  track(name: string, properties: Record<string, unknown>): void {
    this.recorder.record("custom", { properties: { ...properties, name } });
  }

  page(): void {
    this.capture?.pages.view();
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

  /** The user has refused: nothing is sent any more, nothing stays. */
  forget(): void {
    this.end();
    this.delivery.clear();
    this.store.clear();
  }

  async flush(): Promise<void> {
    this.capture?.settle(false);
    if (!this.pending) await this.delivery.flush();
  }

  shutdown(): void {
    this.capture?.settle(false);
    this.away(true);
    this.end();
  }

  /** Captures from here on. */
  private start(): void {
    const { life } = this;
    this.started = true;
    // Before what it records of the return, which belongs to the queue of the page that is back.
    whenBack(life, () => {
      if (!this.pending) this.delivery.back();
      this.who.follow();
    });
    this.capture = new Capture(this.recorder, life, this.door.endpoint, this.iframes);
    // After its making: what it records may need it.
    this.capture.pages.look();
    watchPage(life, {
      away: (leaving) => {
        if (leaving) this.capture?.settle(true);
        this.away(leaving);
      },
      online: () => this.delivery.retryNow(),
    });
    life.on<StorageEvent>(window, "storage", ({ key }) => {
      if (!key || key.endsWith(".who")) this.who.follow();
    });
  }

  /** Sends and asks from here on. */
  private talk(): void {
    if (this.started) {
      this.delivery.begin();
      this.introduce();
    }
    followConfig(this.door, this.life, !this.started, {
      config: (config) => this.configured(config),
      refused: () => {
        debug("this key may not be used here");
        this.end();
      },
      answered: () => this.emit("ready", {}),
    });
  }

  private configured(config: SnippetConfig): void {
    this.rules.set(config);
    this.delivery.pace = { count: config.flush_count, intervalMs: config.flush_interval_ms };
    if (!this.isWanted(config)) {
      debug("switched off");
      this.delivery.clear();
      this.end();
      return;
    }
    if (!this.started) {
      // Switched off when last heard, and not any more.
      this.start();
      this.delivery.begin();
      this.introduce();
    }
    if (!config.identity_enforced) this.delivery.release(this.who.userId);
    // The server can be reached.
    this.delivery.retryNow();
    this.gate.open();
  }

  /** The platform wants this visitor's events: the same answer on every page. */
  private isWanted(config: SnippetConfig): boolean {
    return config.enabled && isSampled(anonymousId(this.store), config.sample_rate);
  }

  private introduce(): void {
    if (this.pending || !this.started || this.life.ended) return;
    const { userId } = this.who;
    void this.life.guard.run(async () => {
      const known = await this.who.introduce();
      if (!known && !this.life.ended) this.emit("error", { code: "identify", user_id: userId });
      this.delivery.release(userId);
    });
  }

  private take(event: WireEvent): void {
    const { pending } = this;
    if (this.life.ended || !this.started) return;
    if (pending) {
      pending.push(event);
      if (pending.length > PENDING_EVENTS) pending.shift();
      return;
    }
    this.delivery.add(event);
    if (event.event_type === "page_view") this.gate.viewed();
  }

  /** The page may be gone in a moment. */
  private away(leaving: boolean): void {
    if (!this.pending) this.delivery.away(leaving);
  }

  private core(scope: string, chunks: Chunks): Core {
    const { door, store } = this;
    return {
      scope,
      door,
      store,
      tokens: this.who.tokens,
      loadUi: chunks.ui,
      loadHealth: chunks.health,
      config: () => this.rules.config,
      visit: () => this.who.session.at(Date.now()),
      saw: (properties) => this.recorder.record("target_check", { properties }),
      userId: () => this.who.userId,
      naming: (nameOf) => {
        this.recorder.nameOf = nameOf;
      },
      language: () => this.rules.config.language,
      theme: () => this.rules.config.theme,
      configured: (value) => {
        const config = readConfig(value);
        if (config) this.configured(config);
      },
      released: (user) => this.delivery.release(user),
      emit: this.emit,
      tell: (fate, nudgeId, actionId) => {
        const detail = { nudge_id: nudgeId, ...(actionId !== undefined && { action_id: actionId }) };
        this.recorder.record(fate, { properties: detail });
        this.emit(fate, detail);
      },
      action: (nudgeId, actionId) => this.emit("action", { nudge_id: nudgeId, action_id: actionId }),
      say: (text, nudgeId) => {
        const id = uuid7(Date.now());
        const properties = { text, ...(nudgeId && { nudge_id: nudgeId }) };
        this.recorder.record("user_message", { id, properties });
        return id;
      },
      arrived: async (id) => {
        this.delivery.retryNow();
        await this.delivery.flush();
        return !this.delivery.has(id);
      },
    };
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

  private end(): void {
    this.life.end();
  }
}

export function storagePrefix(scope: string): string {
  return `handrail.${scope}.`;
}
