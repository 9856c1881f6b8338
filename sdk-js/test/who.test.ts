import { expect, test } from "vitest";
import { cleanAddress, pageOf } from "../src/capture/address";
import { readConfig } from "../src/delivery/config";
import { uuid4, uuid7 } from "../src/ids";
import { asUserId, keyId } from "../src/options";
import { isSampled } from "../src/rules";
import { Store } from "../src/store";
import { anonymousId } from "../src/who/anonymous";
import { IDLE_MS, Session } from "../src/who/session";
import { TestShelf } from "./making";

const START = 1_700_000_000_000;

test("a visit goes on for half an hour without an event, over pages and tabs", () => {
  const shelf = new TestShelf();
  const page = new Session(new Store(shelf, "h."));
  const first = page.at(START);
  expect(page.at(START + IDLE_MS - 1)).toBe(first);
  const nextPage = new Session(new Store(shelf, "h."));
  expect(nextPage.at(START + IDLE_MS + 60_000)).toBe(first);
  // The first tab was idle, the visit was not.
  expect(page.at(START + 2 * IDLE_MS)).toBe(first);
  expect(page.at(START + 3 * IDLE_MS + 60_001)).not.toBe(first);
  // A clock that was ahead does not keep one visit for ever.
  const ahead = page.at(START + 24 * 3_600_000);
  const right = page.at(START + 3 * IDLE_MS);
  expect(right).not.toBe(ahead);
  expect(page.at(START + 5 * IDLE_MS)).not.toBe(right);
});

test("a visit ends on reset, and rubbish on the shelf does no harm", () => {
  const shelf = new TestShelf();
  const session = new Session(new Store(shelf, "h."));
  const first = session.at(START);
  session.renew();
  expect(session.at(START)).not.toBe(first);
  shelf.items.set("h.session", '{"id":7}');
  expect(new Session(new Store(shelf, "h.")).at(START)).toMatch(/^[0-9a-f-]{36}$/);
});

test("the anonymous id is made once and has the exact form", () => {
  const shelf = new TestShelf();
  const id = anonymousId(new Store(shelf, "h."));
  expect(id).toMatch(/^anon-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(anonymousId(new Store(shelf, "h."))).toBe(id);
  shelf.items.set("h.anon", "somebody");
  expect(anonymousId(new Store(shelf, "h."))).not.toBe("somebody");
});

test("event ids are UUIDv7 of their time and sort as they were made", () => {
  const made = Array.from({ length: 5000 }, () => uuid7(START));
  expect([...made].sort()).toEqual(made);
  expect(new Set(made).size).toBe(made.length);
  expect(made[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(made[0]?.replace("-", "").slice(0, 12) ?? "", 16)).toBe(START);
});

test("addresses lose what people typed", () => {
  const typed = "https://me:pw@app.example.test/search?q=jane&page=2#/list?filter=secret";
  expect(cleanAddress(typed)).toBe("https://app.example.test/search#/list");
  expect(cleanAddress(typed, ["page"])).toBe("https://app.example.test/search?page=2#/list");
  expect(cleanAddress("https://app.example.test/a#token=abc")).toBe("https://app.example.test/a");
  expect(cleanAddress("file:///home/jane/x.html")).toBe("");
  expect(cleanAddress("")).toBe("");
  expect(pageOf("https://a.test/x?one")).toBe(pageOf("https://a.test/x?two"));
  expect(pageOf("https://a.test/x#/one")).not.toBe(pageOf("https://a.test/x#/two"));
});

test("a config from outside is read field by field", () => {
  expect(readConfig("nonsense")).toBeNull();
  expect(
    readConfig({ flush_count: 1e9, sample_rate: "x", capture: { text: 1, query_parameters: ["a", 2] } }),
  ).toEqual({
    enabled: true,
    sample_rate: 1,
    flush_interval_ms: 5000,
    flush_count: 10,
    identity_enforced: true,
    language: "en",
    target_share: 0,
    capture: { text: false, query_parameters: ["a"] },
  });
  expect(readConfig({ enabled: false })?.enabled).toBe(false);
});

test("sampling is steady and about right", () => {
  const ids = Array.from({ length: 4000 }, () => `anon-${uuid4()}`);
  const share = ids.filter((id) => isSampled(id, 0.25)).length / ids.length;
  expect(share).toBeGreaterThan(0.2);
  expect(share).toBeLessThan(0.3);
  expect(ids.every((id) => isSampled(id, 1))).toBe(true);
  expect(ids.some((id) => isSampled(id, 0))).toBe(false);
});

test("keys and user ids are looked at before they are used", () => {
  expect(keyId(`pk_Ab345678_${"x".repeat(36)}`)).toBe("Ab345678");
  for (const key of ["sk_Ab345678_", "", 7, null]) expect(keyId(key)).toBeNull();
  for (const id of ["u1", "a b/ü", "x".repeat(200)]) expect(asUserId(id)).toBe(id);
  // As databases number them.
  expect(asUserId(42)).toBe("42");
  for (const id of ["", ".", "..", "a\0b", "x".repeat(201), null, {}, ["u1"]])
    expect(asUserId(id)).toBeUndefined();
});
