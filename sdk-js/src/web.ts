/** An address of the web, or null. */
export function webAddress(href: string, base?: string): URL | null {
  try {
    const url = new URL(href, base);
    return /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}
