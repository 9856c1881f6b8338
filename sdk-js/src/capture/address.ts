// Addresses without what people typed into them: query values go, in the path's query and in a hash route's, and so do
// parts of the path that are e-mail addresses, long numbers, tokens or typed text. `*` stands for such a part.

import { webAddress } from "../web";
import { isSecret } from "./secrets";

const MAX = 8192;

/** The address as it may be stored; "" where it is not one of the web. `keep`: query parameters that stay. */
export function cleanAddress(href: string, keep: readonly string[] = []): string {
  const url = webAddress(href);
  if (!url) return "";
  const route = routeOf(url);
  const at = `${route}?`.indexOf("?");
  const all =
    url.origin +
    path(url.pathname) +
    query(url.search, keep) +
    path(route.slice(0, at)) +
    query(route.slice(at), keep);
  return all.slice(0, MAX);
}

/** What makes two addresses the same page: host, path and hash route. Never to be sent. */
export function pageOf(href: string): string {
  const url = webAddress(href);
  return url ? url.origin + url.pathname + routeOf(url).split("?", 1)[0] : "";
}

function routeOf(url: URL): string {
  return /^#!?\//.test(url.hash) ? url.hash : "";
}

function path(raw: string): string {
  return raw
    .split("/")
    .map((part) => {
      const [bare = ""] = part.split(";", 1);
      const text = decoded(bare);
      return text === null || /[\s+]/.test(text) || isSecret(text) ? "*" : bare;
    })
    .join("/");
}

function query(search: string, keep: readonly string[]): string {
  const given = new URLSearchParams(search);
  const kept = new URLSearchParams();
  for (const name of keep) {
    for (const value of given.getAll(name)) if (!isSecret(value)) kept.append(name, value);
  }
  return kept.size ? `?${kept}` : "";
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
