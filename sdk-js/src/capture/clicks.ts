// Every trusted click, whatever was hit: dead and rage clicks are the ones on things that are no buttons. Rapid
// repeats on one element become one event with a count.

import { uuid7 } from "../ids";
import type { Lifetime } from "../lifetime";
import { controlOf, eventElement, isSelfActing } from "./element";
import type { Reactions } from "./reactions";
import type { Recorder, Sighting } from "./recorder";
import { describe } from "./selector";

const WINDOW_MS = 1_000;

interface Group {
  sighting: Sighting & { properties: Record<string, unknown> };
  count: number;
  reacted: () => boolean;
  stop: () => void;
}

export class Clicks {
  private groups = new Map<Element, Group>();

  constructor(
    private readonly recorder: Recorder,
    private readonly reactions: Reactions,
    private readonly life: Lifetime,
  ) {
    life.on<MouseEvent>(window, "click", (event) => this.seen(event), { capture: true });
    // A disabled control gets no click, and is just where people click in vain.
    life.on<PointerEvent>(window, "pointerup", (event) => this.released(event), { capture: true });
  }

  /** Ends all waiting, e.g. because the page is left (which is an answer, too). */
  settle(leaving: boolean): void {
    for (const element of [...this.groups.keys()]) this.close(element, leaving);
  }

  private seen(event: MouseEvent): void {
    if (!event.isTrusted) return;
    const hit = eventElement(event);
    if (hit) this.count(controlOf(hit));
  }

  private released(event: PointerEvent): void {
    if (!event.isTrusted || event.button !== 0) return;
    const hit = eventElement(event);
    const control = hit && controlOf(hit);
    if (control && Element.prototype.matches.call(control, ":disabled")) this.count(control);
  }

  private count(element: Element): void {
    this.recorder.used(element);
    const known = this.groups.get(element);
    if (known) {
      known.count += 1;
      return;
    }
    const at = Date.now();
    const target = describe(element);
    this.groups.set(element, {
      sighting: { target, at, id: uuid7(at), url: this.recorder.address(), properties: {} },
      count: 1,
      reacted: this.reactions.watch(),
      stop: this.life.after(WINDOW_MS, () => this.close(element, false)),
    });
  }

  private close(element: Element, leaving: boolean): void {
    const group = this.groups.get(element);
    if (!group) return;
    this.groups.delete(element);
    group.stop();
    const enabled = !Element.prototype.matches.call(element, ":disabled");
    const reacted = group.reacted() || leaving || (enabled && isSelfActing(element));
    group.sighting.properties.reacted = reacted;
    if (group.count > 1) group.sighting.properties.count = group.count;
    this.recorder.record("click", group.sighting);
  }
}
