// The field of the conversation, and what becomes of what was written in it.

import type { Lifetime } from "../lifetime";
import type { Stage } from "../nudges/stage";
import { onClick } from "./card";
import { iconButton, make, set } from "./make";
import type { Words } from "./words";

const MOST_CHARS = 2_000;
/** From here on it is told how much room is left. */
const NEAR = 1_800;
/** Without an answer it is likely to have no connection. */
const SLOW_MS = 8_000;
const AGAIN_MS = [5_000, 15_000, 30_000, 60_000];

export class Saying {
  readonly form: HTMLElement;
  readonly field = make("textarea") as HTMLTextAreaElement;
  private readonly room = set(make("p", "room"), { id: "hr-room" });
  private readonly button: HTMLElement;
  private readonly stops = new Set<() => void>();
  private lastState: HTMLElement | null = null;

  /** `said` puts the words and their state into the conversation, and returns the nudge they answer. */
  constructor(
    private readonly stage: Stage,
    private readonly life: Lifetime,
    private readonly words: Words,
    private readonly said: (text: string, state: HTMLElement) => string | null,
    private readonly grown: () => void,
  ) {
    set(this.field, {
      rows: "1",
      "aria-label": words.write,
      placeholder: words.write,
      "aria-describedby": "hr-room",
      dir: "auto",
    });
    this.button = onClick(iconButton("icon primary", "send", words.send), () => this.send());
    this.form = set(make("div", "say", this.field, this.button, this.room), { "aria-live": "off" });
    this.typed();
  }

  heard(event: Event): void {
    if (event.type === "input") this.typed();
    const { key, shiftKey, isComposing } = event as KeyboardEvent;
    if (event.type !== "keydown" || key !== "Enter" || shiftKey || isComposing) return;
    event.preventDefault();
    this.send();
  }

  stop(): void {
    for (const stop of this.stops) stop();
  }

  private get text(): string {
    return this.field.value.trim();
  }

  private typed(): void {
    const { length } = this.text;
    const over = length - MOST_CHARS;
    this.room.textContent =
      over > 0
        ? this.words.over.replace("#", String(over))
        : length >= NEAR
          ? `${length} / ${MOST_CHARS}`
          : "";
    this.field.setAttribute("aria-invalid", String(over > 0));
    this.button.setAttribute("aria-disabled", String(!length || over > 0));
  }

  private send(): void {
    const { text } = this;
    if (!text || text.length > MOST_CHARS) return;
    const state = make("div", "state");
    const about = this.said(text, state);
    const id = this.stage.say(text, about);
    this.field.value = "";
    this.typed();
    this.follow(id, state, 0);
    this.grown();
  }

  /** Until the server has it. It is kept for sending in any case, also for the next page. */
  private follow(id: string, state: HTMLElement, attempt: number): void {
    const { words, life } = this;
    let open = true;
    const stop = () => {
      open = false;
      for (const one of stops) one();
      this.stops.delete(stop);
    };
    const again = () => {
      stop();
      this.follow(id, state, attempt + 1);
    };
    const waits = () => {
      if (state.classList.contains("waiting") && stops.length > 1) return;
      const retry = onClick(set(make("button", "retry", words.again), { type: "button" }), again);
      state.replaceChildren(make("span", "", words.waiting), retry);
      state.className = "state waiting";
      this.grown();
      stops.push(life.on(window, "online", again));
      stops.push(life.after(AGAIN_MS[Math.min(attempt, AGAIN_MS.length - 1)] ?? 0, again));
    };
    const stops = [life.after(SLOW_MS, waits)];
    this.stops.add(stop);
    if (!attempt) state.replaceChildren(words.sending);
    this.stage.arrived(id).then(
      life.guard.wrap((there: boolean) => {
        if (!open) return;
        stops[0]?.();
        if (!there) {
          waits();
          return;
        }
        stop();
        state.className = "state";
        state.replaceChildren(words.sent);
        // One word says it for all before it, too.
        this.lastState?.replaceChildren();
        this.lastState = state;
      }),
      () => {},
    );
  }
}
