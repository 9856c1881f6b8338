// A selector that finds the element again: its own id, test id or name where unique; else the shortest path from
// the nearest such ancestor; else a plain chain of positions. Never built from text (labels, titles, addresses).

import { finder } from "@medv/finder";
import type { Target } from "../wire";
import { attribute, parentOf, tagOf } from "./element";

const TEST_IDS = ["data-hr-name", "data-testid", "data-test-id", "data-test", "data-cy", "data-qa"];
/** Ids that frameworks number anew on each load. */
const VOLATILE = /\d{4,}|^[:_]?r[\da-z]*:?$|[:«»]|(^|[-_])[\da-f]{8}/i;
const FINDER_MS = 8;
const FINDER_PATHS = 300;

/** An element as events carry it. */
export function describe(element: Element): Target {
  return {
    selector: selectorOf(element)?.slice(0, 2048) ?? null,
    tag: tagOf(element).slice(0, 100),
    role: attribute(element, "role")?.slice(0, 100) ?? null,
    name: attribute(element, "data-hr-name")?.slice(0, 200) ?? null,
  };
}

export function selectorOf(element: Element): string | null {
  const root = element.ownerDocument ?? document;
  const own = anchor(element, root);
  if (own) return own;
  const found = near(element, root);
  return found && isUnique(found, element, root) ? found : null;
}

/** A selector of the element by itself, or null. */
function anchor(element: Element, root: Document): string | null {
  const tag = CSS.escape(tagOf(element));
  if (tag === "html" || tag === "body") return tag;
  const id = attribute(element, "id");
  if (id && !VOLATILE.test(id)) {
    const selector = `#${CSS.escape(id)}`;
    if (isUnique(selector, element, root)) return selector;
  }
  for (const name of [...TEST_IDS, "name"]) {
    const value = attribute(element, name);
    if (!value || value.length > 100) continue;
    const selector = `${name === "name" ? tag : ""}[${name}=${quoted(value)}]`;
    if (isUnique(selector, element, root)) return selector;
  }
  return null;
}

function near(element: Element, root: Document): string | null {
  const steps: string[] = [];
  let at: Element | null = element;
  while (at) {
    const above: Element | null = parentOf(at);
    steps.unshift(step(at, above));
    if (!above) return steps.join(" > ");
    const start = anchor(above, root);
    if (start) return short(element, above, start, root) ?? `${start} > ${steps.join(" > ")}`;
    at = above;
  }
  return null;
}

/** A short path within the anchored ancestor, by classes that look like words. */
function short(element: Element, above: Element, start: string, root: Document): string | null {
  try {
    const path = finder(element, {
      root: above,
      idName: () => false,
      attr: (name, value) => name === "role" && /^[a-z]+$/.test(value),
      timeoutMs: FINDER_MS,
      maxNumberOfPathChecks: FINDER_PATHS,
    });
    const selector = `${start} ${path}`;
    return isUnique(selector, element, root) ? selector : null;
  } catch {
    return null;
  }
}

function step(element: Element, above: Element | null): string {
  const tag = tagOf(element);
  let position = 0;
  let same = 0;
  for (let child = above?.firstElementChild ?? null; child; child = child.nextElementSibling) {
    if (tagOf(child) !== tag) continue;
    same += 1;
    if (child === element) position = same;
  }
  return same > 1 ? `${CSS.escape(tag)}:nth-of-type(${position})` : CSS.escape(tag);
}

function isUnique(selector: string, element: Element, root: Document): boolean {
  try {
    const found = root.querySelectorAll(selector);
    return found.length === 1 && found[0] === element;
  } catch {
    return false;
  }
}

function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\a ")}"`;
}
