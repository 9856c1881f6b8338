// No style element, no style attribute: a constructed sheet is all that the policy leaves.
const look = new CSSStyleSheet();
look.replaceSync(`
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0; color: #e8edf5; background: #16202e }
  nav { display: flex; gap: 16px; padding: 10px 24px; border-bottom: 1px solid #33445c } a { color: #9cc4ff }
  main { padding: 8px 24px } .card, .list { border: 1px solid #33445c; border-radius: 8px; padding: 12px 16px }
  .list { list-style: none } button, input { font: inherit; padding: 6px 12px }`);
document.adoptedStyleSheets = [look];
document.getElementById("open")?.addEventListener("click", () => {
  document.getElementById("area").textContent = "Open.";
});
for (const row of document.querySelectorAll("#rows li")) {
  row.addEventListener("click", () => row.classList.toggle("chosen"));
}
document.getElementById("note-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const line = document.createElement("li");
  line.textContent = "One more";
  document.getElementById("rows").append(line);
});
