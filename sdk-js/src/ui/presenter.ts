// Shows one nudge at a time and tells what became of it.

import type { Lifetime } from "../lifetime";
import type { Fate, Item, Stage, Ui } from "../nudges/stage";
import type { Action, Nudge } from "../wire";
import { card } from "./card";
import { place } from "./place";
import { Surface } from "./surface";
import { awaitTarget, find } from "./target";

export class Presenter implements Ui {
  private readonly surface: Surface;
  private waiting: Item[] = [];
  private current: { item: Item; stop: () => void } | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly life: Lifetime,
  ) {
    this.surface = new Surface(life);
    life.on<KeyboardEvent>(window, "keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.dismiss();
    });
    life.ending(() => this.clear());
  }

  take(item: Item): void {
    const { nudge } = item;
    if (this.stage.shown.has(nudge.nudge_id)) {
      this.stage.ack(item.seq);
      return;
    }
    const known = [this.current?.item, ...this.waiting].some(
      (other) => other?.nudge.nudge_id === nudge.nudge_id,
    );
    if (known || Date.parse(nudge.expires_at) <= Date.now()) return;
    this.waiting.push(item);
    this.next();
  }

  completed(nudgeId: string): void {
    if (this.current?.item.nudge.nudge_id === nudgeId) this.finish();
  }

  clear(): void {
    this.waiting = [];
    this.current?.stop();
    this.current = null;
  }

  private next(): void {
    if (this.current || this.life.ended) return;
    const item = this.waiting.shift();
    if (!item) return;
    const { nudge } = item;
    if (Date.parse(nudge.expires_at) <= Date.now()) {
      this.next();
      return;
    }
    if (nudge.kind !== "tooltip" || !nudge.target) {
      this.current = { item, stop: () => {} };
      this.show(item, null);
      return;
    }
    const stop = awaitTarget(
      nudge.target,
      this.life,
      (element) => this.show(item, element),
      () => this.missing(item),
    );
    // A target in sight at once may have been shown already.
    this.current ??= { item, stop };
  }

  private show(item: Item, target: Element | null): void {
    const { nudge } = item;
    const element = card(nudge, this.stage.language(), {
      closed: () => this.life.guard.run(() => this.dismiss()),
      acted: (action) => this.life.guard.run(() => this.acted(item, action)),
    });
    this.surface.show(element);
    const stopPlace = target ? this.follow(element, nudge, target) : () => {};
    this.current = {
      item,
      stop: () => {
        stopPlace();
        element.remove();
      },
    };
    this.surface.announce(`${nudge.title}. ${element.querySelector(".body")?.textContent ?? ""}`);
    this.stage.shown.add(nudge.nudge_id, nudge.target);
    this.tell(item, "nudge_shown");
    this.stage.ack(item.seq);
  }

  /** Stays with the target; a host that renders anew gets a second look, then the nudge goes with its element. */
  private follow(element: HTMLElement, nudge: Nudge, target: Element): () => void {
    let at = target;
    let stop = place(element, at);
    const observer = new MutationObserver(
      this.life.guard.wrap(() => {
        if (at.isConnected) return;
        stop();
        const again = nudge.target ? find(nudge.target) : null;
        if (!again) {
          this.finish();
          return;
        }
        at = again;
        stop = place(element, at);
      }),
    );
    observer.observe(document, { childList: true, subtree: true });
    return () => {
      observer.disconnect();
      stop();
    };
  }

  private missing(item: Item): void {
    this.tell(item, "nudge_target_missing");
    this.stage.ack(item.seq);
    this.finish();
  }

  private dismiss(actionId?: string): void {
    const item = this.current?.item;
    if (!item || !this.stage.shown.has(item.nudge.nudge_id)) return;
    this.tell(item, "nudge_dismissed", actionId);
    this.finish();
  }

  private acted(item: Item, action: Action): void {
    this.tell(item, "nudge_clicked", action.id);
    if (action.kind === "dismiss") {
      this.dismiss(action.id);
      return;
    }
    if (action.kind === "event") this.stage.action(item.nudge.nudge_id, action.id);
    // The link itself is followed by the browser; its element must live until then.
    this.life.after(0, () => this.finish());
  }

  private tell(item: Item, fate: Fate, actionId?: string): void {
    if (!item.message) this.stage.tell(fate, item.nudge.nudge_id, actionId);
  }

  private finish(): void {
    this.current?.stop();
    this.current = null;
    this.next();
  }
}
