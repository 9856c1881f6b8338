// Where events are listened for: the page, the open shadow roots that events come through (some events never leave
// them), and, where asked for, frames of the same origin. Each event is told once.

import type { Lifetime } from "../lifetime";
import { eventElement, isElement, isShadow } from "./element";

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
    private readonly frames: boolean,
  ) {
    this.listener = life.guard.wrap((event: Event) => this.hear(event));
    this.known.add(document);
    this.types = new Set(handlers.flatMap(Object.keys));
    for (const type of this.types) life.on(window, type, this.listener, { capture: true });
    this.watchFrames(document);
  }

  private hear(event: Event): void {
    if (this.life.ended || this.told.has(event)) return;
    this.told.add(event);
    for (const node of event.composedPath()) if (isShadow(node)) this.watch(node, node);
    const element = eventElement(event);
    if (element) for (const one of this.handlers) one[event.type]?.(element, event);
  }

  /** Listeners of a root that may go away are not kept: they go with it. */
  private watch(root: Root, target: EventTarget): void {
    if (this.known.has(root)) return;
    this.known.add(root);
    for (const type of this.types) {
      target.addEventListener(type, this.listener, { capture: true, passive: true });
    }
  }

  private watchFrames(page: Document): void {
    if (!this.frames) return;
    const enter = (frame: unknown) => {
      const inner: Document | null = isElement(frame) ? (frame as HTMLIFrameElement).contentDocument : null;
      if (!inner?.defaultView || this.known.has(inner)) return;
      this.watch(inner, inner.defaultView);
      this.watchFrames(inner);
    };
    page.querySelectorAll("iframe").forEach(enter);
    this.life.on(page, "load", (event) => enter(event.target), { capture: true });
  }
}
