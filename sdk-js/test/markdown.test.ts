import { expect, test } from "vitest";
import { markdown, safeUrl } from "../src/ui/markdown";

function html(text: string): string {
  const box = document.createElement("div");
  box.append(markdown(text));
  return box.innerHTML;
}

test.each([
  ["plain", "<p>plain</p>"],
  ["a **bold** and *soft* `x**y`", "<p>a <strong>bold</strong> and <em>soft</em> <code>x**y</code></p>"],
  ["one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"],
  ["- a\n- **b**", "<ul><li>a</li><li><strong>b</strong></li></ul>"],
  ["1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"],
  ["try:\n- a", "<p>try:</p><ul><li>a</li></ul>"],
  ["2 * 3 * 4 and snake_case_name", "<p>2 * 3 * 4 and snake_case_name</p>"],
  ["", ""],
])("%j", (text, expected) => {
  expect(html(text)).toBe(expected);
});

test("a link goes to the web and nowhere else", () => {
  const box = document.createElement("div");
  box.append(markdown("see [the **docs**](https://example.test/a)"));
  const anchor = box.querySelector("a");
  expect(anchor?.href).toBe("https://example.test/a");
  expect(anchor?.rel).toBe("noopener noreferrer");
  expect(html("[x](javascript:alert(1))")).toBe("<p>[x](javascript:alert(1))</p>");
  expect(html("[x](/relative)")).toBe("<p>[x](/relative)</p>");
});

test("HTML is text", () => {
  const box = document.createElement("div");
  box.append(markdown('<img src=x onerror="alert(1)"> **<b>x</b>**'));
  expect(box.querySelector("img")).toBeNull();
  expect(box.querySelector("b")).toBeNull();
  expect(box.textContent).toBe('<img src=x onerror="alert(1)"> <b>x</b>');
});

const PIECES = [
  "**",
  "*",
  "__",
  "_",
  "`",
  "[",
  "]",
  "(",
  ")",
  "](",
  "javascript:",
  "https://a.test/",
  "\n",
  "\n\n",
  "- ",
];
PIECES.push(
  "1. ",
  "<img src=x>",
  "</p>",
  "\u202e",
  "\u2066",
  "\u0000",
  "word",
  " ",
  "&lt;",
  "data:text/html,",
  "\\",
  "#",
);
const ALLOWED = new Set(["P", "BR", "UL", "OL", "LI", "STRONG", "EM", "CODE", "A"]);

test("nothing else ever comes of any text, and no word is lost", () => {
  let seed = 7;
  const random = (most: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % most;
  };
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: random(40) }, () => PIECES[random(PIECES.length)]).join("");
    const box = document.createElement("div");
    box.append(markdown(text));
    for (const element of box.querySelectorAll("*")) {
      expect(ALLOWED, JSON.stringify(text)).toContain(element.tagName);
      const names = element.getAttributeNames();
      expect(names.sort(), JSON.stringify(text)).toEqual(
        element.tagName === "A" ? ["href", "rel", "target"] : [],
      );
    }
    for (const link of box.querySelectorAll("a")) expect(link.href).toMatch(/^https?:/);
    const count = (of: string) => of.split("word").length;
    // An address is no text; everything else is there.
    if (!box.querySelector("a")) expect(count(box.textContent ?? ""), JSON.stringify(text)).toBe(count(text));
    expect(box.textContent).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
  }
});

test("long and nested texts cost no more than their length, and are cut", () => {
  for (const text of [
    "**a** ".repeat(5_000),
    "*".repeat(100_000),
    "[".repeat(50_000),
    `${"- ".repeat(9_000)}x`,
    "`a".repeat(9_000),
  ]) {
    const box = document.createElement("div");
    box.append(markdown(text));
    expect(box.textContent?.length).toBeLessThanOrEqual(8_000);
  }
});

test.each([
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  " java\nscript:x",
  "data:text/html,x",
  "vbscript:x",
  "//a.test",
  "/a",
  "blob:https://a.test/x",
  "file:///etc/passwd",
  "",
])("%j is no address", (address) => {
  expect(safeUrl(address)).toBeNull();
});
