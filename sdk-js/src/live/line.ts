// One user's connection, shared by the tabs of the browser: one of them holds the socket and passes on what comes; the
// others pass back what was shown. The one that shows is the one that is looked at.

import { debug } from "../guard";
import type { Lifetime } from "../lifetime";
import type { Desk } from "../nudges/desk";
import { readNudge } from "../nudges/message";
import { Channel, type Note } from "../tabs/channel";
import { Seat } from "../tabs/seat";
import { isAnonymous } from "../who/anonymous";
import type { ServerFrame } from "../wire";
import type { Core } from "./border";
import { Socket } from "./socket";

/** The tab with the socket answers within this, or is taken for dead. */
const ANSWERS_MS = 3_000;
/** How long before its end a token is renewed; spread, so that one tab does it for all. */
const RENEW_MS = 90_000;
const SPREAD_MS = 60_000;
const RENEW_AGAIN_MS = 30_000;

type Shown = Extract<ServerFrame, { type: "nudge" | "message" }>;

export class Line {
  private readonly channel: Channel;
  private readonly socket: Socket;
  private readonly chair: Seat;
  private readonly stage: Seat;
  /** Not acknowledged, by seq. */
  private readonly open = new Map<number, Shown>();
  private stopAsking = () => {};
  private stopRenewing = () => {};
  private closed = false;

  constructor(
    private readonly user: string,
    private readonly core: Core,
    private readonly desk: Desk,
    private readonly life: Lifetime,
    /** What an earlier line of this user has heard last. */
    public lastSeq: number,
  ) {
    const { guard } = life;
    const name = `${core.prefix}live.${user}`;
    this.channel = new Channel(name, (note) => this.heard(note));
    this.socket = new Socket(
      {
        url: core.door.socketUrl(user),
        key: core.door.key,
        token: () => core.tokens.fresh(user),
        forgetToken: () => core.tokens.forget(user),
        frame: (frame) => this.came(frame),
        refused: () => core.emit("error", { code: "socket" }),
        lastSeq: () => this.lastSeq,
      },
      life,
    );
    this.chair = new Seat(name, guard, (held) => {
      if (held) this.socket.open();
      else this.socket.close();
    });
    this.stage = new Seat(`${name}.stage`, guard, (held) => desk.may(held));
    core.tokens.taken = (of, held) => {
      if (of !== this.user) return;
      this.channel.tell({ kind: "token", held });
      this.renewLater();
    };
    if (!core.tokens.peek(user) && !isAnonymous(user)) this.channel.tell({ kind: "token?" });
    this.renewLater();
    this.chair.take();
    this.looked(document.visibilityState !== "hidden");
  }

  /** The page came into sight or went out of it. */
  looked(visible: boolean): void {
    if (!visible) {
      this.stage.leave();
      return;
    }
    this.stage.take();
    this.hurry();
    this.focused();
    if (this.chair.held) return;
    this.channel.tell({ kind: "hello" });
    this.stopAsking();
    this.stopAsking = this.life.after(ANSWERS_MS, () => this.chair.take(true));
  }

  /** Of two windows side by side, the one that is worked in. */
  focused(): void {
    if (!this.stage.held && document.hasFocus()) this.channel.tell({ kind: "mine" });
  }

  /** The user has turned to something else: whoever waits may show. */
  blurred(): void {
    if (!this.stage.held) return;
    this.stage.leave();
    this.stage.take();
  }

  hurry(): void {
    if (this.chair.held) this.socket.hurry();
  }

  ack(seq: number): void {
    this.channel.tell({ kind: "ack", seq });
    this.acked(seq);
  }

  close(): void {
    this.closed = true;
    this.stopAsking();
    this.stopRenewing();
    this.core.tokens.taken = () => {};
    this.chair.leave();
    this.stage.leave();
    this.channel.close();
  }

  private heard(note: Note): void {
    switch (note.kind) {
      case "hello":
        if (!this.chair.held) return;
        this.channel.tell({ kind: "here", lastSeq: this.lastSeq, frames: [...this.open.values()] });
        this.hurry();
        return;
      case "here":
        this.stopAsking();
        for (const frame of note.frames) this.show(frame);
        this.lastSeq = Math.max(this.lastSeq, note.lastSeq);
        return;
      case "frame":
        this.stopAsking();
        this.show(note.frame);
        return;
      case "ack":
        this.acked(note.seq);
        return;
      case "token?": {
        const held = this.core.tokens.peek(this.user);
        if (held && held.expiresAt > Date.now()) this.channel.tell({ kind: "token", held });
        return;
      }
      case "token":
        this.core.tokens.adopt(this.user, note.held);
        this.core.released(this.user);
        this.renewLater();
        this.hurry();
        return;
      case "mine":
        if (!document.hasFocus()) this.blurred();
    }
  }

  /** From the socket. */
  private came(frame: ServerFrame): void {
    this.show(frame);
    this.channel.tell({ kind: "frame", frame });
  }

  private show(frame: ServerFrame): void {
    if (frame.type === "hello" || frame.type === "config") {
      this.core.configured(frame.config);
      return;
    }
    const message = frame.type === "message";
    if (!message && frame.type !== "nudge") return;
    this.lastSeq = Math.max(this.lastSeq, frame.seq);
    const nudge = readNudge(frame, this.core.language());
    if (!nudge) {
      // Sent again and again, it would be no better.
      if (!this.chair.held) return;
      debug("no nudge", frame.seq);
      this.ack(frame.seq);
      return;
    }
    const item = { nudge, seq: frame.seq, message };
    this.open.set(frame.seq, frame);
    if (!this.desk.take(item) && this.chair.held && this.desk.wasShown(item)) this.ack(frame.seq);
  }

  private acked(seq: number): void {
    this.open.delete(seq);
    this.desk.done(seq);
    if (this.chair.held) this.socket.ack(seq);
  }

  /** A user who needs a proof gets a new token while the old one still counts as one. */
  private renewLater(): void {
    this.stopRenewing();
    const held = this.core.tokens.peek(this.user);
    if (!held || isAnonymous(this.user)) return;
    const left = held.expiresAt - Date.now() - RENEW_MS - Math.random() * SPREAD_MS;
    this.stopRenewing = this.life.after(Math.max(1_000, left), () => void this.renew());
  }

  private async renew(): Promise<void> {
    const token = await this.core.tokens.fresh(this.user, RENEW_MS + SPREAD_MS);
    if (this.closed || token) return;
    const held = this.core.tokens.peek(this.user);
    if (held && held.expiresAt > Date.now()) {
      this.stopRenewing = this.life.after(RENEW_AGAIN_MS, () => void this.renew());
    } else {
      const { refusal: reason } = this.core.tokens;
      this.core.emit("error", { code: "identify", user_id: this.user, reason });
    }
  }
}
