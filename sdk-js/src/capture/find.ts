// The way back from a selector to its element, through open shadow roots and same-origin frames. Not part of the core.

/** The element that `selectorOf` told of; null where there is none now, or the selector is none. */
export function find(selector: string, page: ParentNode = document): Element | null {
  const [first = "", ...inner] = selector.startsWith(":is(") ? selector.slice(4, -1).split(" >>> ") : [];
  // The host stands twice, so that browsers find it: `:is(#card, #card >>> #save)`.
  const parts = inner[0] ? [first.slice(first.length / 2 + 1), ...inner] : [selector];
  let root: ParentNode | null | undefined = page;
  let found: Element | null = null;
  try {
    for (const part of parts) {
      found = root?.querySelector(part) ?? null;
      root = found?.shadowRoot ?? (found as HTMLIFrameElement | null)?.contentDocument;
    }
  } catch {
    return null;
  }
  return found;
}
