// A small Markdown subset straight to DOM nodes: bold, italics, code, lists, http(s) links. No HTML is ever parsed, so
// there is nothing to sanitise; what is not understood stays text.

const INLINE =
  /\*\*([^*]+)\*\*|__([^_]+)__|`([^`]+)`|\[([^\]]+)\]\((\S+?)\)|(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])/;
const BULLET = /^\s*[-*]\s+/;
const NUMBER = /^\s*\d{1,3}[.)]\s+/;

export function markdown(text: string): DocumentFragment {
  const out = document.createDocumentFragment();
  for (const block of text.replace(/\r\n?/g, "\n").split(/\n\s*\n/)) {
    if (block.trim()) out.append(...blockNodes(block.split("\n")));
  }
  return out;
}

/** An address a link may have, or null. */
export function safeUrl(address: string): string | null {
  try {
    const url = new URL(address);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

function blockNodes(lines: string[]): Node[] {
  const nodes: Node[] = [];
  let open: HTMLElement | undefined;
  for (const line of lines) {
    const mark = BULLET.test(line) ? "ul" : NUMBER.test(line) ? "ol" : "p";
    if (!open || open.localName !== mark) {
      open = document.createElement(mark);
      nodes.push(open);
    } else if (mark === "p") {
      open.append(document.createElement("br"));
    }
    const content = inline(mark === "p" ? line : line.replace(mark === "ul" ? BULLET : NUMBER, ""));
    if (mark === "p") open.append(...content);
    else open.append(element("li", content));
  }
  return nodes;
}

function inline(text: string, depth = 0): Node[] {
  const found = depth < 4 ? INLINE.exec(text) : null;
  if (!found) return text ? [document.createTextNode(text)] : [];
  const [whole, bold, bold2, code, label, address, italic] = found;
  const before = text.slice(0, found.index);
  const after = text.slice(found.index + whole.length);
  let node: Node;
  if (code !== undefined) node = element("code", [document.createTextNode(code)]);
  else if (label !== undefined) node = link(label, address ?? "", whole, depth);
  else if (italic !== undefined) node = element("em", inline(italic, depth + 1));
  else node = element("strong", inline(bold ?? bold2 ?? "", depth + 1));
  return [...(before ? [document.createTextNode(before)] : []), node, ...inline(after, depth)];
}

function link(label: string, address: string, whole: string, depth: number): Node {
  const url = safeUrl(address);
  if (!url) return document.createTextNode(whole);
  const anchor = element("a", inline(label, depth + 1)) as HTMLAnchorElement;
  anchor.href = url;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  return anchor;
}

function element(tag: string, children: Node[]): HTMLElement {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}
