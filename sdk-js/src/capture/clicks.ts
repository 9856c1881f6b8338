// Every trusted click, whatever was hit: dead and rage clicks are the ones on things that are no buttons. Rapid
// repeats on one element become one event with a count.

import { controlOf, isSelfActing, matches } from "./element";
import type { Reactions } from "./reactions";
import type { Recorder } from "./recorder";
import type { Handlers } from "./roots";
import type { Waiting } from "./waiting";

const WINDOW_MS = 1_000;

export class Clicks {
  /** The page is being left, which answers any click. */
  leaving = false;

  constructor(
    private readonly recorder: Recorder,
    private readonly reactions: Reactions,
    private readonly waiting: Waiting,
  ) {}

  readonly handlers: Handlers = {
    click: (element, event) => this.seen(controlOf(element), event as MouseEvent),
    // A disabled control gets no click, and is just where people click in vain.
    pointerup: (element, event) => {
      const control = controlOf(element);
      if ((event as MouseEvent).button === 0 && isDisabled(control)) this.seen(control, event as MouseEvent);
    },
  };

  private seen(element: Element, event: MouseEvent): void {
    if (!event.isTrusted) return;
    this.recorder.used(element);
    this.waiting.together(WINDOW_MS, element, () => {
      const sighting = this.recorder.sight(element);
      const answered = this.reactions.watch(event.composedPath());
      return (count) => {
        const reacted = answered() || this.leaving || (!isDisabled(element) && isSelfActing(element));
        this.recorder.used(element, reacted);
        this.recorder.record("click", {
          ...sighting,
          properties: { reacted, ...(count > 1 && { count }) },
        });
      };
    });
  }
}

function isDisabled(element: Element): boolean {
  return matches(element, ":disabled");
}
