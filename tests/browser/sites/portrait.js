// What a page consists of, as text that can be compared: its elements, its globals, every function of the browser's own
// objects. Evaluated by tests in pages with the snippet and without.
() => {
  const seen = {};
  const source = (made) => Function.prototype.toString.call(made);
  const note = (path, owner) => {
    for (const key of Reflect.ownKeys(owner)) {
      const { value, get, set } = Reflect.getOwnPropertyDescriptor(owner, key);
      for (const [kind, made] of [["", value], [" get", get], [" set", set]]) {
        if (typeof made === "function") seen[`${path}.${String(key)}${kind}`] = source(made);
      }
    }
  };
  const names = Object.getOwnPropertyNames(window);
  for (const name of names) {
    const made = Reflect.getOwnPropertyDescriptor(window, name).value;
    if (typeof made !== "function" || !/\[native code\]/.test(source(made))) continue;
    seen[name] = source(made);
    note(name, made);
    if (made.prototype) note(`${name}.prototype`, made.prototype);
  }
  for (const own of [history, navigator, location, document, console, performance, crypto, JSON, Math, Reflect]) {
    note(own[Symbol.toStringTag] ?? "own", own);
  }
  const page = document.documentElement.cloneNode(true);
  // Fields shadow a form's own `remove`.
  const drop = Element.prototype.remove;
  for (const one of page.querySelectorAll("script, handrail-root, link[rel=modulepreload], .MuiTouchRipple-root > *, #live")) {
    drop.call(one);
  }
  for (const field of document.querySelectorAll("input, textarea, select")) {
    seen[`field ${field.getAttribute("name")}`] = `${field.value} ${field.checked}`;
  }
  return {
    // Frames have numbers; zone.js keeps a global for each kind of event that anybody listens to.
    names: names.filter((name) => !/^(\d+$|__zone_symbol__)/.test(name)),
    functions: seen,
    page: page.outerHTML.replace(/\/\d+\/(?=[a-z])/g, "/N/").replace(/ nonce="[^"]*"/g, ""),
    cookie: document.cookie,
    handlers: ["onunload", "onbeforeunload", "onerror", "onunhandledrejection", "onpagehide"].filter((name) => window[name]),
  };
}
