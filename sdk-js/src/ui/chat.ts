// The conversation: what was said, a field to answer in, and a button that stands for it while it is put away.

import type { Lifetime } from "../lifetime";
import type { Item, Stage } from "../nudges/stage";
import type { Action, Nudge } from "../wire";
import { actions, body, dialog, onClick, title } from "./card";
import { iconButton, make, set } from "./make";
import { plain } from "./markdown";
import { Saying } from "./saying";
import { words } from "./words";

export interface ChatHandlers {
  /** Put away or closed by the user. */
  left(closed: boolean): void;
  acted(action: Action): void;
  /** The user wrote: the nudge is answered, and what comes next joins the conversation. */
  said(): void;
  /** What waited can be seen now. */
  opened(): void;
}

export class Chat {
  panel: HTMLElement | null = null;
  launcher: HTMLElement | null = null;
  /** Whether there is something to come back to. */
  talked = false;
  /** Shown, but perhaps not yet seen. */
  fresh: Item[] = [];
  private unread: Item[] = [];
  private nudge: Nudge | null = null;
  private log = make("div");
  private saying: Saying | null = null;
  private readonly badge = set(make("span", "badge"), { "aria-hidden": "true" });
  private readonly status = set(make("span", "sr"), { role: "status" });

  constructor(
    private readonly place: HTMLElement,
    private readonly stage: Stage,
    private readonly life: Lifetime,
    private readonly handlers: ChatHandlers,
  ) {}

  get open(): boolean {
    return this.panel?.hidden === false;
  }

  /** A nudge opens the conversation; its buttons stand below it until it is done. */
  ask(item: Item): HTMLElement {
    const { nudge } = item;
    const panel = this.make(nudge.language, nudge.title);
    this.mark(nudge.nudge_id);
    this.nudge = nudge;
    this.add("them", body(nudge.body), ...actions(nudge, this.handlers.acted));
    this.show();
    return panel;
  }

  /** An answer. It waits with a number where the conversation was put away. */
  hear(item: Item): void {
    const { nudge } = item;
    this.talked = true;
    this.make(nudge.language, "");
    if (!this.nudge) this.mark(nudge.nudge_id);
    const bubble = this.add("them", body(nudge.body));
    bubble.setAttribute("data-hr-message", nudge.nudge_id);
    if (this.launcher && !this.launcher.hidden) {
      this.unread.push(item);
      this.count();
      return;
    }
    this.fresh.push(item);
    this.show();
  }

  /** The nudge is done: its buttons go. */
  done(): void {
    this.nudge = null;
    this.log.querySelector(".actions")?.remove();
  }

  show(): void {
    if (!this.panel) return;
    this.panel.hidden = false;
    if (this.launcher) this.launcher.hidden = true;
    this.fresh.push(...this.unread.splice(0));
    this.count();
    this.scroll();
  }

  /** Leaves the button. */
  putAway(): void {
    if (!this.panel) return;
    this.panel.hidden = true;
    if (!this.launcher) {
      const own = words(this.stage.language());
      const button = iconButton("launcher", "chat", own.open);
      button.append(this.badge);
      this.launcher = onClick(button, () => {
        this.show();
        this.focus();
        this.handlers.opened();
      });
      this.place.append(this.launcher, this.status);
    }
    this.launcher.hidden = false;
    this.count();
  }

  /** Out of sight; what was said comes back with the next words. */
  close(): void {
    if (this.panel) this.panel.hidden = true;
    if (this.launcher) this.launcher.hidden = true;
  }

  clear(): void {
    for (const part of [this.panel, this.launcher, this.status]) part?.remove();
    this.saying?.stop();
    this.panel = this.launcher = this.saying = this.nudge = null;
    this.talked = false;
    this.fresh = [];
    this.unread = [];
  }

  focus(): void {
    if (this.open) this.saying?.field.focus({ preventScroll: true });
    else if (this.launcher?.hidden === false) this.launcher.focus({ preventScroll: true });
  }

  /** Whether leaving now would take something from the user. */
  get holds(): boolean {
    return this.talked || !!this.saying?.field.value.trim();
  }

  heard(event: Event, at: Element): void {
    if (at === this.saying?.field) this.saying.heard(event);
  }

  private make(language: string, name: string): HTMLElement {
    const own = words(this.stage.language());
    if (this.panel) {
      if (name) this.panel.querySelector(".title")?.replaceChildren(plain(name));
      return this.panel;
    }
    const panel = dialog("chat", language);
    const away = onClick(iconButton("icon", "minimise", own.minimise), () => this.handlers.left(false));
    const close = onClick(iconButton("icon", "close", own.close), () => this.handlers.left(true));
    const tools = set(make("div", "tools", away, close), { "aria-live": "off" });
    this.log = set(make("div", "log"), { role: "log", "aria-label": own.log, tabindex: "0" });
    this.saying = new Saying(
      this.stage,
      this.life,
      own,
      (text, state) => {
        this.talked = true;
        this.add("me", set(make("p", "", text), { dir: "auto" }), state);
        const about = this.nudge?.nudge_id ?? null;
        this.handlers.said();
        return about;
      },
      () => this.scroll(),
    );
    panel.append(make("div", "head", title("chat", name || own.title), tools), this.log, this.saying.form);
    this.panel = panel;
    this.place.append(panel);
    return panel;
  }

  private mark(id: string): void {
    this.panel?.setAttribute("data-hr-nudge", id);
  }

  private add(who: "me" | "them", ...what: HTMLElement[]): HTMLElement {
    const said = make("div", who, ...what);
    this.log.append(said);
    this.scroll();
    return said;
  }

  /** The newest words in sight: of a long text its beginning. */
  private scroll(): void {
    const { log } = this;
    const last = log.lastElementChild as HTMLElement | null;
    const end = log.scrollHeight - log.clientHeight;
    log.scrollTop = last?.className === "them" ? Math.min(end, last.offsetTop - log.offsetTop - 8) : end;
  }

  private count(): void {
    const own = words(this.stage.language());
    const number = String(this.unread.length || "");
    const unread = number && own.unread.replace("#", number);
    this.badge.textContent = number;
    this.status.textContent = unread;
    this.launcher?.setAttribute("aria-label", unread ? `${own.open}, ${unread}` : own.open);
  }
}
