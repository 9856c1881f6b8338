// A nudge as elements. What a click on them does is kept beside them: the page's and our clicks part on window already.

import type { Action, Nudge } from "../wire";
import { iconButton, make, set } from "./make";
import { markdown, plain, safeUrl } from "./markdown";
import { direction, words } from "./words";

const clicks = new WeakMap<EventTarget, () => void>();

export function onClick<E extends Element>(element: E, fn: () => void): E {
  clicks.set(element, fn);
  return element;
}

/** Does what the clicked element is for. */
export function click(event: Event): void {
  for (const at of event.composedPath()) {
    const fn = clicks.get(at);
    if (!fn) continue;
    fn();
    return;
  }
}

/** A dialog that takes no focus and keeps none. */
export function dialog(kind: Nudge["kind"], language: string): HTMLElement {
  return set(make("div", `card ${kind}`), {
    role: "dialog",
    "aria-labelledby": `hr-${kind}`,
    "data-hr-kind": kind,
    lang: language,
    dir: direction(language),
  });
}

export function title(kind: Nudge["kind"], text: string): HTMLElement {
  return set(make("p", "title", plain(text)), { id: `hr-${kind}` });
}

export function body(text: string): HTMLElement {
  return make("div", "body", markdown(text));
}

export function actions(nudge: Nudge, acted: (action: Action) => void): HTMLElement[] {
  const made = (nudge.actions ?? []).flatMap((action, index) => {
    const look = index ? "button" : "button primary";
    const url = action.kind === "link" ? safeUrl(action.url ?? "") : "";
    if (url === null) return [];
    const control = set(make(url ? "a" : "button", look, plain(action.label)), {
      "data-hr-action": action.id,
      ...(url ? { href: url, rel: "noopener noreferrer" } : { type: "button" }),
    });
    if (url && new URL(url).origin !== location.origin) control.setAttribute("target", "_blank");
    return [onClick(control, () => acted(action))];
  });
  return made.length ? [set(make("div", "actions", ...made), { "aria-live": "off" })] : [];
}

export function tooltip(nudge: Nudge, language: string, closed: () => void, acted: (action: Action) => void) {
  const card = set(dialog("tooltip", nudge.language), { "data-hr-nudge": nudge.nudge_id });
  const tip = make("div", "arrow");
  const own = words(language);
  const close = set(onClick(iconButton("icon close", "close", own.close), closed), { "aria-live": "off" });
  const inner = make(
    "div",
    "inner",
    title("tooltip", nudge.title || own.title),
    body(nudge.body),
    ...actions(nudge, acted),
    close,
  );
  card.append(inner, tip);
  return { card, tip };
}
