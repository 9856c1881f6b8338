// Shows one nudge at a time, and only what somebody can see counts as shown.

import type { Lifetime } from "../lifetime";
import type { Fate, Item, Stage, Ui } from "../nudges/stage";
import type { Action } from "../wire";
import { Aim } from "./aim";
import { click, tooltip } from "./card";
import { Chat } from "./chat";
import { deepActive, Return } from "./focus";
import { guard } from "./guards";
import { type Place, place } from "./place";
import { look } from "./sight";
import { Surface } from "./surface";
import { pageIsDark, palette } from "./theme";
import { Watch } from "./watch";

/** A live region is heard only when it stood there before its words. */
const REGION_MS = 100;
/** By then it was read out; coming back into sight it is not read again. */
const READ_MS = 2_000;

interface Entry {
  item: Item;
  aim: Aim | null;
  /** A tooltip's elements, from its first time in sight on. */
  card: HTMLElement | null;
  tip: HTMLElement | null;
  told: boolean;
  place: Place | null;
  stopExpiry: () => void;
}

export class Presenter implements Ui {
  private readonly surface: Surface;
  private readonly chat: Chat;
  private readonly watch: Watch;
  private readonly back = new Return();
  /** In the order they came; a tooltip out of sight lets the others pass. */
  private entries: Entry[] = [];
  private current: Entry | null = null;
  private unguard: (() => void) | null = null;
  private ready = false;

  constructor(
    private readonly stage: Stage,
    private readonly life: Lifetime,
  ) {
    this.surface = new Surface(life);
    this.watch = new Watch(
      { changed: () => this.changed(), look: (covering, dressed) => this.look(covering, dressed) },
      life,
    );
    this.watch.own = this.surface.host;
    this.chat = new Chat(this.surface.stage, stage, life, {
      left: (closed) => this.leaveChat(closed),
      acted: (action) => this.current && this.acted(this.current, action),
      said: () => this.current?.card === this.chat.panel && this.current && this.drop(this.current, false),
      opened: () => this.confirm(),
    });
    life.ending(() => this.clear());
  }

  take(item: Item): void {
    const { nudge } = item;
    if (this.stage.shown.has(nudge.nudge_id)) {
      this.stage.ack(item.seq);
      return;
    }
    const left = Date.parse(nudge.expires_at) - Date.now();
    if (!(left > 0) || this.entries.some((one) => one.item.nudge.nudge_id === nudge.nudge_id)) return;
    const entry: Entry = {
      item,
      aim: null,
      card: null,
      tip: null,
      told: false,
      place: null,
      stopExpiry: () => {},
    };
    this.entries.push(entry);
    if (nudge.kind === "tooltip" && nudge.target) {
      entry.aim = new Aim(nudge.target, this.life, {
        sight: () => this.next(),
        replaced: () => entry === this.current && this.put(entry),
        lost: () => this.lost(entry),
      });
    }
    // What waits goes with its time; what is seen stays until the user is done with it.
    entry.stopExpiry = this.life.after(Math.min(left, 2 ** 31 - 1), () => entry.told || this.drop(entry));
    this.begin();
    entry.aim?.look();
    this.next();
  }

  withdraw(): void {
    for (const entry of [...this.entries]) if (entry !== this.current && !entry.told) this.drop(entry);
  }

  completed(nudgeId: string): void {
    for (const entry of this.entries) if (entry.item.nudge.nudge_id === nudgeId) this.drop(entry);
  }

  clear(): void {
    // Waiting ones first: none may follow the current one.
    for (const entry of [...this.entries].reverse()) this.drop(entry);
    this.chat.clear();
    this.rest();
  }

  private begin(): void {
    if (this.unguard) return;
    const { life, surface } = this;
    this.paint();
    surface.settle();
    this.watch.start();
    const stops = [
      guard(
        surface.host,
        {
          heard: (event, at) => this.heard(event, at),
          entered: (from) => this.back.remember(from),
        },
        life,
      ),
      life.on<KeyboardEvent>(window, "keydown", (event) => this.enter(event), {
        capture: true,
        passive: false,
      }),
      life.after(REGION_MS, () => {
        this.ready = true;
        this.next();
      }),
    ];
    this.unguard = () => {
      for (const stop of stops) stop();
    };
  }

  /** Nothing is shown and nothing waits: the page is left alone. */
  private rest(): void {
    if (this.entries.length || this.chat.open || this.chat.launcher?.hidden === false) return;
    this.unguard?.();
    this.unguard = null;
    this.ready = false;
    this.watch.stop();
    this.surface.host.remove();
  }

  private paint(): void {
    const colours = palette(this.stage.theme(), pageIsDark());
    this.surface.paint(colours);
    this.surface.stage.classList.toggle("start", colours.start);
  }

  private changed(): void {
    for (const { aim } of this.entries) aim?.changed();
    this.current?.place?.chase();
  }

  private look(covering: boolean, dressed: boolean): void {
    if (!this.unguard) return;
    if (dressed) this.paint();
    this.surface.settle(covering);
    for (const { aim } of this.entries) aim?.look();
    this.next();
  }

  /** Who has the one place now. */
  private next(): void {
    const { current } = this;
    if (!this.unguard || this.life.ended) return;
    if (current?.aim && !current.aim.seen) this.hide(current);
    if (!this.current && this.ready && document.visibilityState !== "hidden") {
      const entry = this.entries.find(({ aim, item }) => !item.message && (!aim || aim.seen));
      if (entry) this.show(entry);
    }
    const messages = this.entries.filter(({ item }) => item.message);
    if (this.ready) for (const entry of messages) this.hear(entry);
    this.confirm();
  }

  private show(entry: Entry): void {
    const { nudge } = entry.item;
    this.current = entry;
    if (nudge.kind === "chat" || !entry.aim) {
      entry.card = this.chat.ask(entry.item);
      this.settleSoon(entry.card);
      return;
    }
    if (!entry.card) {
      const made = tooltip(
        nudge,
        this.stage.language(),
        () => this.dismiss(entry),
        (action) => this.acted(entry, action),
      );
      entry.card = made.card;
      entry.tip = made.tip;
      this.surface.stage.append(made.card);
      this.settleSoon(made.card);
    }
    entry.card.hidden = false;
    this.put(entry);
  }

  private settleSoon(card: HTMLElement): void {
    this.surface.settle();
    this.life.after(READ_MS, () => card.setAttribute("aria-live", "off"));
  }

  private put(entry: Entry): void {
    const { card, tip, aim } = entry;
    entry.place?.stop();
    if (card && tip && aim?.element) {
      entry.place = place(card, tip, aim.element, this.life, () => {
        card.classList.add("placed");
        this.watch.soon();
      });
    }
  }

  private hide(entry: Entry): void {
    entry.place?.stop();
    if (entry.card) entry.card.hidden = true;
    this.current = null;
  }

  private hear(entry: Entry): void {
    this.entries = this.entries.filter((one) => one !== entry);
    entry.stopExpiry();
    this.chat.hear(entry.item);
    this.surface.settle();
  }

  /** Tells of what can really be seen. */
  private confirm(): void {
    const entry = this.current;
    if (entry?.card && !entry.told) {
      const { card, item } = entry;
      this.see(card, () => {
        if (entry.told || this.current !== entry) return;
        entry.told = true;
        this.stage.shown.add(item.nudge.nudge_id, item.nudge.target);
        this.stage.tell("nudge_shown", item.nudge.nudge_id);
        this.stage.ack(item.seq);
      });
    }
    const { panel, fresh } = this.chat;
    if (panel && fresh.length) {
      this.see(panel, () => {
        for (const { nudge, seq } of fresh.splice(0)) {
          this.stage.shown.add(nudge.nudge_id, null);
          this.stage.ack(seq);
        }
      });
    }
  }

  private see(card: HTMLElement, fn: () => void): void {
    const check = (seen: boolean) => seen && document.visibilityState !== "hidden" && fn();
    look(card, this.life, check, this.surface.host);
  }

  private lost(entry: Entry): void {
    if (!entry.told) {
      this.stage.tell("nudge_target_missing", entry.item.nudge.nudge_id);
      this.stage.ack(entry.item.seq);
    }
    this.drop(entry);
  }

  private dismiss(entry: Entry): void {
    this.tell(entry, "nudge_dismissed");
    this.drop(entry);
    this.home();
  }

  /** `closed`: for good, as far as the user is concerned. Else the conversation is only put away. */
  private leaveChat(closed: boolean): void {
    const entry = this.current?.card === this.chat.panel ? this.current : null;
    if (closed && entry) this.tell(entry, "nudge_dismissed");
    if (closed) this.chat.close();
    else this.chat.putAway();
    if (entry) this.drop(entry, closed);
    this.home();
    this.rest();
  }

  private acted(entry: Entry, action: Action): void {
    this.tell(entry, "nudge_clicked", action.id);
    if (action.kind === "dismiss") this.tell(entry, "nudge_dismissed", action.id);
    if (action.kind === "event") this.stage.action(entry.item.nudge.nudge_id, action.id);
    const end = () => {
      const inChat = entry.card === this.chat.panel;
      this.drop(entry);
      if (inChat && this.chat.open) this.chat.putAway();
      this.home();
    };
    // The link itself is followed by the browser; its element must live until then.
    if (action.kind === "dismiss") end();
    else this.life.after(0, end);
  }

  private tell(entry: Entry, fate: Fate, actionId?: string): void {
    if (entry.told) this.stage.tell(fate, entry.item.nudge.nudge_id, actionId);
  }

  /** The nudge is over. `forget`: a conversation without words of the user goes with it. */
  private drop(entry: Entry, forget = true): void {
    if (!this.entries.includes(entry)) return;
    this.entries = this.entries.filter((one) => one !== entry);
    entry.aim?.stop();
    entry.place?.stop();
    entry.stopExpiry();
    if (entry === this.current) this.current = null;
    if (entry.card && entry.card === this.chat.panel) {
      if (forget && !this.chat.holds) this.chat.clear();
      else this.chat.done();
    } else {
      entry.card?.remove();
    }
    this.next();
    this.rest();
  }

  /** What happened in our root: nobody else hears of it. */
  private heard(event: Event, at: Element): void {
    const { key, type } = event as KeyboardEvent;
    if (type === "click") click(event);
    // Pressing a button takes the focus from nobody; words can be marked, lists scrolled.
    else if (type === "mousedown" && !at.closest(".body,.log,textarea") && !at.matches(".inner")) {
      event.preventDefault();
    } else if (type === "focusout" && (event as FocusEvent).relatedTarget) this.back.forget();
    else if (type !== "keydown" || (event as KeyboardEvent).isComposing) this.chat.heard(event, at);
    else if (key === "F6" || key === "Escape") {
      // A native dialog around us would close.
      event.preventDefault();
      if (key === "F6") this.home();
      else this.away(at);
    } else this.chat.heard(event, at);
  }

  private away(at: Element | null): void {
    const { current, chat } = this;
    if (at?.closest(".launcher")) this.home();
    else if (chat.open && (at ? chat.panel?.contains(at) : current?.card === chat.panel)) {
      this.leaveChat(!chat.holds);
    } else if (current) this.dismiss(current);
  }

  /** F6 goes from the page into what is shown. */
  private enter(event: KeyboardEvent): void {
    if (event.key === "Escape") this.escape(event);
    if (event.key !== "F6" || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const card = this.current?.aim && this.current.card;
    if (!card && !this.chat.panel) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.back.remember(deepActive());
    if (card) card.querySelector<HTMLElement>(".button,button")?.focus({ preventScroll: true });
    else this.chat.focus();
  }

  /** Esc in the page is ours only when nothing of the page answered it. */
  private escape(event: KeyboardEvent): void {
    const at = event.composedPath()[0] as HTMLInputElement;
    const state = () => `${this.watch.changes} ${at.value}`;
    const before = state();
    this.life.after(0, () => {
      if (!event.defaultPrevented && !event.isComposing && state() === before) this.away(null);
    });
  }

  private home(): void {
    const active = document.activeElement;
    if (!active || active === document.body || active === this.surface.host) this.back.go();
  }
}
