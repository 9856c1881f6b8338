// How nudges look. A host may set --handrail-accent; nothing else of the page reaches in.

export const CSS_TEXT = `
:host {
  all: initial !important; position: fixed !important; inset: 0 auto auto 0 !important;
  width: 0 !important; height: 0 !important; margin: 0 !important; padding: 0 !important; border: 0 !important;
  background: none !important; overflow: visible !important; z-index: 2147483647 !important; display: block !important;
}
.card {
  --accent: var(--handrail-accent, #4f46e5);
  position: fixed; box-sizing: border-box; width: max-content; max-width: min(340px, calc(100vw - 24px));
  padding: 14px 16px 14px; border-radius: 12px; background: #fff; color: #1c2333;
  border: 1px solid #d9dee8; border-top: 3px solid var(--accent);
  box-shadow: 0 1px 2px rgb(16 24 40 / .08), 0 12px 32px rgb(16 24 40 / .18);
  font: 400 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  text-align: start; overflow-wrap: anywhere; animation: come .18s ease-out;
}
.chat { inset: auto 20px 20px auto; width: 320px; border-radius: 16px 16px 4px 16px; }
.card[dir=rtl].chat { inset: auto auto 20px 20px; border-radius: 16px 16px 16px 4px; }
.title { margin: 0 28px 4px 0; font-size: 15px; font-weight: 600; line-height: 1.35; }
.card[dir=rtl] .title { margin: 0 0 4px 28px; }
.body p, .body ul, .body ol { margin: 0 0 6px; }
.body > :last-child { margin-bottom: 0; }
.body ul, .body ol { padding-inline-start: 20px; }
.body code { padding: 1px 4px; border-radius: 4px; background: #eef1f6; font: 13px ui-monospace, Menlo, Consolas, monospace; }
a { color: var(--accent); }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 12px; }
button, .button {
  all: unset; box-sizing: border-box; cursor: pointer; min-height: 36px; padding: 7px 14px; border-radius: 8px;
  font-weight: 600; font-size: 13px; line-height: 22px; background: #eef1f6; color: #1c2333; text-align: center;
}
button:hover, .button:hover { background: #e2e7ef; }
.primary { background: var(--accent); color: #fff; }
.primary:hover { background: var(--accent); filter: brightness(.92); }
.close {
  position: absolute; top: 6px; inset-inline-end: 6px; width: 32px; height: 32px; min-height: 0; padding: 0;
  background: none; color: #5b6579; display: grid; place-items: center; border-radius: 8px;
}
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.arrow {
  position: absolute; width: 12px; height: 12px; background: #fff; border: 1px solid #d9dee8; transform: rotate(45deg);
  clip-path: polygon(-20% -20%, 120% -20%, -20% 120%);
}
.card[data-side=bottom] .arrow { top: -8px; background: var(--accent); border-color: var(--accent); }
.card[data-side=top] .arrow { bottom: -7px; transform: rotate(225deg); }
.card[data-side=right] .arrow { left: -7px; transform: rotate(-45deg); }
.card[data-side=left] .arrow { right: -7px; transform: rotate(135deg); }
.live { position: fixed; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@keyframes come { from { opacity: 0; transform: translateY(4px); } }
@media (prefers-reduced-motion: reduce) { .card { animation: none; } }
@media (forced-colors: active) { .card { border: 2px solid CanvasText; } button, .button { border: 1px solid ButtonText; } }
@media print { .card { display: none; } }
`;
