// A small Markdown subset straight to DOM nodes: bold, italics, code, lists, http(s) links. No HTML is ever parsed, so
// there is nothing to sanitise; what is not understood stays text. Bounded, so that no text costs more than its length.

import { make } from "./make";

/** Longer texts are cut: no nudge is a book. */
const MOST_CHARS = 8_000;
const INLINE =
  /\*\*([^*]{1,999})\*\*|__([^_]{1,999})__|`([^`]{1,999})`|\[([^[\]]{1,300})\]\(([^\s()]{1,2000})\)|(?<![\w*])\*([^*\s](?:[^*]{0,999}[^*\s])?)\*(?![\w*])/;
const BULLET = /^\s{0,9}[-*]\s+/;
const NUMBER = /^\s{0,9}\d{1,3}[.)]\s+/;
/** They could make a text, or the words after it, read in another order than it was written. */
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;

export function markdown(text: string): DocumentFragment {
  const out = document.createDocumentFragment();
  for (const block of plain(text).split(/\n\s*\n/)) {
    if (block.trim()) out.append(...blockNodes(block.split("\n")));
  }
  return out;
}

/** A text as it may stand in an element. */
export function plain(text: string): string {
  return text.slice(0, MOST_CHARS).replace(/\r\n?/g, "\n").replace(BIDI, "");
}

/** An address a link may have, or null. */
export function safeUrl(address: string): string | null {
  try {
    const url = new URL(address);
    return /^https?:$/.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function blockNodes(lines: string[]): Node[] {
  const nodes: Node[] = [];
  let open: HTMLElement | undefined;
  for (const line of lines) {
    const mark = BULLET.test(line) ? "ul" : NUMBER.test(line) ? "ol" : "p";
    if (open?.localName !== mark) {
      open = make(mark);
      nodes.push(open);
    } else if (mark === "p") {
      open.append(make("br"));
    }
    const content = inline(mark === "p" ? line : line.replace(mark === "ul" ? BULLET : NUMBER, ""), 0);
    open?.append(...(mark === "p" ? content : [make("li", "", ...content)]));
  }
  return nodes;
}

function inline(text: string, depth: number): (Node | string)[] {
  const nodes: (Node | string)[] = [];
  let rest = text;
  for (let found = INLINE.exec(rest); found && depth < 4; found = INLINE.exec(rest)) {
    const [whole, bold, bold2, code, label, address, italic] = found;
    if (found.index) nodes.push(rest.slice(0, found.index));
    rest = rest.slice(found.index + whole.length);
    if (code !== undefined) nodes.push(make("code", "", code));
    else if (label !== undefined) nodes.push(link(label, address ?? "", whole, depth));
    else if (italic !== undefined) nodes.push(make("em", "", ...inline(italic, depth + 1)));
    else nodes.push(make("strong", "", ...inline(bold ?? bold2 ?? "", depth + 1)));
  }
  if (rest) nodes.push(rest);
  return nodes;
}

function link(label: string, address: string, whole: string, depth: number): Node | string {
  const url = safeUrl(address);
  if (!url) return whole;
  const anchor = make("a", "", ...inline(label, depth + 1)) as HTMLAnchorElement;
  anchor.href = url;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  return anchor;
}
