import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Answer } from "../src/delivery/door";
import { type Outlet, Sender } from "../src/delivery/sender";
import { Store } from "../src/store";
import type { WireEvent } from "../src/wire";
import { event, life, PageQueue, TestShelf } from "./making";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const OK: Answer = { status: 202, retryAfter: null, body: {} };
const SILENCE: Answer = { status: 0, retryAfter: null, body: null };

function refusal(
  status: number,
  code: string,
  late: number[] = [],
  retryAfter: number | null = null,
): Answer {
  return { status, retryAfter, body: { code, errors: late.map((at) => ({ loc: ["events", at], msg: "" })) } };
}

/** A gateway that answers by script, then 202. */
class Gateway implements Outlet {
  readonly posts: { events: WireEvent[]; token: string | undefined; dropped: number }[] = [];
  script: Answer[] = [];
  answersAfterMs = 0;
  tokens = new Map<string, string>();
  mayCome = false;
  stop = "";
  stored = vi.fn();

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
  tokenMayCome() {
    return this.mayCome;
  }
  async post(events: string[], token: string | undefined, dropped: number) {
    this.posts.push({ events: events.map((text) => JSON.parse(text)), token, dropped });
    if (this.answersAfterMs) await new Promise((done) => setTimeout(done, this.answersAfterMs));
    return this.script.shift() ?? OK;
  }
  stopped(reason: string) {
    this.stop = reason;
  }
  get sizes() {
    return this.posts.map((post) => post.events.length);
  }
}

function setup(shelf = new TestShelf()) {
  const store = new Store(shelf, "h.");
  const queue = new PageQueue(shelf);
  const gateway = new Gateway();
  const sender = new Sender(queue, gateway, life(), store, () => 1);
  const add = (...events: WireEvent[]) => {
    for (const one of events) sender.notice(queue.write(one));
  };
  const left = () => [...shelf.items.keys()].filter((key) => key.startsWith("h.q.")).length;
  return { queue, gateway, sender, add, shelf, left };
}

const many = (count: number, more: Partial<WireEvent> = {}) =>
  Array.from({ length: count }, () => event(more));

test("ten events go at once, fewer after five seconds", async () => {
  const { gateway, add, left } = setup();
  add(event(), event());
  await vi.advanceTimersByTimeAsync(4_999);
  expect(gateway.posts).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(gateway.sizes).toEqual([2]);
  add(...many(10));
  // Not within the click itself.
  expect(gateway.posts).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(0);
  expect(gateway.sizes).toEqual([2, 10]);
  expect(left()).toBe(0);
});

test("what came while a post was under way is not forgotten when the server asks to wait", async () => {
  const { gateway, add, left } = setup();
  gateway.script = [refusal(503, "unavailable", [], 7)];
  gateway.answersAfterMs = 2_000;
  add(...many(10));
  await vi.advanceTimersByTimeAsync(500);
  add(event());
  await vi.advanceTimersByTimeAsync(60_000);
  expect(gateway.sizes).toEqual([10, 11]);
  expect(left()).toBe(0);
});

test("48 kB go at once, in posts that are no larger", async () => {
  const { gateway, add } = setup();
  add(...many(5, { properties: { text: "x".repeat(12_000) } }));
  await vi.advanceTimersByTimeAsync(0);
  expect(gateway.sizes).toEqual([3, 2]);
});

test("a failure is tried again with the same events, until a 2xx", async () => {
  const { gateway, sender, add, left } = setup();
  gateway.script = [SILENCE, refusal(503, "unavailable", [], 7)];
  const one = event();
  add(one);
  await sender.flush();
  expect(left()).toBe(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(gateway.posts).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(6_999);
  expect(gateway.posts).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(gateway.posts.map((post) => post.events[0])).toEqual([one, one, one]);
  expect(left()).toBe(0);
});

test("what the server asked for counts on the next page too, and no other reason ends it", async () => {
  const first = setup();
  first.gateway.script = [refusal(429, "rate_limited", [], 30)];
  first.add(event());
  await first.sender.flush();
  const { gateway, sender, add } = setup(first.shelf);
  add(...many(10));
  sender.retryNow();
  sender.leave();
  await vi.advanceTimersByTimeAsync(29_999);
  expect(gateway.posts).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(gateway.posts).toHaveLength(1);
});

test.each([
  [2, "where nothing was ever answered", () => {}],
  [3, "where only the config was", (sender: Sender) => sender.reached()],
])("%d failures %s mean five minutes of quiet, here and on the next page", async (tries, _, before) => {
  const first = setup();
  before(first.sender);
  first.gateway.script = Array(4).fill(SILENCE);
  first.add(event());
  await vi.advanceTimersByTimeAsync(60_000);
  expect(first.gateway.posts).toHaveLength(tries);
  const { gateway, sender, add } = setup(first.shelf);
  add(event());
  await vi.advanceTimersByTimeAsync(200_000);
  expect(gateway.posts).toHaveLength(0);
  // The config came, or the socket: it was no blocker, or it is gone.
  sender.retryNow();
  await vi.advanceTimersByTimeAsync(0);
  expect(gateway.posts).toHaveLength(1);
});

test("offline is no blocker: one try a minute, and at once when the line is back", async () => {
  vi.stubGlobal("navigator", { onLine: false });
  const { gateway, sender, add, left } = setup();
  gateway.script = Array(4).fill(SILENCE);
  add(event());
  await vi.advanceTimersByTimeAsync(5_000 + 3 * 60_000);
  expect(gateway.posts).toHaveLength(4);
  sender.retryNow();
  await vi.advanceTimersByTimeAsync(0);
  expect(left()).toBe(0);
});

test("422 drops what it names, sends the rest, and tells how many", async () => {
  const { gateway, sender, add, left } = setup();
  const [good, bad] = [event(), event()];
  gateway.script = [refusal(422, "invalid", [1])];
  add(good, bad);
  await sender.flush();
  expect(gateway.posts.map((post) => [post.events, post.dropped])).toEqual([
    [[good, bad], 0],
    [[good], 1],
  ]);
  expect(left()).toBe(0);
  add(event());
  await sender.flush();
  expect(gateway.posts[2]?.dropped).toBe(0);
});

test("413 halves down to the one that is too large", async () => {
  const { gateway, sender, add, left } = setup();
  const tooLarge = refusal(413, "too_large");
  gateway.script = [tooLarge, tooLarge, tooLarge];
  add(...many(4));
  await sender.flush();
  expect(gateway.sizes).toEqual([4, 2, 1, 1, 2]);
  expect(left()).toBe(0);
});

test("an event that a filter on the way refuses waits for another page; three of them end the trying", async () => {
  const { gateway, sender, add, left } = setup();
  gateway.script = Array(9).fill({ status: 406, retryAfter: null, body: null });
  add(...many(5));
  await sender.flush();
  expect(gateway.sizes).toEqual([5, 2, 1, 1, 1]);
  expect(gateway.stop).toBe("406");
  expect(left()).toBe(5);
});

test.each([
  [401, "key_unknown"],
  [403, "origin"],
  [403, "scope"],
])("%d %s stops until the next page, and keeps the events", async (status, code) => {
  const { gateway, sender, add, left } = setup();
  gateway.script = [refusal(status, code)];
  add(event());
  await sender.flush();
  add(event());
  sender.leave();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(gateway.posts).toHaveLength(1);
  expect(gateway.stop).toBe(code);
  expect(left()).toBe(2);
});

test("a named user's events wait for a token, an anonymous one's do not", async () => {
  const { gateway, sender, add } = setup();
  const [named, anonymous] = [event({ user_id: "u1" }), event()];
  add(named, anonymous);
  await sender.flush();
  expect(gateway.posts).toEqual([{ events: [anonymous], token: undefined, dropped: 0 }]);
  gateway.tokens.set("u1", "t1");
  sender.release("u1");
  await vi.advanceTimersByTimeAsync(0);
  expect(gateway.posts[1]).toEqual({ events: [named], token: "t1", dropped: 0 });
});

test("where no answer came for a token, it is asked for again", async () => {
  const { gateway, sender, add } = setup();
  gateway.mayCome = true;
  add(event({ user_id: "u1" }));
  await sender.flush();
  gateway.tokens.set("u1", "t1");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(gateway.posts.map((post) => post.token)).toEqual(["t1"]);
});

test("a refused token is got anew once, then the events wait", async () => {
  const { gateway, sender, add, left } = setup();
  const refused = refusal(403, "token_expired");
  gateway.script = [refused, refused];
  gateway.token = async () => "t";
  add(event({ user_id: "u1" }));
  await sender.flush();
  add(event({ user_id: "u1" }));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(gateway.posts).toHaveLength(2);
  expect(left()).toBe(2);
});

test("of a user who is signed out, the kept token covers what was before its end", async () => {
  const { queue, gateway, sender, add, left } = setup();
  const [early, late] = [event({ user_id: "u1" }), event({ user_id: "u1" })];
  add(early, late);
  queue.proofs(() => "t1");
  gateway.script = [refusal(403, "token_expired", [1])];
  await sender.flush();
  expect(gateway.posts.map(({ events, token }) => [events, token])).toEqual([
    [[early, late], "t1"],
    [[early], "t1"],
  ]);
  // The late one and the token, until the user is here again.
  expect(left()).toBe(2);
  gateway.tokens.set("u1", "t2");
  sender.release("u1");
  await vi.advanceTimersByTimeAsync(0);
  expect(gateway.posts[2]).toEqual({ events: [late], token: "t2", dropped: 0 });
  expect(left()).toBe(0);
});

test("leaving hands over what one page may, once, and keeps it until it is stored", async () => {
  const { gateway, sender, add, left } = setup();
  const answers: ((answer: Answer) => void)[] = [];
  const post = gateway.post.bind(gateway);
  gateway.post = (...args) => {
    void post(...args);
    return new Promise((resolve) => answers.push(resolve));
  };
  add(...many(7, { properties: { text: "x".repeat(12_000) } }));
  sender.leave();
  // Hidden, and then left.
  sender.leave();
  expect(gateway.sizes).toEqual([3]);
  expect(left()).toBe(7);
  answers[0]?.(OK);
  await vi.advanceTimersByTimeAsync(0);
  expect(left()).toBe(4);
});

test("a page that is left during a pause sends nothing that is written down", async () => {
  const { gateway, sender, add, shelf } = setup();
  gateway.script = [refusal(503, "unavailable")];
  add(event());
  await sender.flush();
  sender.leave();
  expect(gateway.posts).toHaveLength(1);
  // What is not would be lost.
  shelf.full = true;
  add(event());
  sender.leave();
  expect(gateway.posts).toHaveLength(2);
});
