// Reading elements of a hostile page: a form's fields shadow its properties (<input name="id">), so everything is
// read through the prototypes' own getters.

/** What makes an element the thing that was meant, when a part inside it was hit. */
const CONTROLS =
  'a[href],button,input,select,textarea,summary,label,option,[role="button"],[role="link"],[role="menuitem"],' +
  '[role="tab"],[role="checkbox"],[role="switch"],[role="radio"],[role="option"],[contenteditable=""],' +
  '[contenteditable="true"],[data-hr-name],[data-testid]';
/** These answer a click by themselves, without any change in the document. */
const SELF_ACTING =
  'input,select,textarea,option,label,audio,video,[contenteditable=""],[contenteditable="true"],a[download]';

export const ROOT_TAG = "handrail-root";

type Getter = (this: Node) => unknown;
const getters = new Map<string, Getter>();

function read(node: Node, owner: { prototype: object }, name: string): unknown {
  let getter = getters.get(name);
  if (!getter) {
    getter = Object.getOwnPropertyDescriptor(owner.prototype, name)?.get as Getter | undefined;
    if (!getter) return (node as unknown as Record<string, unknown>)[name];
    getters.set(name, getter);
  }
  return getter.call(node);
}

export function attribute(element: Element, name: string): string | null {
  return Element.prototype.getAttribute.call(element, name);
}

export function tagOf(element: Element): string {
  return String(read(element, Element, "localName")).toLowerCase();
}

export function parentOf(element: Element): Element | null {
  return read(element, Node, "parentElement") as Element | null;
}

export function matches(element: Element, selector: string): boolean {
  try {
    return Element.prototype.matches.call(element, selector);
  } catch {
    return false;
  }
}

export function closest(element: Element, selector: string): Element | null {
  try {
    return Element.prototype.closest.call(element, selector);
  } catch {
    return null;
  }
}

/** The element an event happened on, or null where it is not ours to see. */
export function eventElement(event: Event): Element | null {
  const target = event.target;
  if (!(target instanceof Element)) return null;
  return isOurs(target) || closest(target, "[data-hr-ignore]") ? null : target;
}

/** Whether an element belongs to what we show. */
export function isOurs(element: Element): boolean {
  return tagOf(element) === ROOT_TAG || closest(element, ROOT_TAG) !== null;
}

/** The control around the part that was hit, else the part itself. */
export function controlOf(element: Element): Element {
  return closest(element, CONTROLS) ?? element;
}

export function isSelfActing(element: Element): boolean {
  return closest(element, SELF_ACTING) !== null;
}
