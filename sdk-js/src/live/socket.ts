// The socket of one user: closed with the page, opened again with jitter, given up for a while where nobody answers.
// What was not acknowledged is sent again by the server, so nothing is kept here but unsent acks.

import { debug } from "../guard";
import { jsonText } from "../json";
import type { Lifetime } from "../lifetime";
import type { ClientFrame, ServerFrame } from "../wire";
import { afterClose, afterNoToken } from "./closing";

export interface Around {
  url: string;
  key: string;
  token(): Promise<string | undefined>;
  forgetToken(): void;
  frame(frame: ServerFrame): void;
  lastSeq(): number;
  /** The key or the origin is refused: nothing will work. */
  refused(): void;
}

const PROTOCOL = "handrail.v1";
/** A server that takes the connection and says nothing is none. */
const HELLO_MS = 20_000;
/** Our own reason to close; as if nobody had answered. */
const SILENT = 1006;

export class Socket {
  private wanted = false;
  private refused = false;
  private socket: WebSocket | null = null;
  private opening = 0;
  private attempt = 0;
  private acks: number[] = [];
  private stopWaiting: (() => void) | null = null;

  constructor(
    private readonly around: Around,
    private readonly life: Lifetime,
    private readonly random: () => number = Math.random,
  ) {
    life.ending(() => this.close());
  }

  open(): void {
    if (this.wanted || this.refused) return;
    this.wanted = true;
    this.attempt = 0;
    void this.life.guard.run(() => this.connect());
  }

  close(): void {
    this.wanted = false;
    this.opening += 1;
    this.stop();
    this.socket?.close(1000);
    this.forget();
  }

  /** The connection is likely to work now. */
  hurry(): void {
    if (!this.stopWaiting || this.socket) return;
    this.stop();
    void this.life.guard.run(() => this.connect());
  }

  ack(seq: number): void {
    this.acks.push(seq);
    this.sendAcks();
  }

  private async connect(): Promise<void> {
    this.opening += 1;
    const mine = this.opening;
    const token = await this.around.token();
    if (mine !== this.opening || !this.wanted || this.life.ended) return;
    if (!token) {
      this.attempt += 1;
      this.wait(afterNoToken(this.attempt, this.random));
      return;
    }
    const protocols = [PROTOCOL, `key.${this.around.key}`, `tok.${token}`];
    const socket = new WebSocket(this.around.url, protocols);
    this.socket = socket;
    const { guard } = this.life;
    socket.onmessage = guard.wrap((event: MessageEvent) => this.heard(event.data));
    socket.onclose = guard.wrap((event: CloseEvent) => this.closed(event.code));
    this.stopWaiting = this.life.after(HELLO_MS, () => {
      socket.close();
      this.closed(SILENT);
    });
  }

  private heard(data: unknown): void {
    const frame = parse(data);
    if (!frame) return;
    if (frame.type === "hello") {
      this.stop();
      this.attempt = 0;
      // Pending nudges come unasked after hello; what the tabs have seen already need not come again.
      const seen = this.around.lastSeq();
      if (seen) this.send({ type: "resume", last_seq: seen });
      this.sendAcks();
    }
    this.around.frame(frame);
  }

  private closed(code: number): void {
    this.stop();
    this.forget();
    const next = afterClose(code, this.attempt, this.random);
    if (next.kind === "stop") {
      debug("socket refused", code);
      this.wanted = false;
      this.refused = true;
      this.around.refused();
      return;
    }
    this.attempt += 1;
    if (next.kind === "renew") this.around.forgetToken();
    this.wait(next.waitMs);
  }

  /** Hears nothing of the socket any more. */
  private forget(): void {
    const { socket } = this;
    this.socket = null;
    if (socket) socket.onmessage = socket.onclose = null;
  }

  private wait(ms: number): void {
    this.stopWaiting = this.life.after(ms, () => {
      this.stopWaiting = null;
      void this.life.guard.run(() => this.connect());
    });
  }

  private stop(): void {
    this.stopWaiting?.();
    this.stopWaiting = null;
  }

  private sendAcks(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    for (const seq of this.acks.splice(0)) this.send({ type: "ack", seq });
  }

  private send(frame: ClientFrame): void {
    this.socket?.send(jsonText(frame));
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
