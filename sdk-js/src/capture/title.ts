// The page's title, for tenants that allow texts. Not part of the core: what is allowed comes later, too.

import { scrubbed } from "./secrets";

/** Without what looks like a secret; "" where it is masked. */
export function titleOf(): string {
  const masked = Document.prototype.querySelector.call(document, "html[data-hr-mask],title[data-hr-mask]");
  return masked ? "" : scrubbed(document.title).slice(0, 200);
}
