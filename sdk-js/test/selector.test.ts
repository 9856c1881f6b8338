import { beforeEach, expect, test } from "vitest";
import { controlOf, eventElement } from "../src/capture/element";
import { describe as describeElement, selectorOf } from "../src/capture/selector";

function page(html: string): void {
  document.body.innerHTML = html;
}

function get(selector: string): Element {
  const found = document.querySelector(selector);
  if (!found) throw new Error(`no ${selector}`);
  return found;
}

beforeEach(() => page(""));

test.each([
  ['<button id="new-project">New</button>', "button", "#new-project"],
  ['<form id="project"><input name="id"><input name="tagName"></form>', "form", "#project"],
  ['<div data-testid="save">x</div>', "div", '[data-testid="save"]'],
  ['<div data-hr-name="Save it">x</div>', "div", '[data-hr-name="Save it"]'],
  ['<input name="email">', "input", 'input[name="email"]'],
  ['<button id="a:b">x</button>', "button", null],
])("%s is found by its own mark", (html, query, expected) => {
  page(html);
  const selector = selectorOf(get(query));
  if (expected) expect(selector).toBe(expected);
  expect(document.querySelectorAll(selector ?? "")).toHaveLength(1);
});

test("every element of a page of look-alikes has a selector that finds it alone", () => {
  const row = "<tr><td>a</td><td><span>b</span></td></tr>";
  page(`<div id="twice"></div><div id="twice"></div><div id="grid"><table>${row.repeat(20)}</table></div>`);
  for (const element of document.body.querySelectorAll("*")) {
    const selector = selectorOf(element);
    expect([...document.querySelectorAll(selector ?? "none")]).toEqual([element]);
  }
});

test("a selector holds no text of the page", () => {
  page('<main><a href="/users/jane@example.test" title="Jane" aria-label="Jane Doe">Jane</a><a>x</a></main>');
  const selector = selectorOf(get("a")) ?? "";
  expect(selector).not.toMatch(/jane/i);
  expect(document.querySelectorAll(selector)).toHaveLength(1);
});

test("a part of a control stands for the control", () => {
  page('<button id="save"><svg><path></path></svg><b>Save</b></button><div id="box"><i></i></div>');
  expect(controlOf(get("path"))).toBe(get("button"));
  expect(controlOf(get("i"))).toBe(get("i"));
});

test("what a form's fields shadow is read all the same", () => {
  page('<form><input name="localName"><input name="getAttribute"><input name="parentElement"></form>');
  const target = describeElement(get("form"));
  expect(target.tag).toBe("form");
  expect(document.querySelector(target.selector ?? "")).toBe(get("form"));
});

test("our own interface and ignored parts are nobody's business", () => {
  page("<handrail-root></handrail-root><div data-hr-ignore><b></b></div><p></p>");
  const seen: (Element | null)[] = [];
  document.addEventListener("ping", (event) => seen.push(eventElement(event)));
  for (const query of ["handrail-root", "b", "p"])
    get(query).dispatchEvent(new Event("ping", { bubbles: true }));
  expect(seen).toEqual([null, null, get("p")]);
});
