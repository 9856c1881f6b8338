// Fields and forms: that something was filled in and sent, never what.

import { matches, read } from "./element";
import type { Recorder, Sighting } from "./recorder";
import type { Handlers } from "./roots";
import type { Waiting } from "./waiting";

const DEBOUNCE_MS = 1_000;
const FIELDS = "input,select,textarea,[contenteditable]:not([contenteditable=false])";

export class Fields {
  private visited: { field: Element; since: number; changed: boolean; sighting: Sighting } | null = null;
  private readonly editing = new Map<Element, { sighting: Sighting; end: (tell?: boolean) => void }>();
  /** Whose change has been told already, by a pause in typing. */
  private readonly told = new WeakSet<Element>();

  constructor(
    private readonly recorder: Recorder,
    private readonly waiting: Waiting,
  ) {}

  readonly handlers: Handlers = {
    input: (field, event) => {
      if (event.isTrusted) this.typed(field);
    },
    change: (field, event) => {
      if (event.isTrusted) this.changed(field);
    },
    focusin: (field) => {
      this.leave();
      if (!matches(field, FIELDS)) return;
      const since = Date.now();
      this.visited = { field, since, changed: false, sighting: this.recorder.sight(field) };
    },
    focusout: () => this.leave(),
    submit: (form, event) => this.submitted(form, event),
    invalid: (field) => this.refuse(field),
  };

  /** The visit of a field is over, at the latest with that of the page. */
  leave(): void {
    const { visited } = this;
    this.visited = null;
    if (!visited) return;
    const { target, url } = visited.sighting;
    const properties = { ms: Date.now() - visited.since, changed: visited.changed };
    this.recorder.record("focus", { target, url, properties });
  }

  private typed(field: Element): void {
    if (this.visited?.field === field) this.visited.changed = true;
    const before = this.editing.get(field);
    before?.end(false);
    const sighting = before?.sighting ?? this.recorder.sight(field);
    const end = this.waiting.after(DEBOUNCE_MS, () => this.tell(field, sighting));
    this.editing.set(field, { sighting, end });
  }

  private changed(field: Element): void {
    const edit = this.editing.get(field);
    if (edit) edit.end();
    // The pause in typing has told it already.
    else if (!this.told.has(field)) this.tell(field, this.recorder.sight(field));
    this.told.delete(field);
  }

  private tell(field: Element, sighting: Sighting): void {
    this.editing.delete(field);
    this.told.add(field);
    this.recorder.used(field, true);
    const { target, url } = sighting;
    this.recorder.record("change", { target, url, properties: { filled: isFilled(field) } });
  }

  private submitted(form: Element, event: Event): void {
    for (const edit of [...this.editing.values()]) edit.end();
    this.recorder.used(form, true);
    const sighting = this.recorder.sight(form);
    // The host's own check comes after us, and marks what it refuses.
    this.waiting.after(0, () => {
      const refused =
        event.defaultPrevented &&
        Element.prototype.querySelector.call(form, '[aria-invalid="true"]') !== null;
      this.recorder.record("submit", {
        ...sighting,
        properties: { valid: matches(form, ":valid") && !refused },
      });
    });
  }

  /** The browser refused to send a form: one error for all its fields. */
  private refuse(field: Element): void {
    this.waiting.together(0, this, () => {
      const sighting = this.recorder.sight(field);
      return (fields) =>
        this.recorder.record("error", { ...sighting, properties: { kind: "form", count: 1, fields } });
    });
  }
}

function isFilled(field: Element): boolean {
  if (matches(field, '[type="checkbox"],[type="radio"]')) return matches(field, ":checked");
  return ((field as HTMLInputElement).value ?? read(field, "textContent")) !== "";
}
