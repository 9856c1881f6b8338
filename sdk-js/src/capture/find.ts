// The way back from a selector to its element, through open shadow roots and same-origin frames. Not part of the core.

/** One selector for each root on the way: of `:is(#card, #card >>> #save)` and of `#card >>> #save`, two. */
export function stepsOf(selector: string): string[] {
  const whole = selector.includes(">>>") && /^:is\((.*)\)$/s.exec(selector)?.[1];
  const [first = "", ...inner] = (whole || selector).split(/\s*>>>\s*/);
  // The host stands twice, so that browsers find it.
  return [whole ? first.slice(first.length / 2 + 1) : first, ...inner];
}

/** The element that `selectorOf` told of; null where there is none now, or the selector is none. */
export function find(selector: string, page: ParentNode = document): Element | null {
  let root: ParentNode | null | undefined = page;
  let found: Element | null = null;
  try {
    for (const step of stepsOf(selector)) {
      found = root?.querySelector(step) ?? null;
      root = found?.shadowRoot ?? (found as HTMLIFrameElement | null)?.contentDocument;
    }
  } catch {
    return null;
  }
  return found;
}
