// Elements without HTML strings: nothing here is a sink of Trusted Types.

const SVG = "http://www.w3.org/2000/svg";

export function make(tag: string, className = "", ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function set<E extends Element>(element: E, attributes: Record<string, string>): E {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export const ICONS = {
  close: "M6 6l12 12M18 6L6 18",
  minimise: "M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
};

/** A button that shows a picture and is called `name`. */
export function iconButton(className: string, icon: keyof typeof ICONS, name: string): HTMLElement {
  const picture = set(document.createElementNS(SVG, "svg"), { viewBox: "0 0 24 24", "aria-hidden": "true" });
  picture.append(set(document.createElementNS(SVG, "path"), { d: ICONS[icon] }));
  return set(make("button", className, picture), { type: "button", "aria-label": name });
}
