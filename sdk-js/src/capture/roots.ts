// Where events are listened for: the page, and the open shadow roots that events come through (some events never leave
// them). Each event is told once.

import type { Lifetime } from "../lifetime";
import { eventElement, isShadow } from "./element";

/** By type of event. */
export type Handlers = Record<string, (element: Element, event: Event) => void>;
type Root = Document | ShadowRoot;

export class Roots {
  private readonly known = new WeakSet<Root>();
  private readonly told = new WeakSet<Event>();
  private readonly types: Set<string>;
  private readonly listener: (event: Event) => void;

  constructor(
    private readonly life: Lifetime,
    private readonly handlers: Handlers[],
  ) {
    this.listener = life.guard.wrap((event: Event) => this.hear(event));
    this.known.add(document);
    this.types = new Set(handlers.flatMap(Object.keys));
    for (const type of this.types) life.on(window, type, this.listener, { capture: true });
  }

  private hear(event: Event): void {
    if (this.life.ended || this.told.has(event)) return;
    this.told.add(event);
    for (const node of event.composedPath()) if (isShadow(node)) this.watch(node, node);
    const element = eventElement(event);
    if (element) for (const one of this.handlers) one[event.type]?.(element, event);
  }

  /** Listeners of a root that may go away are not kept: they go with it. Returns whether it is a new one. */
  watch(root: Root, target: EventTarget): boolean {
    if (this.known.has(root)) return false;
    this.known.add(root);
    for (const type of this.types) {
      target.addEventListener(type, this.listener, { capture: true, passive: true });
    }
    return true;
  }
}
