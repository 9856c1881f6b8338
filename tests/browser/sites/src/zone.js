// A host like Angular's: every timer, listener and request made on the page is patched by zone.js, and each task that
// runs costs the host a check of its whole view. The page counts those checks in `window.checks`.
import "zone.js";

window.checks = 0;
const view = document.getElementById("view");
const state = { rows: Array.from({ length: 200 }, (_, n) => ({ name: `Row ${n}`, done: n % 3 === 0 })) };

function check() {
  window.checks++;
  // What dirty checking does: reads every binding, writes those that changed.
  view.querySelectorAll("li").forEach((line, n) => {
    const text = `${state.rows[n].done ? "✓ " : ""}${state.rows[n].name}`;
    if (line.textContent !== text) line.textContent = text;
  });
}

// As with Angular: what is started inside the zone counts, what a script of somebody else starts outside does not.
const zone = Zone.current.fork({
  name: "host",
  onInvokeTask(parent, _current, target, task, applyThis, applyArgs) {
    try {
      return parent.invokeTask(target, task, applyThis, applyArgs);
    } finally {
      check();
    }
  },
});

window.hostZone = zone;
zone.run(() => {
  view.innerHTML = state.rows.map(() => "<li></li>").join("");
  check();
  view.addEventListener("click", (event) => {
    const at = [...view.children].indexOf(event.target);
    if (at >= 0) state.rows[at].done = !state.rows[at].done;
  });
  document.getElementById("all").addEventListener("click", () => {
    for (const row of state.rows) row.done = true;
  });
});
