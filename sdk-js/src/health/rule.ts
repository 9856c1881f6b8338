// Elements to look for, as the server says.

import type { SnippetConfig } from "../wire";

export type Rule = SnippetConfig["targets"][number];

const MOST = 50;
const MOST_CHARS = 1_000;

/** What can be used of them: an older or newer server may say anything. */
export function readRules(value: unknown): Rule[] {
  const found: Rule[] = [];
  for (const one of Array.isArray(value) ? value.slice(0, MOST) : []) {
    const { id, selector, path = "", event = "" } = (one ?? {}) as Partial<Rule>;
    if (isText(id) && id && isText(selector) && selector && isText(path) && isText(event)) {
      found.push({ id, selector, path, event });
    }
  }
  return found;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MOST_CHARS;
}
