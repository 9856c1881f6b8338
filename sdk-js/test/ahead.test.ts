// A page's first moment: what is captured before the file that sends is there, and when it cannot be had.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client, type Emit } from "../src/client";
import { Ahead } from "../src/delivery/ahead";
import type { Chunks } from "../src/delivery/border";
import { startDelivery } from "../src/delivery/index";
import { Guard } from "../src/guard";
import { Store } from "../src/store";
import { event, TestShelf } from "./making";

const OTHER = () => Promise.reject(new Error("not needed here"));
const MODULE = { startDelivery };
const PREFIX = "handrail.Ab345678.";

let posts: { url: string; body: { events: { user_id: string; properties: { name?: string } }[] } }[];
let clients: Client[];

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  posts = [];
  clients = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    if (init.method === "POST") posts.push({ url, body: JSON.parse(String(init.body)) });
    return new Response("{}", { status: 202 });
  });
});
afterEach(() => {
  for (const client of clients) client.end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function page(delivery: Chunks["delivery"], userId?: string, emit: Emit = () => {}): Client {
  const options = { key: "pk_Ab345678_secret", ...(userId && { userId }) };
  const given = { options, prefix: PREFIX, endpoint: "https://gateway.test", pending: false };
  const client = new Client(given, new Guard(), emit, { delivery, other: OTHER });
  clients.push(client);
  return client;
}

const track = (client: Client, name: string) => client.recorder.record("custom", { properties: { name } });
const atRest = () => Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}q.`)).length;
const sent = () => posts.flatMap((post) => (post.body.events ?? []).map((one) => one.properties.name));

test("what is captured is at rest at once, and sent when what sends is there", async () => {
  let come: (module: typeof MODULE) => void = () => {};
  const client = page(
    () =>
      new Promise((resolve) => {
        come = resolve;
      }),
  );
  track(client, "a");
  track(client, "b");
  expect(atRest()).toBe(3);
  expect(posts).toEqual([]);
  const flushed = client.flush();
  expect(sent()).toEqual([]);
  come(MODULE);
  await flushed;
  expect(sent()).toEqual([undefined, "a", "b"]);
  expect(atRest()).toBe(0);
  track(client, "c");
  await client.flush();
  expect(sent().slice(3)).toEqual(["c"]);
});

test("it is fetched when the page has a moment, and again later and later where it cannot be had", async () => {
  const load = vi.fn(() => Promise.reject(new Error("blocked")));
  const client = page(load);
  track(client, "a");
  expect(load).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(load).toHaveBeenCalledTimes(1);
  // Nothing hurries it then: each try is a red line.
  for (let at = 0; at < 20; at++) track(client, "b");
  await client.flush();
  await vi.advanceTimersByTimeAsync(28_000);
  expect(load).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(load).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(load).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(21_000);
  expect(load).toHaveBeenCalledTimes(3);
  expect(atRest()).toBe(22);
  expect(sent()).toEqual([]);
});

test("many events do not wait for the page's moment", () => {
  const load = vi.fn(OTHER);
  const client = page(load as Chunks["delivery"]);
  for (let at = 0; at < 8; at++) track(client, "a");
  expect(load).not.toHaveBeenCalled();
  track(client, "b");
  expect(load).toHaveBeenCalledTimes(1);
});

test("a page left before that posts a visitor's events, keeps them, and nothing of a user who needs a proof", () => {
  const client = page(() => new Promise(() => {}));
  track(client, "a");
  client.identify("ada");
  track(client, "hers");
  client.shutdown();
  expect(posts.map(({ url }) => url)).toEqual(["https://gateway.test/api/v1/events"]);
  expect(sent()).toEqual([undefined, "a"]);
  expect(atRest()).toBe(3);
});

test("the next page sends what such a page has left, and who the user was is still so", async () => {
  const gone = page(() => new Promise(() => {}), "ada");
  track(gone, "a");
  gone.end();
  expect(posts).toEqual([]);
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}q.`));
  const users = keys.map((key) => JSON.parse(localStorage.getItem(key) ?? "{}").user_id);
  expect(users).toEqual(["ada", "ada"]);
  gone.store.set("config", JSON.stringify({ identity_enforced: false }));
  page(() => Promise.resolve(MODULE), "ada");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sent()).toContain("a");
  expect(posts.some(({ url }) => url.endsWith("/identify"))).toBe(true);
});

function ahead(shelf: TestShelf): Ahead {
  return new Ahead(new Store(shelf, "h."), "h.queue.");
}

test("out of the back/forward cache a new queue begins, with only what nobody else can have", () => {
  const shelf = new TestShelf();
  const one = ahead(shelf);
  const { owner } = one;
  one.add(event());
  shelf.full = true;
  const unwritten = event();
  one.add(unwritten);
  one.back();
  expect(one.owner).not.toBe(owner);
  expect(one.waiting.map(([entry]) => entry.id)).toEqual([unwritten.event_id]);
});

test("the host's storage is not filled while nobody sends, and what fits nowhere is counted", () => {
  const shelf = new TestShelf();
  for (let at = 0; at < 990; at++) shelf.items.set(`h.q.gone.${at}`, "{}");
  const one = ahead(shelf);
  one.add(event());
  expect(one.isFull).toBe(false);
  for (let at = 0; at < 10; at++) shelf.items.set(`h.q.other.${at}`, "{}");
  const next = ahead(shelf);
  const { writes } = shelf;
  for (let at = 0; at < 1_005; at++) next.add(event());
  expect(shelf.writes).toBe(writes);
  expect(next.waiting).toHaveLength(1_000);
  expect(next.lost).toBe(5);
  const taken: string[] = [];
  next.hand((entry) => taken.push(entry.id));
  expect(taken).toHaveLength(1_000);
  expect(next.waiting).toEqual([]);
  const alone = new TestShelf();
  const long = ahead(alone);
  for (let at = 0; at < 1_100; at++) long.add(event());
  expect([alone.items.size, long.lost]).toEqual([1_001, 99]);
});

/** A gateway that says no to this, and no more than 202 to all else. */
function refusing(path: string, status: number, code: string) {
  const inner = globalThis.fetch;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) =>
    url.includes(path) ? Response.json({ code }, { status }) : inner(url, init),
  );
}

test.each([
  [403, "origin", `${location.origin} is not in the tenant's spec.origins`],
  [401, "key_unknown", "key pk_Ab345678"],
])("a config refused with %d %s is told once: to the console and to the page", async (status, code, what) => {
  refusing("/sdk/v1/config", status, code);
  refusing("/api/v1/events", status, code);
  const debug = vi.spyOn(console, "debug").mockReturnValue();
  const emit = vi.fn<Emit>();
  const client = page(async () => MODULE, undefined, emit);
  await client.flush();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(emit.mock.calls.filter(([event]) => event === "error")).toEqual([["error", { code }]]);
  expect(debug.mock.calls).toEqual([["[handrail]", "refused:", code, what]]);
  expect(client.life.ended).toBe(true);
  debug.mockRestore();
});

test("a user whose identity is not taken: the page hears why", async () => {
  refusing("/api/v1/identify", 403, "identity_required");
  const emit = vi.fn<Emit>();
  const client = page(async () => MODULE, "ada", emit);
  await client.flush();
  await vi.advanceTimersByTimeAsync(0);
  const detail = { code: "identify", user_id: "ada", reason: "identity_required" };
  expect(emit.mock.calls.filter(([event]) => event === "error")).toEqual([["error", detail]]);
});
