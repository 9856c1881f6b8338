// The socket of one user: opened when the page has been looked at for a moment, closed with the page, opened again
// with jitter. What was not acknowledged is sent again by the server, so nothing is kept here but unsent acks.

import { debug } from "../guard";
import type { Lifetime } from "../lifetime";
import type { ClientFrame, ServerFrame } from "../wire";
import { afterClose } from "./closing";

export interface Line {
  url(userId: string): string;
  key: string;
  token(userId: string): Promise<string | undefined>;
  forgetToken(userId: string): void;
  frame(frame: ServerFrame): void;
  /** The key or the origin is refused: nothing will work. */
  refused(): void;
}

const PROTOCOL = "handrail.v1";
const NO_TOKEN_MS = 30_000;

export class Socket {
  private userId: string | null = null;
  private socket: WebSocket | null = null;
  private opening = 0;
  private attempt = 0;
  private lastSeq = 0;
  private acks: number[] = [];
  private stopWaiting: (() => void) | null = null;

  constructor(
    private readonly line: Line,
    private readonly life: Lifetime,
    private readonly random: () => number = Math.random,
  ) {
    life.ending(() => this.close());
  }

  /** For this user from now on. */
  open(userId: string): void {
    if (this.userId === userId && (this.socket || this.stopWaiting || this.opening)) return;
    this.close();
    if (this.userId !== userId) {
      this.lastSeq = 0;
      this.acks = [];
    }
    this.userId = userId;
    this.attempt = 0;
    void this.connect();
  }

  close(): void {
    this.opening = 0;
    this.stopWaiting?.();
    this.stopWaiting = null;
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = socket.onerror = socket.onopen = null;
    socket.close(1000);
  }

  /** The connection is likely to work now. */
  hurry(): void {
    if (this.stopWaiting && this.userId) {
      this.stopWaiting();
      this.stopWaiting = null;
      void this.connect();
    }
  }

  ack(seq: number): void {
    this.acks.push(seq);
    this.sendAcks();
  }

  private async connect(): Promise<void> {
    const user = this.userId;
    if (user === null || this.life.ended) return;
    this.opening += 1;
    const mine = this.opening;
    const token = await this.line.token(user);
    if (mine !== this.opening || user !== this.userId || this.life.ended) return;
    this.opening = 0;
    if (!token) {
      this.wait(NO_TOKEN_MS * (0.5 + this.random()));
      return;
    }
    const protocols = [PROTOCOL, `key.${this.line.key}`, `tok.${token}`];
    const socket = new WebSocket(this.line.url(user), protocols);
    this.socket = socket;
    const { guard } = this.life;
    socket.onmessage = guard.wrap((event: MessageEvent) => this.heard(event.data));
    socket.onclose = guard.wrap((event: CloseEvent) => this.closed(event.code, user));
  }

  private heard(data: unknown): void {
    const frame = parse(data);
    if (!frame) return;
    if (frame.type === "hello") {
      this.attempt = 0;
      // Pending nudges come unasked after hello; what this page has seen already need not come again.
      if (this.lastSeq) this.send({ type: "resume", last_seq: this.lastSeq });
      this.sendAcks();
    } else if (frame.type !== "config") {
      this.lastSeq = Math.max(this.lastSeq, frame.seq);
    }
    this.line.frame(frame);
  }

  private closed(code: number, user: string): void {
    this.socket = null;
    const next = afterClose(code, this.attempt, this.random);
    if (next.kind === "stop") {
      debug("socket refused", code);
      this.line.refused();
      return;
    }
    this.attempt += 1;
    if (next.kind === "renew") this.line.forgetToken(user);
    this.wait(next.waitMs);
  }

  private wait(ms: number): void {
    this.stopWaiting = this.life.after(ms, () => {
      this.stopWaiting = null;
      void this.connect();
    });
  }

  private sendAcks(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    for (const seq of this.acks.splice(0)) this.send({ type: "ack", seq });
  }

  private send(frame: ClientFrame): void {
    this.socket?.send(JSON.stringify(frame));
  }
}

function parse(data: unknown): ServerFrame | null {
  try {
    const frame = JSON.parse(String(data)) as ServerFrame | null;
    return typeof frame?.type === "string" && typeof frame.seq === "number" ? frame : null;
  } catch {
    return null;
  }
}
