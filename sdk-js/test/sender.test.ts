import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EventQueue } from "../src/delivery/queue";
import { type Outlet, Sender } from "../src/delivery/sender";
import type { Answer } from "../src/door";
import { Store } from "../src/store";
import type { WireEvent } from "../src/wire";
import { event, life, TestShelf } from "./making";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const OK: Answer = { status: 202, retryAfter: null, body: {} };

/** A gateway that answers by script, then 202. */
class Gateway implements Outlet {
  readonly posts: { events: WireEvent[]; token: string | undefined }[] = [];
  readonly beacons: WireEvent[][] = [];
  script: Answer[] = [];
  tokens = new Map<string, string>();
  stop = "";

  async token(user: string) {
    return this.tokens.get(user);
  }
  heldToken(user: string) {
    return this.tokens.get(user);
  }
  needsToken(user: string) {
    return !user.startsWith("anon-");
  }
  forgetToken(user: string) {
    this.tokens.delete(user);
  }
  async post(events: WireEvent[], token: string | undefined) {
    this.posts.push({ events, token });
    return this.script.shift() ?? OK;
  }
  beacon(events: WireEvent[]) {
    this.beacons.push(events);
  }
  stopped(reason: string) {
    this.stop = reason;
  }
}

function setup() {
  const queue = new EventQueue(new Store(new TestShelf(), "h."));
  const gateway = new Gateway();
  const sender = new Sender(queue, gateway, life(), Date.now, () => 1);
  const add = (...events: WireEvent[]) => {
    for (const one of events) {
      queue.add(one);
      sender.notice();
    }
  };
  return { queue, gateway, sender, add };
}

test("ten events go at once, fewer after five seconds", async () => {
  const { queue, gateway, add } = setup();
  add(event(), event());
  await vi.advanceTimersByTimeAsync(4_999);
  expect(gateway.posts).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(gateway.posts.map((post) => post.events.length)).toEqual([2]);
  add(...Array.from({ length: 10 }, () => event()));
  await vi.advanceTimersByTimeAsync(0);
  expect(gateway.posts.map((post) => post.events.length)).toEqual([2, 10]);
  expect(queue.size).toBe(0);
});

test("a failure is tried again with the same events, until a 2xx", async () => {
  const { queue, gateway, sender, add } = setup();
  gateway.script = [
    { status: 0, retryAfter: null, body: null },
    { status: 503, retryAfter: 7, body: null },
  ];
  const one = event();
  add(one);
  await sender.flush();
  expect(queue.size).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(gateway.posts).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(6_999);
  expect(gateway.posts).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(gateway.posts.map((post) => post.events[0])).toEqual([one, one, one]);
  expect(queue.size).toBe(0);
});

test("422 drops what it names and sends the rest; 413 halves", async () => {
  const { queue, gateway, sender, add } = setup();
  const [good, bad] = [event(), event()];
  gateway.script = [{ status: 422, retryAfter: null, body: { errors: [{ loc: ["events", 1], msg: "" }] } }];
  add(good, bad);
  await sender.flush();
  expect(gateway.posts.map((post) => post.events)).toEqual([[good, bad], [good]]);
  expect(queue.size).toBe(0);

  gateway.posts.length = 0;
  gateway.script = [{ status: 413, retryAfter: null, body: null }];
  add(event(), event(), event(), event());
  await sender.flush();
  expect(gateway.posts.map((post) => post.events.length)).toEqual([4, 2, 2]);
});

test("401 stops for good, and keeps the events", async () => {
  const { queue, gateway, sender, add } = setup();
  gateway.script = [{ status: 401, retryAfter: null, body: { code: "key_unknown" } }];
  add(event());
  await sender.flush();
  add(event());
  await vi.advanceTimersByTimeAsync(60_000);
  expect(gateway.posts).toHaveLength(1);
  expect(gateway.stop).toBe("key_unknown");
  expect(queue.size).toBe(2);
});

test("a named user's events wait for a token, an anonymous one's do not", async () => {
  const { gateway, sender, add } = setup();
  const [named, anonymous] = [event({ user_id: "u1" }), event()];
  add(named, anonymous);
  await sender.flush();
  expect(gateway.posts).toEqual([{ events: [anonymous], token: undefined }]);
  gateway.tokens.set("u1", "t1");
  sender.release("u1");
  await vi.advanceTimersByTimeAsync(0);
  expect(gateway.posts[1]).toEqual({ events: [named], token: "t1" });
});

test("a refused token is got anew once, then the events wait", async () => {
  const { queue, gateway, sender, add } = setup();
  const refused = { status: 403, retryAfter: null, body: { code: "token_expired" } };
  gateway.script = [refused, refused];
  gateway.token = async () => "t";
  add(event({ user_id: "u1" }));
  await sender.flush();
  expect(gateway.posts).toHaveLength(2);
  expect(queue.size).toBe(1);
});

test("leaving hands everything over, and keeps what no answer came for", async () => {
  const { queue, gateway, sender, add } = setup();
  gateway.script = [{ status: 0, retryAfter: null, body: null }];
  const one = event();
  add(one);
  sender.leave();
  await vi.advanceTimersByTimeAsync(0);
  expect(gateway.beacons).toEqual([[one]]);
  expect(queue.size).toBe(1);
});
