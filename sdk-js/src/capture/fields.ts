// Fields and forms: that something was filled in and sent, never what.

import { uuid7 } from "../ids";
import type { Lifetime } from "../lifetime";
import { eventElement, matches, tagOf } from "./element";
import type { Recorder, Sighting } from "./recorder";
import { describe } from "./selector";

const DEBOUNCE_MS = 1_000;
const FIELDS = 'input,textarea,select,[contenteditable=""],[contenteditable="true"]';

export class Fields {
  private visited: { field: Element; since: number; changed: boolean } | null = null;
  private editing = new Map<Element, () => void>();
  private told = new WeakSet<Element>();
  private sending: (() => void)[] = [];
  private invalid: { fields: Set<Element>; first: Element } | null = null;

  constructor(
    private readonly recorder: Recorder,
    private readonly life: Lifetime,
  ) {
    const capture = { capture: true };
    life.on(document, "input", (event) => this.typed(event), capture);
    life.on(document, "change", (event) => this.changed(event), capture);
    life.on(document, "focusin", (event) => this.entered(event), capture);
    life.on(document, "focusout", () => this.left(), capture);
    life.on(document, "submit", (event) => this.submitted(event), capture);
    life.on(document, "invalid", (event) => this.refused(event), capture);
  }

  /** What is being typed counts as changed now. */
  settle(): void {
    for (const field of [...this.editing.keys()]) this.record(field);
    for (const send of this.sending.splice(0)) send();
  }

  private entered(event: Event): void {
    const field = eventElement(event);
    if (field && matches(field, FIELDS)) this.visited = { field, since: Date.now(), changed: false };
  }

  private left(): void {
    const { visited } = this;
    this.visited = null;
    if (!visited) return;
    const ms = Date.now() - visited.since;
    this.recorder.record("focus", { element: visited.field, properties: { ms, changed: visited.changed } });
  }

  private typed(event: Event): void {
    const field = event.isTrusted ? eventElement(event) : null;
    if (!field) return;
    if (this.visited?.field === field) this.visited.changed = true;
    this.editing.get(field)?.();
    this.told.delete(field);
    this.editing.set(
      field,
      this.life.after(DEBOUNCE_MS, () => this.record(field)),
    );
  }

  private changed(event: Event): void {
    const field = event.isTrusted ? eventElement(event) : null;
    if (!field) return;
    // The pause in typing has told it already.
    if (this.told.has(field) && !this.editing.has(field)) this.told.delete(field);
    else this.record(field, false);
  }

  private record(field: Element, remember = true): void {
    this.editing.get(field)?.();
    this.editing.delete(field);
    if (remember) this.told.add(field);
    this.recorder.used(field);
    this.recorder.record("change", { element: field, properties: { filled: isFilled(field) } });
  }

  private submitted(event: Event): void {
    const form = eventElement(event);
    if (!form) return;
    this.settle();
    this.recorder.used(form);
    const at = Date.now();
    const sighting: Sighting = { target: describe(form), at, id: uuid7(at), url: this.recorder.address() };
    const send = () => {
      stop();
      const refused =
        event.defaultPrevented &&
        Element.prototype.querySelector.call(form, '[aria-invalid="true"]') !== null;
      this.recorder.record("submit", {
        ...sighting,
        properties: { valid: matches(form, ":valid") && !refused },
      });
    };
    this.sending.push(send);
    // The host's own check comes after us, and marks what it refuses.
    const stop = this.life.after(0, () => {
      this.sending = this.sending.filter((other) => other !== send);
      send();
    });
  }

  /** The browser refused to send a form: one error for all its fields. */
  private refused(event: Event): void {
    const field = eventElement(event);
    if (!field) return;
    if (this.invalid) {
      this.invalid.fields.add(field);
      return;
    }
    this.invalid = { fields: new Set([field]), first: field };
    this.life.after(0, () => {
      const found = this.invalid;
      this.invalid = null;
      if (!found) return;
      const properties = { kind: "form", count: 1, fields: found.fields.size };
      this.recorder.record("error", { element: found.first, properties });
    });
  }
}

function isFilled(field: Element): boolean {
  const tag = tagOf(field);
  if (tag === "input" && matches(field, '[type="checkbox"],[type="radio"]'))
    return matches(field, ":checked");
  if (tag === "input" || tag === "textarea" || tag === "select") {
    return (field as HTMLInputElement).value !== "";
  }
  return (field.textContent ?? "") !== "";
}
