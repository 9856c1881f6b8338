// Addresses without what people typed into them: query values go, in the path's query and in a hash route's.

const MAX = 8192;

/** The address as it may be stored; "" where it is not one of the web. */
export function cleanAddress(href: string, keep: readonly string[] = []): string {
  const url = parse(href);
  if (!url) return "";
  const kept = new URLSearchParams();
  for (const name of keep) for (const value of url.searchParams.getAll(name)) kept.append(name, value);
  const query = kept.size ? `?${kept}` : "";
  return (url.origin + url.pathname + query + hashRoute(url.hash)).slice(0, MAX);
}

/** What makes two addresses the same page: host, path and hash route. */
export function pageOf(href: string): string {
  return cleanAddress(href);
}

function hashRoute(hash: string): string {
  return /^#!?\//.test(hash) ? (hash.split("?", 1)[0] ?? "") : "";
}

function parse(href: string): URL | null {
  try {
    const url = new URL(href);
    return url.protocol === "http:" || url.protocol === "https:" ? url : null;
  } catch {
    return null;
  }
}
