// What must never leave: typed text in addresses, words that look like secrets, whatever an event's hook overlooks.

import { expect, test } from "vitest";
import { cleanAddress, pageOf } from "../src/capture/address";
import { type BeforeSend, screened } from "../src/capture/hook";
import { isSecret, scrubbed } from "../src/capture/secrets";
import { event } from "./making";

const TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";

test.each([
  ["https://a.test/x?q=jane#top", "https://a.test/x"],
  ["https://a.test/x?tab=open&q=jane", "https://a.test/x?tab=open"],
  ["https://a.test/x?tab=4111111111111111", "https://a.test/x"],
  ["https://a.test/#/x?q=jane&tab=open", "https://a.test/#/x?tab=open"],
  ["https://a.test/#!/x", "https://a.test/#!/x"],
  ["https://a.test/#access_token=abc", "https://a.test/"],
  ["https://me:pass@a.test/x", "https://a.test/x"],
  ["https://a.test/users/jane@b.test/edit", "https://a.test/users/*/edit"],
  ["https://a.test/users/jane%40b.test", "https://a.test/users/*"],
  [`https://a.test/reset/${TOKEN}`, "https://a.test/reset/*"],
  ["https://a.test/#/reset/9f8e7d6c5b4a3210?x=1", "https://a.test/#/reset/*"],
  ["https://a.test/p/550e8400-e29b-41d4-a716-446655440000", "https://a.test/p/*"],
  ["https://a.test/pay/4111-1111-1111-1111/78-05-1120", "https://a.test/pay/*/78-05-1120"],
  ["https://a.test/search/jane%20doe/x+y", "https://a.test/search/*/*"],
  ["https://a.test/x;jsessionid=1/y;a", "https://a.test/x/y"],
  ["https://a.test/%E0%A4%A/x", "https://a.test/*/x"],
  [
    "https://a.test/projects/1234/getting-started-with-your-first-project",
    "https://a.test/projects/1234/getting-started-with-your-first-project",
  ],
  ["data:text/html,secret", ""],
  ["about:blank", ""],
  ["nonsense", ""],
])("%s is kept as %s", (raw, kept) => {
  expect(cleanAddress(raw, ["tab"])).toBe(kept);
  expect(cleanAddress(kept, ["tab"])).toBe(kept);
});

test("pages differ by path and hash route alone, also where what differs is not told", () => {
  expect(pageOf("https://a.test/x?q=1#top")).toBe(pageOf("https://a.test/x?q=2#end"));
  expect(pageOf("https://a.test/#/x?q=1")).toBe(pageOf("https://a.test/#/x?q=2"));
  expect(pageOf(`https://a.test/r/${TOKEN}`)).not.toBe(pageOf(`https://a.test/r/${TOKEN}b`));
});

/** A small generator, so that a failure can be had again. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const pick = (roll: (n: number) => number, letters: string, count: number) =>
  Array.from({ length: count }, () => letters[roll(letters.length)]).join("");

test("numbers, addresses and tokens are found wherever they stand in a text", () => {
  const roll = dice(7);
  const words = () => ["Pay", "for", "Jane's", "order", "2", "(new)", "–", "Größe"][roll(8)] ?? "";
  for (let round = 0; round < 2_000; round++) {
    const gap = ["", " ", "-", ".", " - "][roll(4)] ?? "";
    const digits = pick(roll, "0123456789", 9 + roll(11));
    const hidden = [
      digits.replace(/(\d{3,4})(?=\d)/g, `$1${gap}`),
      `${pick(roll, "abcxyz._+", 1 + roll(9))}@${pick(roll, "abc-", 1 + roll(5))}.test`,
      `${pick(roll, "abcdefXYZ", 6)}${pick(roll, "0123456789", 3)}${pick(roll, "abcdefXYZ0123456789", 3 + roll(40))}`,
    ][roll(3)] as string;
    const text = `${words()} ${words()} ${hidden} ${words()}`;
    const left = scrubbed(text);
    expect(left).not.toContain(hidden);
    // No six characters in a row of it are left.
    for (let at = 0; at + 6 <= hidden.length; at++) expect(left).not.toContain(hidden.slice(at, at + 6));
  }
});

test.each([
  "Save",
  "New project",
  "Q3",
  "2026-11-21",
  "step-2",
  "Überblick",
  "internationalization",
  "v1.20.3",
])("%s is no secret", (text) => {
  expect(scrubbed(text)).toBe(text);
  expect(text.split(" ").some(isSecret)).toBe(false);
});

const address = (href: string) => cleanAddress(href, []);
const screen = (hook: unknown, given = event({ properties: { referrer: "https://a.test/" } })) =>
  screened(given, hook as BeforeSend, address);

test("the hook may look, change and hold back, and what it gives back is checked", () => {
  const given = event({ properties: { a: 1 } });
  // A function that forgets to return may mean either.
  expect(screen(() => undefined as never, given)).toBeUndefined();
  expect(screen((copy: typeof given) => ({ ...copy, properties: { b: 2 } }), given)?.properties).toEqual({
    b: 2,
  });
  const changed = screen((copy: typeof given) => {
    copy.url = "https://a.test/x?q=jane";
    copy.user_id = "another";
    copy.properties = { referrer: "https://a.test/?q=jane" };
    return Object.assign(copy, { target_element: { selector: "#x", tag: 7, more: "jane" } }) as typeof given;
  }, given);
  expect(changed).toEqual({
    ...given,
    url: "https://a.test/x",
    properties: { referrer: "https://a.test/" },
    target_element: { selector: "#x", tag: null, role: null, name: null },
  });
  expect(given.properties).toEqual({ a: 1 });
  expect(screen(() => null)).toBeNull();
  expect(screen(() => false)).toBeNull();
});

test.each([
  () => {
    throw new Error("hook");
  },
  () => Promise.resolve(null),
  () => "yes",
  () => ({ url: 1 }),
  () => ({ url: "https://a.test/", target_element: null, properties: { big: "x".repeat(20_000) } }),
])("an event that the hook could not look at is not sent, and that is told apart (%#)", (hook) => {
  expect(screen(hook)).toBeUndefined();
});

test.each(["https://a.test/u/jane%2540example.com", "https://a.test/u/jane%252540example.com"])(
  "an address that was encoded again is one: %s",
  (href) => {
    expect(cleanAddress(href)).toBe("https://a.test/u/*");
  },
);

test.each([
  "4444/4444/4444/4444",
  "4666_6666_6666_6666",
  "4121,1212,1212,1212",
  "4111​1111​1111​1111",
  "jane%40example.com",
])("a text is rid of %s", (secret) => {
  expect(scrubbed(`pay ${secret} now`)).toBe("pay * now");
});
