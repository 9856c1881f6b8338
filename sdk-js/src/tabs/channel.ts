// What the tabs of one browser tell each other, in memory. Another version may be speaking: what is no note is ignored.

import { debug } from "../guard";
import type { Held } from "../who/tokens";
import type { ServerFrame } from "../wire";

export type Note =
  /** A tab has come, or wants to know whether the one with the socket is alive. */
  | { kind: "hello" }
  /** The one with the socket answers: what is not acknowledged yet. */
  | { kind: "here"; lastSeq: number; frames: ServerFrame[] }
  | { kind: "frame"; frame: ServerFrame }
  /** To the one with the socket. */
  | { kind: "ack"; seq: number }
  /** Has anybody a token of this user? */
  | { kind: "token?" }
  | { kind: "token"; held: Held }
  /** To the one that shows nudges: the user looks at another tab now. */
  | { kind: "mine" };

export class Channel {
  private readonly channel: BroadcastChannel | null;

  constructor(name: string, heard: (note: Note) => void) {
    this.channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(name);
    if (!this.channel) return;
    this.channel.onmessage = ({ data }: MessageEvent<Note>) => {
      try {
        heard(data);
      } catch (error) {
        // Of another version, or of somebody else: no fault of ours, which would count.
        debug(error);
      }
    };
  }

  tell(note: Note): void {
    this.channel?.postMessage(note);
  }

  close(): void {
    this.channel?.close();
  }
}
