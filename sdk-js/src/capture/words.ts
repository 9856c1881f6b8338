// What an element says, for tenants that allow it: never what was typed, nothing that is masked, no secrets. Not part of
// the core: the names of a page's first clicks are left out.

import { attribute, closest, isElement, matches, read, rootOf } from "./element";
import { scrubbed } from "./secrets";

const MASKED = "[data-hr-mask],[data-hr-ignore]";
const UNREAD = `${MASKED},input,textarea,select,[contenteditable],script,style`;
/** A longer text is a page's, not a control's name. */
const MOST = 100;

/** The accessible name in short, or null. */
export function nameOf(element: Element): string | null {
  if (closest(element, MASKED)) return null;
  for (const words of [
    labelled(element),
    attribute(element, "aria-label"),
    ...Array.from((element as HTMLInputElement).labels ?? [], text),
    text(element),
    attribute(element, "alt"),
    attribute(element, "title"),
    attribute(element, "placeholder"),
  ]) {
    const short = scrubbed(words ?? "")
      .trim()
      .replace(/\s+/g, " ");
    if (short && short.length <= MOST) return short;
  }
  return null;
}

function labelled(element: Element): string {
  const root = rootOf(element);
  return (attribute(element, "aria-labelledby") ?? "")
    .split(/\s+/)
    .map((id) => {
      const label = id && Document.prototype.querySelector.call(root, `#${CSS.escape(id)}`);
      return label && !closest(label, MASKED) ? text(label) : "";
    })
    .join(" ");
}

function text(node: Node): string {
  if (isElement(node) && matches(node, UNREAD)) return "";
  let words = "";
  for (const child of read(node, "childNodes") as NodeListOf<ChildNode>) {
    if (words.length > MOST) break;
    if (child.nodeType === 3) words += (child as Text).data;
    else if (isElement(child)) words += ` ${text(child)} `;
  }
  return words;
}
