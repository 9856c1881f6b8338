// What comes over the socket and is no nudge.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Core } from "../src/live/border";
import { Line } from "../src/live/line";
import { Desk } from "../src/nudges/desk";
import { Shown } from "../src/nudges/shown";
import type { Item, Stage } from "../src/nudges/stage";
import { Store } from "../src/store";
import { life, TestShelf } from "./making";

/** The gateway's end of the socket. */
class Wire {
  static readonly OPEN = 1;
  static last: Wire;
  readonly readyState = 1;
  readonly sent: unknown[] = [];
  onmessage: (event: { data: string }) => void = () => {};
  onclose = () => {};
  constructor() {
    Wire.last = this;
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
}

beforeEach(() => {
  vi.stubGlobal("WebSocket", Wire);
  vi.stubGlobal("BroadcastChannel", undefined);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

test("a malformed nudge is dropped with one line, and acknowledged, so that it does not come again", async () => {
  const debug = vi.spyOn(console, "debug").mockReturnValue();
  const own = life();
  const shown = new Shown(new Store(new TestShelf(), "h."));
  const taken: Item[] = [];
  const ui = { take: (item: Item) => taken.push(item), completed: () => {}, clear: () => {} };
  const desk = new Desk({ shown } as unknown as Stage, shown, own, async () => ({ startUi: () => ui }));
  const tokens = { fresh: async () => "t", peek: () => undefined, taken: () => {} };
  const door = { socketUrl: () => "wss://gateway.test/ws/ada", key: "pk_x" };
  const core = { prefix: "h.", door, tokens, emit: () => {}, configured: () => {}, language: () => "en" };
  const line = new Line("ada", core as unknown as Core, desk, own, 0);
  await vi.waitFor(() => expect(Wire.last).toBeDefined());
  const come = (frame: object) => Wire.last.onmessage({ data: JSON.stringify(frame) });
  const good = { nudge_id: "n", title: "T", body: "B", actions: [], target: null };
  const nudge = { ...good, kind: "chat", expires_at: "2099-01-01T00:00:00Z" };
  come({ type: "hello", seq: 0, config: {} });
  come({ type: "nudge", seq: 1, nudge: { ...nudge, body: { a: 1 } } });
  come({ type: "nudge", seq: 2, nudge: { ...nudge, actions: "str" } });
  come({ type: "nudge", seq: 3, nudge });
  expect(Wire.last.sent).toEqual([
    { type: "ack", seq: 1 },
    { type: "ack", seq: 2 },
  ]);
  expect(debug.mock.calls).toEqual([
    ["[handrail]", "no nudge", 1],
    ["[handrail]", "no nudge", 2],
  ]);
  await vi.waitFor(() => expect(taken.map(({ seq }) => seq)).toEqual([3]));
  expect(line.lastSeq).toBe(3);
  own.end();
  debug.mockRestore();
});
