// One running client: reads its surroundings, puts the parts together, and passes between them.

import { Capture } from "./capture/capture";
import { Recorder } from "./capture/recorder";
import { EventQueue } from "./delivery/queue";
import { Sender } from "./delivery/sender";
import { Door } from "./door";
import { debug, type Guard } from "./guard";
import { uuid7 } from "./ids";
import { Lifetime } from "./lifetime";
import { Socket } from "./live/socket";
import { Desk } from "./nudges/desk";
import { messageNudge } from "./nudges/message";
import { Shown } from "./nudges/shown";
import type { Fate, LoadUi, Stage } from "./nudges/stage";
import type { Consent, IdentifyOptions, Options } from "./options";
import { isSampled, Rules, readConfig } from "./rules";
import { localShelf, Store } from "./store";
import { anonymousId, forgetAnonymousId } from "./who/anonymous";
import { Session } from "./who/session";
import { Tokens } from "./who/tokens";
import type { ServerFrame, WireEvent } from "./wire";

/** A page that is left sooner gets no socket: on multi-page hosts each would be a closed connection. */
const SOCKET_AFTER_MS = 1_500;
const VERSION = __VERSION__;

export type Emit = (event: string, detail: Record<string, unknown>) => void;

export class Client {
  private readonly life: Lifetime;
  private readonly store: Store;
  private readonly door: Door;
  private readonly rules: Rules;
  private readonly session: Session;
  private readonly tokens: Tokens;
  private readonly queue: EventQueue;
  private readonly sender: Sender;
  private readonly socket: Socket;
  private readonly recorder: Recorder;
  private readonly desk: Desk;
  private readonly shown: Shown;
  private capture: Capture | null = null;
  private userId: string;
  private mayTalk: boolean;
  private socketDue = false;

  constructor(
    options: Options,
    scope: string,
    endpoint: string,
    guard: Guard,
    private readonly emit: Emit,
    loadUi: LoadUi,
  ) {
    this.life = new Lifetime(guard);
    this.mayTalk = options.consent !== "pending";
    this.store = new Store(this.mayTalk ? localShelf() : null, `handrail.${scope}.`);
    this.door = new Door(endpoint, options.key);
    this.rules = new Rules(this.store);
    this.session = new Session(this.store);
    this.tokens = new Tokens(this.door, Date.now);
    this.userId = options.userId ?? anonymousId(this.store);
    this.queue = new EventQueue(this.store);
    this.sender = new Sender(this.queue, this.outlet(), this.life);
    this.recorder = new Recorder({
      user: () => this.userId,
      session: (now) => this.session.at(now),
      rules: () => this.rules.config.capture,
      take: (event) => this.take(event),
      used: (element) => this.desk.used(element),
    });
    this.shown = new Shown(this.store);
    this.desk = new Desk(this.stage(), this.life, loadUi);
    this.socket = new Socket(this.line(), this.life);
    guard.whenSpent(() => this.end());
    this.begin(options);
  }

  identify(userId: string, options: IdentifyOptions = {}): void {
    const changed = userId !== this.userId;
    if (changed) {
      this.capture?.settle(false);
      this.desk.clear();
    }
    this.userId = userId;
    if (!this.mayTalk || this.life.ended) return;
    const anonymous = anonymousId(this.store);
    const who = {
      userId,
      anonymousId: anonymous,
      ...(options.traits && { traits: options.traits }),
      ...(options.token !== undefined && { identityToken: options.token }),
    };
    void this.life.guard.run(() =>
      this.tokens.introduce(who).then((token) => {
        if (!token) this.emit("error", { code: "identify", user_id: userId });
        this.sender.release(userId);
        if (this.socketDue && userId === this.userId) this.socket.open(userId);
      }),
    );
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
    this.sender.leave();
    this.socket.close();
    this.desk.clear();
    this.tokens.forgetAll();
    this.shown.clear();
    forgetAnonymousId(this.store);
    this.session.renew();
    this.userId = anonymousId(this.store);
    if (this.socketDue) this.socket.open(this.userId);
  }

  consent(state: Consent): void {
    if (state === "denied") {
      this.end();
      this.queue.clear();
      this.store.clear();
    } else if (state === "granted" && !this.mayTalk) {
      this.mayTalk = true;
      this.store.moveTo(localShelf());
      this.talk();
    }
  }

  async flush(): Promise<void> {
    this.capture?.settle(false);
    if (this.mayTalk) await this.sender.flush();
  }

  shutdown(): void {
    this.capture?.settle(false);
    if (this.mayTalk) this.sender.leave();
    this.end();
  }

  private begin(options: Options): void {
    if (!this.rules.config.enabled) {
      // Switched off when last heard; perhaps not any more.
      void this.learnRules();
      return;
    }
    this.queue.load();
    if (isSampled(anonymousId(this.store), this.rules.config.sample_rate)) {
      this.capture = new Capture(this.recorder, this.life, this.door.endpoint);
    }
    this.watchPage();
    if (options.userId !== undefined) this.identify(options.userId, options);
    if (this.mayTalk) this.talk();
  }

  private talk(): void {
    void this.learnRules();
    if (this.queue.size) this.sender.notice();
    this.life.after(SOCKET_AFTER_MS, () => {
      this.socketDue = true;
      this.connect();
    });
  }

  private watchPage(): void {
    const { life } = this;
    life.on(document, "visibilitychange", () => {
      if (document.visibilityState === "hidden") this.hand();
      else this.connect();
    });
    life.on(window, "pagehide", () => {
      this.capture?.settle(true);
      this.hand();
      // An open socket would keep the page from the back-forward cache.
      this.socket.close();
    });
    life.on<PageTransitionEvent>(window, "pageshow", (event) => {
      if (event.persisted) this.connect();
    });
    life.on(window, "online", () => {
      this.sender.retryNow();
      this.socket.hurry();
    });
  }

  private hand(): void {
    if (this.mayTalk) this.sender.leave();
  }

  private connect(): void {
    if (!this.socketDue || document.visibilityState === "hidden") return;
    this.socket.open(this.userId);
    this.socket.hurry();
  }

  private async learnRules(): Promise<void> {
    const answer = await this.door.config();
    if (answer.status === 401 || answer.status === 403) {
      debug("this key may not be used here", answer.status);
      this.end();
      return;
    }
    const config = answer.status === 200 ? readConfig(answer.body) : null;
    if (config) this.follow(config);
    this.emit("ready", {});
  }

  private follow(config: ReturnType<typeof readConfig>): void {
    if (!config) return;
    this.rules.set(config);
    this.sender.pace = { count: config.flush_count, intervalMs: config.flush_interval_ms };
    if (!config.enabled) {
      debug("switched off");
      this.queue.clear();
      this.end();
    } else if (!config.identity_enforced) {
      this.sender.release(this.userId);
    }
  }

  private take(event: WireEvent): void {
    if (this.life.ended) return;
    this.queue.add(event);
    if (this.mayTalk) this.sender.notice();
  }

  private heard(frame: ServerFrame): void {
    if (frame.type === "hello" || frame.type === "config") this.follow(readConfig(frame.config));
    else if (frame.type === "nudge") this.desk.take(frame.nudge, frame.seq);
    else if (frame.type === "message") {
      this.desk.take(messageNudge(frame, this.rules.config.language), frame.seq, true);
    }
  }

  private tell(fate: Fate, nudgeId: string, actionId?: string): void {
    const detail =
      actionId === undefined ? { nudge_id: nudgeId } : { nudge_id: nudgeId, action_id: actionId };
    this.recorder.record(fate, { properties: detail });
    this.emit(fate, detail);
  }

  private outlet(): ConstructorParameters<typeof Sender>[1] {
    const body = (events: WireEvent[], token: string | undefined) =>
      JSON.stringify({
        api_key: this.door.key,
        sent_at: new Date().toISOString(),
        sdk_version: VERSION,
        ...(token && { token }),
        context: surroundings(),
        events,
      });
    return {
      token: (user) => (user.startsWith("anon-") ? Promise.resolve(undefined) : this.tokens.fresh(user)),
      heldToken: (user) => this.tokens.peek(user),
      needsToken: (user) => this.rules.config.identity_enforced && !user.startsWith("anon-"),
      forgetToken: (user) => this.tokens.forget(user),
      post: (events, token) => this.door.events(body(events, token)),
      beacon: (events, token) => this.door.beacon(body(events, token)),
      stopped: (reason) => {
        this.emit("error", { code: reason });
        this.end();
      },
    };
  }

  private line(): ConstructorParameters<typeof Socket>[0] {
    return {
      url: (user) => this.door.socketUrl(user),
      key: this.door.key,
      token: (user) => this.tokens.fresh(user),
      forgetToken: (user) => this.tokens.forget(user),
      frame: (frame) => this.heard(frame),
      refused: () => this.emit("error", { code: "socket" }),
    };
  }

  private stage(): Stage {
    return {
      shown: this.shown,
      language: () => this.rules.config.language,
      tell: (fate, nudgeId, actionId) => this.tell(fate, nudgeId, actionId),
      ack: (seq) => this.socket.ack(seq),
      action: (nudgeId, actionId) => this.emit("action", { nudge_id: nudgeId, action_id: actionId }),
      theme: () => this.rules.config.theme,
      say: (text, nudgeId) => {
        const id = uuid7(Date.now());
        this.recorder.record("user_message", {
          id,
          properties: { text, ...(nudgeId && { nudge_id: nudgeId }) },
        });
        return id;
      },
      arrived: async (id) => {
        this.sender.retryNow();
        await this.sender.flush();
        return !this.queue.has(id);
      },
    };
  }

  private end(): void {
    this.life.end();
  }
}

function surroundings(): Record<string, string> {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return { ...(zone && { time_zone: zone.slice(0, 64) }), locale: navigator.language.slice(0, 64) };
}
