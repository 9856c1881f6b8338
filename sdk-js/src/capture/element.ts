// Reading elements of a hostile page: a form's fields shadow its properties (<input name="id">), and elements of other
// frames are of no class known here. So everything is read through the prototype's own getters, which care for neither.

/** What makes an element the thing that was meant, when a part inside it was hit. */
const CONTROLS =
  "a[href],button,input,select,textarea,summary,label,option,[role=button],[role=link],[role^=menuitem],[role=tab]," +
  "[role=checkbox],[role=switch],[role=radio],[role=option],[data-hr-name],[contenteditable]:not([contenteditable=false])";
/** These answer a click by themselves, without any change in the document. */
const SELF_ACTING =
  "input,select,textarea,option,label,audio,video,a[download],a[target],[contenteditable]:not([contenteditable=false])";

export const ROOT_TAG = "handrail-root";
const NOT_OURS = `${ROOT_TAG},[data-hr-ignore]`;

/** A property as the browser knows it, whatever the page calls its fields. */
// biome-ignore lint/suspicious/noExplicitAny: the reader knows what the property holds.
export function read(node: unknown, name: string): any {
  return Reflect.get(Element.prototype, name, node);
}

export function isElement(node: unknown): node is Element {
  return kindOf(node) === 1;
}

/** An open shadow root: there is no other fragment on an event's way. */
export function isShadow(node: unknown): node is ShadowRoot {
  return kindOf(node) === 11;
}

export function isDocument(node: unknown): node is Document {
  return kindOf(node) === 9;
}

function kindOf(node: unknown): number {
  try {
    return read(node, "nodeType");
  } catch {
    return 0;
  }
}

export function attribute(element: Element, name: string): string | null {
  return Element.prototype.getAttribute.call(element, name);
}

export function tagOf(element: Element): string {
  return read(element, "localName");
}

export function parentOf(element: Element): Element | null {
  return read(element, "parentElement");
}

/** Document or shadow root; the topmost element of what is in no page. */
export function rootOf(element: Element): Document | ShadowRoot {
  return Element.prototype.getRootNode.call(element) as Document | ShadowRoot;
}

/** The element that a shadow root or a frame's document stands in, or null at this page's own end. */
export function hostOf(root: Node): Element | null {
  if (isShadow(root)) return root.host;
  const view: Window | null = isDocument(root) ? Reflect.get(Document.prototype, "defaultView", root) : null;
  return view && view !== window ? view.frameElement : null;
}

/** Whether a selector finds this element below a root, and no other. */
export function findsOnly(root: Document | ShadowRoot, selector: string, element: Element): boolean {
  const own = isShadow(root) ? ShadowRoot.prototype : Document.prototype;
  return (
    own.querySelector.call(root, selector) === element &&
    own.querySelectorAll.call(root, selector).length === 1
  );
}

export function matches(element: Element, selector: string): boolean {
  try {
    return Element.prototype.matches.call(element, selector);
  } catch {
    return false;
  }
}

/** As `Element.closest`, and on through shadow roots and frames. */
export function closest(element: Element, selector: string): Element | null {
  for (let at: Element | null = element; at; at = hostOf(rootOf(at))) {
    const found: Element | null = Element.prototype.closest.call(at, selector);
    if (found) return found;
  }
  return null;
}

/** The element an event happened on, in open shadow roots too; null where it is not ours to see. */
export function eventElement(event: Event): Element | null {
  const target = event.composedPath()[0];
  return isElement(target) && !closest(target, NOT_OURS) ? target : null;
}

/** Whether an element belongs to what we show. */
export function isOurs(element: Element): boolean {
  return closest(element, ROOT_TAG) !== null;
}

/** The control around the part that was hit; a whole picture, not a line in it; else the part itself. */
export function controlOf(element: Element): Element {
  return closest(element, CONTROLS) ?? closest(element, "svg") ?? element;
}

export function isSelfActing(element: Element): boolean {
  return closest(element, SELF_ACTING) !== null;
}
