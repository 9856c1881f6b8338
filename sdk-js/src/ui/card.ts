// A nudge as elements. Non-modal: it takes no focus, and is left with Esc.

import type { Action, Nudge } from "../wire";
import { markdown, safeUrl } from "./markdown";
import { direction, words } from "./words";

export interface CardHandlers {
  closed(): void;
  acted(action: Action): void;
}

export function card(nudge: Nudge, language: string, handlers: CardHandlers): HTMLElement {
  const root = make("div", `card ${nudge.kind}`);
  const titleId = `hr-title-${nudge.nudge_id}`;
  root.setAttribute("role", "dialog");
  root.setAttribute("aria-labelledby", titleId);
  root.setAttribute("data-hr-nudge", nudge.nudge_id);
  root.setAttribute("data-hr-kind", nudge.kind);
  root.lang = nudge.language;
  root.dir = direction(nudge.language);

  const title = make("p", "title");
  title.id = titleId;
  title.textContent = nudge.title || words(language).message;
  const body = make("div", "body");
  body.append(markdown(nudge.body));
  root.append(title, body);

  const actions = (nudge.actions ?? [])
    .map((action, index) => control(action, index, handlers))
    .filter(isElement);
  if (actions.length) {
    const row = make("div", "actions");
    row.append(...actions);
    root.append(row);
  }
  root.append(closeButton(language, handlers));
  return root;
}

function control(action: Action, index: number, handlers: CardHandlers): HTMLElement | null {
  const look = `button${index === 0 ? " primary" : ""}`;
  let made: HTMLElement;
  if (action.kind === "link") {
    const url = safeUrl(action.url ?? "");
    if (!url) return null;
    const anchor = make("a", look) as HTMLAnchorElement;
    anchor.href = url;
    anchor.rel = "noopener noreferrer";
    if (new URL(url).origin !== location.origin) anchor.target = "_blank";
    made = anchor;
  } else {
    made = make("button", look);
    made.setAttribute("type", "button");
  }
  made.textContent = action.label;
  made.setAttribute("data-hr-action", action.id);
  made.addEventListener("click", () => handlers.acted(action));
  return made;
}

function closeButton(language: string, handlers: CardHandlers): HTMLElement {
  const button = make("button", "close");
  button.setAttribute("type", "button");
  button.setAttribute("aria-label", words(language).close);
  button.textContent = "✕";
  button.addEventListener("click", () => handlers.closed());
  return button;
}

function make(tag: string, className: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

function isElement(value: HTMLElement | null): value is HTMLElement {
  return value !== null;
}
