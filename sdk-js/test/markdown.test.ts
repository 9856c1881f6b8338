import { expect, test } from "vitest";
import { markdown } from "../src/ui/markdown";

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
