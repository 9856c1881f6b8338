// A selector that finds the element again, also when the page has changed a little: its own name, id or test id where
// that is unique; else one word about it below the nearest ancestor that has such a mark; else its place below that
// ancestor. Never built from texts (labels, titles, addresses), nor from classes, which change with what people do.
//
// An element inside an open shadow root or a same-origin frame: `:is(#card, #card >>> #save)`. Browsers, which know no
// `>>>`, find the host element by it; `find` finds the element itself.

import type { Target } from "../wire";
import { attribute, findsOnly, hostOf, isElement, matches, parentOf, rootOf, tagOf } from "./element";
import { isSecret } from "./secrets";
import { targetOf } from "./target";

/** Attributes that name an element, the most telling first. */
export const MARKS = [
  "data-hr-name",
  "id",
  "data-testid",
  "data-test-id",
  "data-test",
  "data-cy",
  "data-qa",
  "name",
];
/** Ids that frameworks number anew on each load, and numbers of records. */
const VOLATILE =
  /[^\w:.[\]-]|\d{4}|^.{65}|:\w+:|^_r_|(^|[-_])[\da-f]{8}|^(ember|mat-|cdk-|mui-|radix-|headlessui-).*\d/i;
const LANDMARKS = /^(html|body|main|nav|header|footer|aside|h1|form|dialog|table|thead|tbody)$/;
/** Searches of the whole document for one selector; each may cost a millisecond on a huge page. */
const SEARCHES = 12;

/** An element as events carry it. `nameOf`: reads its accessible name, where that may be told. */
export function describe(
  element: Element,
  nameOf: ((element: Element) => string | null) | null = null,
): Target {
  const role = attribute(element, "role");
  return targetOf({
    selector: selectorOf(element),
    tag: tagOf(element).toLowerCase(),
    role: role && /^[a-z]{1,30}$/.test(role) ? role : null,
    name: attribute(element, "data-hr-name") ?? nameOf?.(element) ?? null,
  }) as Target;
}

export function selectorOf(element: Element): string | null {
  const parts: string[] = [];
  for (let at: Element | null = element; at; ) {
    const root = rootOf(at);
    // Of what is in no page there is nothing to find.
    if (isElement(root)) return null;
    parts.unshift(inRoot(at, root));
    at = hostOf(root);
  }
  return parts[1] ? `:is(${parts[0]}, ${parts.join(" >>> ")})` : (parts[0] ?? null);
}

function inRoot(element: Element, root: Document | ShadowRoot): string {
  let searches = SEARCHES;
  const finds = (selector: string, wanted: Element): boolean =>
    searches-- > 0 && findsOnly(root, selector, wanted);
  const steps: string[] = [];
  for (let at: Element | null = element; at; at = parentOf(at)) {
    const start = markOf(at, (selector) => finds(selector, at as Element));
    if (start) {
      const tag = CSS.escape(tagOf(element));
      for (const about of at === element ? [] : ["role", "type"]) {
        const value = attribute(element, about);
        const short = `${start} ${tag}[${about}="${value}"]`;
        if (value && /^[a-z]+$/.test(value) && finds(short, element)) return short;
      }
      return [start, ...steps].join(" > ");
    }
    steps.unshift(step(at));
  }
  return steps.join(" > ");
}

/** What an element is called, by a word that is its own. */
function markOf(element: Element, isUnique: (selector: string) => boolean): string | undefined {
  const tag = CSS.escape(tagOf(element));
  const found: string[] = [];
  for (const mark of MARKS) {
    const value = attribute(element, mark);
    if (!value || (mark === MARKS[0] ? value.length > 100 : VOLATILE.test(value) || isSecret(value)))
      continue;
    const quoted = value.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\a ");
    found.push(
      mark === "id" ? `#${CSS.escape(value)}` : `${mark === "name" ? tag : ""}[${mark}="${quoted}"]`,
    );
  }
  if (LANDMARKS.test(tag)) found.push(tag);
  return found.find(isUnique);
}

/** The element among its siblings. The browser counts: a walk over thousands of them would be ours to pay. */
function step(element: Element): string {
  const tag = CSS.escape(tagOf(element));
  if (LANDMARKS.test(tag) && matches(element, ":only-of-type")) return tag;
  const isAfter = (place: number) => !matches(element, `:nth-of-type(-n+${place})`);
  let before = 0;
  let stride = 1;
  while (stride < 1e7 && isAfter(stride)) stride *= 2;
  for (; stride >= 1; stride /= 2) if (isAfter(before + stride)) before += stride;
  return `${tag}:nth-of-type(${before + 1})`;
}
