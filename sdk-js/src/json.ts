// Values of the page as they may be sent.

/** What a text of JSON says; null for what is none. */
export function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

/** JSON that every reader takes: half an emoji, as a text that was cut may end with, is no character. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value)?.replace(/\\ud[89a-f][\da-f]{2}/g, "\\ufffd");
}

/** What is left of a value as JSON, if it is a small enough object; undefined counts as {}. */
export function jsonObject(value: unknown): Record<string, unknown> | null {
  if (value === undefined || value === null) return {};
  try {
    const text = jsonText(value);
    const plain: unknown = text && text.length <= 15_000 ? JSON.parse(text) : null;
    return typeof plain === "object" && !Array.isArray(plain)
      ? (plain as Record<string, unknown> | null)
      : null;
  } catch {
    return null;
  }
}
