import { expect, test } from "vitest";
import type { Answer, Door } from "../src/delivery/door";
import { type IdentityToken, Tokens } from "../src/who/tokens";

const ANONYMOUS = "anon-01234567-0123-4123-8123-0123456789ab";
const TEN_MINUTES = 600_000;

/** A door that answers as it is told, and the clock beside it. */
function world(...answers: Partial<Answer>[]) {
  const asked: Record<string, unknown>[] = [];
  const clock = { now: 1_000_000 };
  const identify = async (body: Record<string, unknown>): Promise<Answer> => {
    asked.push(body);
    const good = { status: 200, body: { token: `t${asked.length}`, expires_in: 600 } };
    return { retryAfter: null, ...good, ...answers[asked.length - 1] };
  };
  const tokens = new Tokens({ identify } as unknown as Door, () => clock.now, 20);
  return { tokens, asked, clock };
}

test("a token is asked for once, used while it is good, and renewed by itself before it ends", async () => {
  const { tokens, asked, clock } = world();
  await tokens.introduce({ userId: "ada", anonymousId: ANONYMOUS, identityToken: "proof" });
  expect(asked).toEqual([{ user_id: "ada", anonymous_id: ANONYMOUS, identity_token: "proof" }]);
  expect(await tokens.fresh("ada")).toBe("t1");
  clock.now += TEN_MINUTES - 60_000;
  expect(await tokens.fresh("ada")).toBe("t1");
  clock.now += 20_000;
  expect(await Promise.all([tokens.fresh("ada"), tokens.fresh("ada")])).toEqual(["t2", "t2"]);
  expect(asked.slice(1)).toEqual([{ user_id: "ada", token: "t1" }]);
});

test("an expired token is not shown to the server: the host is asked for a new proof", async () => {
  const { tokens, asked, clock } = world();
  let proofs = 0;
  await tokens.introduce({ userId: "ada", identityToken: () => `proof${++proofs}` });
  clock.now += TEN_MINUTES;
  expect(await tokens.fresh("ada")).toBe("t2");
  expect(asked[1]).toEqual({ user_id: "ada", identity_token: "proof2" });
  expect(tokens.peek("ada")?.token).toBe("t2");
});

test("a token that the server takes no more is replaced by a proof", async () => {
  const { tokens, asked, clock } = world({}, { status: 403, body: { code: "token_expired" } });
  await tokens.introduce({ userId: "ada", identityToken: "proof" });
  clock.now += TEN_MINUTES - 30_000;
  expect(await tokens.fresh("ada")).toBe("t3");
  expect(asked.slice(1)).toEqual([
    { user_id: "ada", token: "t1" },
    { user_id: "ada", identity_token: "proof" },
  ]);
});

test.each([
  [{ status: 403, body: { code: "identity_required" } }, "identity_required"],
  [{ status: 502, body: "<html>" }, "502"],
  [{ status: 0, body: null }, "no_answer"],
])("why there is no token is the gateway's own word, or what came instead", async (answer, reason) => {
  const { tokens } = world(answer);
  expect(await tokens.introduce({ userId: "ada" })).toBeUndefined();
  expect(tokens.refusal).toBe(reason);
});

const NO_PROOFS: [string, unknown][] = [
  [
    "throws",
    () => {
      throw new Error("host");
    },
  ],
  ["rejects", () => Promise.reject(new Error("host"))],
  ["never answers", () => new Promise(() => {})],
  ["gives a number", () => 7],
  ["gives an object", async () => ({ token: "x" })],
  ["gives nothing", () => undefined],
  ["gives a book", () => "x".repeat(5_000)],
  ["is no function and no text", { token: "x" }],
];

test.each(NO_PROOFS)("an identity token that %s is none", async (_, source) => {
  const { tokens, asked } = world({ status: 403, body: { code: "identity_required" } });
  const given = source as IdentityToken;
  expect(await tokens.introduce({ userId: "ada", identityToken: given })).toBeUndefined();
  expect(asked).toEqual([{ user_id: "ada" }]);
});

test("a refusal stands for a minute, a fault for seconds; then traits and joining are told again", async () => {
  const { tokens, asked, clock } = world({ status: 0, body: null }, { status: 403, body: null });
  const who = { userId: "ada", anonymousId: ANONYMOUS, traits: { plan: "pro" }, identityToken: "proof" };
  const told = { user_id: "ada", anonymous_id: ANONYMOUS, traits: { plan: "pro" }, identity_token: "proof" };
  expect(await tokens.introduce(who)).toBeUndefined();
  expect(tokens.mayCome("ada")).toBe(true);
  expect(await tokens.fresh("ada")).toBeUndefined();
  expect(asked).toEqual([told]);
  clock.now += 6_000;
  expect(await tokens.fresh("ada")).toBeUndefined();
  expect(tokens.mayCome("ada")).toBe(false);
  clock.now += 6_000;
  expect(await tokens.fresh("ada")).toBeUndefined();
  expect(asked).toEqual([told, told]);
  clock.now += 60_000;
  expect(await tokens.fresh("ada")).toBe("t3");
  expect(asked[2]).toEqual(told);
  clock.now += TEN_MINUTES - 40_000;
  await tokens.fresh("ada");
  expect(asked[3]).toEqual({ user_id: "ada", token: "t3" });
});

test("nobody is asked for a named user without a proof, and an anonymous one needs none", async () => {
  const { tokens, asked } = world();
  expect(await tokens.fresh("ada")).toBeUndefined();
  expect(asked).toEqual([]);
  expect(await tokens.fresh(ANONYMOUS)).toBe("t1");
});

test("an answer that comes after the logout is nobody's", async () => {
  const { tokens } = world();
  const asking = tokens.introduce({ userId: "ada", identityToken: "proof" });
  tokens.forgetAll();
  expect(await asking).toBeUndefined();
  expect(tokens.peek("ada")).toBeUndefined();
});

test("another tab's token serves, unless it ends sooner than ours", async () => {
  const { tokens, asked, clock } = world();
  tokens.adopt("ada", { token: "theirs", expiresAt: clock.now + TEN_MINUTES });
  tokens.adopt("ada", { token: "older", expiresAt: clock.now + 1_000 });
  expect(await tokens.fresh("ada")).toBe("theirs");
  expect(asked).toEqual([]);
});
