import { expect, test } from "vitest";
import { type Consent, consentNow, keepConsent, keptConsent } from "../src/consent";
import { Store } from "../src/store";
import { TestShelf } from "./making";

type Maybe = Consent | undefined;

const WITHOUT_SIGNAL: [state: Consent, said?: Maybe, kept?: Maybe, option?: Maybe][] = [
  ["granted"],
  ["pending", undefined, undefined, "pending"],
  ["denied", undefined, undefined, "denied"],
  // The user answered on another page.
  ["granted", undefined, "granted", "pending"],
  ["denied", undefined, "denied", "pending"],
  ["denied", undefined, "denied", "granted"],
  ["denied", undefined, "granted", "denied"],
  // The last word is what is said now.
  ["granted", "granted", "denied", "denied"],
  ["denied", "denied", "granted", "granted"],
  ["pending", "pending"],
  // Asked anew: neither an answer of before nor the page's own default counts.
  ["pending", "pending", "granted"],
  ["pending", "pending", "denied"],
  ["pending", "pending", undefined, "granted"],
];

test.each(WITHOUT_SIGNAL)("%s, from said %s, kept %s, option %s", (state, said, kept, option) => {
  expect(consentNow(said, kept, option, false)).toBe(state);
});

test("a browser that asks to be left alone is, until somebody agreed", () => {
  expect(consentNow(undefined, undefined, undefined, true)).toBe("denied");
  expect(consentNow(undefined, undefined, "pending", true)).toBe("denied");
  expect(consentNow("pending", undefined, undefined, true)).toBe("denied");
  expect(consentNow(undefined, undefined, "granted", true)).toBe("granted");
  expect(consentNow(undefined, "granted", undefined, true)).toBe("granted");
  expect(consentNow("granted", "denied", undefined, true)).toBe("granted");
});

test("an answer outlives the page, waiting for one does not", () => {
  const shelf = new TestShelf();
  const store = () => new Store(shelf, "h.");
  keepConsent(store(), "denied");
  expect(keptConsent(store())).toBe("denied");
  keepConsent(store(), "granted");
  expect(keptConsent(store())).toBe("granted");
  keepConsent(store(), "pending");
  expect(keptConsent(store())).toBeUndefined();
  shelf.items.set("h.consent", "yes, why not");
  expect(keptConsent(store())).toBeUndefined();
});
