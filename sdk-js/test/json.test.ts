import { expect, test } from "vitest";
import { jsonObject, jsonText } from "../src/json";

test("half an emoji is no character, a whole one stays", () => {
  const half = "👍".slice(0, 1);
  const text = jsonText({ [half]: `a${half}b`, whole: "👍", low: "👍".slice(1), list: [half] });
  expect(JSON.parse(text)).toEqual({ "\ufffd": "a\ufffdb", whole: "👍", low: "\ufffd", list: ["\ufffd"] });
  // As a server reads it, which takes bytes.
  expect(new TextDecoder("utf-8", { fatal: true }).decode(new TextEncoder().encode(text))).toBe(text);
  expect(text).not.toMatch(/\\ud/);
  expect(jsonObject({ a: half })).toEqual({ a: "\ufffd" });
  expect(JSON.parse(jsonText("a \\ and \\ufeed"))).toBe("a \\ and \\ufeed");
});
