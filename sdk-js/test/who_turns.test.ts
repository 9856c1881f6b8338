// Who uses the page, over tabs that share one shelf.

import { expect, test } from "vitest";
import type { Door } from "../src/delivery/door";
import { Store } from "../src/store";
import { isAnonymous } from "../src/who/anonymous";
import { Introduction } from "../src/who/introduction";
import { Who } from "../src/who/who";
import { TestShelf } from "./making";

function browser() {
  const shelf = new TestShelf();
  const asked: Record<string, unknown>[] = [];
  const identify = async (body: Record<string, unknown>) => {
    asked.push(body);
    return { status: 200, retryAfter: null, body: { token: `t${asked.length}`, expires_in: 600 } };
  };
  const tab = () => {
    const turns: string[] = [];
    const store = new Store(shelf, "h.");
    const who: Who = new Who(store, {
      before: () => turns.push(`from ${who.userId}`),
      after: (anew) => {
        turns.push(`to ${who.userId}`);
        if (anew) tokens.forgetAll();
      },
    });
    const introduction = new Introduction(who, store, { identify } as unknown as Door);
    const { tokens } = introduction;
    return { who, turns, tokens, introduce: () => introduction.make() };
  };
  return { shelf, asked, tab };
}

test("a login joins what went before, in all tabs, and a logout ends it in all", async () => {
  const { tab, asked } = browser();
  const [one, other] = [tab(), tab()];
  const visitor = one.who.userId;
  expect(isAnonymous(visitor)).toBe(true);
  expect(other.who.userId).toBe(visitor);
  const visit = one.who.session.at(1_000);
  one.who.identify("ada", { token: "proof" });
  expect(await one.introduce()).toBe(true);
  expect(asked).toEqual([{ user_id: "ada", anonymous_id: visitor, identity_token: "proof" }]);
  expect(one.who.session.at(1_001)).toBe(visit);
  other.who.follow();
  other.who.follow();
  expect(other.turns).toEqual([`from ${visitor}`, "to ada"]);
  other.tokens.adopt("ada", { token: "t", expiresAt: 9e15 });
  one.who.reset();
  other.who.follow();
  const next = one.who.userId;
  expect(isAnonymous(next)).toBe(true);
  expect(next).not.toBe(visitor);
  expect(other.who.userId).toBe(next);
  expect(other.tokens.peek("ada")).toBeUndefined();
  expect(one.who.session.at(1_002)).not.toBe(visit);
  expect(other.who.session.at(1_003)).toBe(one.who.session.at(1_003));
});

test("a new page is whose it says, and follows only what happens from then on", () => {
  const { tab } = browser();
  const one = tab();
  one.who.identify("ada", {});
  const page = tab();
  page.who.follow();
  expect(isAnonymous(page.who.userId)).toBe(true);
  one.who.identify("bob", {});
  page.who.follow();
  expect(page.who.userId).toBe("bob");
});

test("two people at one browser without a logout between them share nothing", async () => {
  const { tab, asked } = browser();
  const { who, tokens, introduce } = tab();
  const visitor = who.userId;
  const visit = who.session.at(1_000);
  who.identify("ada", { token: "a" });
  await introduce();
  who.identify("bob", { token: "b" });
  await introduce();
  expect(asked[0]?.anonymous_id).toBe(visitor);
  expect(asked[1]?.anonymous_id).not.toBe(visitor);
  expect(who.session.at(1_001)).not.toBe(visit);
  expect(tokens.peek("ada")).toBeUndefined();
});

test("a host may say who it is at every route", async () => {
  const { tab, asked } = browser();
  const { who, introduce } = tab();
  for (const traits of [{ plan: "free" }, { plan: "free" }, { plan: "pro" }]) {
    who.identify("ada", { token: "a", traits });
    expect(await introduce()).toBe(true);
  }
  expect(asked.map((body) => body.traits)).toEqual([{ plan: "free" }, { plan: "pro" }]);
});

test("rubbish on the shelf is nobody", () => {
  const { tab, shelf } = browser();
  const { who } = tab();
  const visitor = who.userId;
  for (const rubbish of ["{", "7", '["",1]', "[true]", '{"0":"ada"}', '["."]']) {
    shelf.items.set("h.who", rubbish);
    who.follow();
    expect(who.userId).toBe(visitor);
  }
});
