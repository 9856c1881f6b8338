// Pages as the tenant's config names them, read as the server reads them.

/** Path and hash route; no query. */
export function pathOf({ pathname, hash }: { pathname: string; hash: string }): string {
  const route = /^#!?\//.test(hash) ? `#${trim(hash.slice(1).split("?", 1)[0] as string)}` : "";
  return trim(pathname) + route;
}

/** Exact, or with `*` for one part; without `#` also held against the hash route alone; empty: any page. */
export function pathFits(pattern: string, path: string): boolean {
  if (!pattern) return true;
  const parts = trim(pattern)
    .split("*")
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const wanted = new RegExp(`^${parts.join("[^/]+")}$`);
  const at = path.indexOf("#");
  return (
    wanted.test(path) ||
    (at >= 0 && !pattern.includes("#") && wanted.test(path.slice(at + 1).replace(/^!/, "")))
  );
}

function trim(path: string): string {
  return path.replace(/\/+$/, "") || "/";
}
