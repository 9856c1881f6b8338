// How nudges look. Nothing of the page reaches in; colours come from the theme (`theme.ts`).

export const CSS_TEXT = `
:host {
  all: initial !important; position: fixed !important; inset: 0 auto auto 0 !important;
  width: 0 !important; height: 0 !important; margin: 0 !important; padding: 0 !important; border: 0 !important;
  background: none !important; overflow: visible !important; z-index: 2147483647 !important; display: block !important;
  pointer-events: auto !important;
}
[hidden] { display: none !important; }
.stage {
  font: 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  color: var(--text); text-align: start; overflow-wrap: anywhere; 
}
.card, .launcher {
  position: fixed; box-sizing: border-box; background: var(--background); border: 1px solid var(--line);
  box-shadow: 0 1px 3px rgb(10 16 32 / .12), 0 14px 40px rgb(10 16 32 / .2);
}
.card { border-radius: var(--radius); animation: come .2s cubic-bezier(.2, .8, .3, 1); }
.tooltip { left: 0; top: 0; width: max-content; max-width: min(348px, calc(100vw - 16px)); visibility: hidden; }
.placed { visibility: visible; }
.inner { box-sizing: border-box; max-height: calc(100vh - 18px); overflow: auto; padding: 16px 18px 18px; border-radius: inherit; }
.title { margin: 0; font-weight: 650; line-height: 1.4; }
.inner .title { margin-inline-end: 32px; }
.inner .body { margin-top: 4px; }
.body p, .body ul, .body ol { margin: 0 0 8px; }
.body > :last-child { margin-bottom: 0; }
.body ul, .body ol { padding-inline-start: 22px; }
.body code { padding: 1px 5px; border-radius: 4px; background: var(--soft); font: .9em ui-monospace, Menlo, Consolas, monospace; }
.body a { color: var(--link); text-underline-offset: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 14px; }
button, .button {
  all: unset; box-sizing: border-box; min-height: 44px; min-width: 44px; cursor: pointer; border-radius: calc(var(--radius) * .75);
}
.button {
  padding: 9px 18px; font-weight: 600; text-align: center; line-height: 24px; background: var(--soft); color: var(--text);
  border: 1px solid var(--line);
}
.primary { background: var(--accent); color: var(--onAccent); border: 1px solid var(--edge); }
.button:hover, .icon:hover, .launcher:hover { box-shadow: inset 0 0 0 99px rgb(127 127 127 / .12); }
.icon { display: grid; place-items: center; flex: none; color: var(--muted); }
.icon.primary { color: var(--onAccent); border-radius: 50%; }
svg { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.close svg { width: 18px; height: 18px; }
.close { position: absolute; top: 5px; inset-inline-end: 5px; }
:focus-visible { outline: 2px solid var(--edge); outline-offset: 2px; }
.arrow {
  position: absolute; width: 13px; height: 13px; box-sizing: border-box; background: var(--background); rotate: 45deg;
  border: 1px solid var(--line); clip-path: polygon(0 0, 100% 0, 0 100%);
}
[data-side=bottom] > .arrow { top: -7px; }
[data-side=top] > .arrow { bottom: -7px; rotate: 225deg; }
[data-side=right] > .arrow { left: -7px; rotate: -45deg; }
[data-side=left] > .arrow { right: -7px; rotate: 135deg; }
.chat {
  inset: auto 20px 20px auto; width: 360px; max-height: min(560px, calc(100vh - 40px));
  display: flex; flex-direction: column; border-radius: calc(var(--radius) * 1.34); overflow: hidden;
}
.launcher {
  inset: auto 20px 20px auto; display: grid; place-items: center; width: 56px; height: 56px; border-radius: 50%;
  background: var(--accent); color: var(--onAccent); border: 1px solid var(--edge);
}
.launcher svg { width: 26px; height: 26px; }
.start .chat, .start .launcher, .chat[dir=rtl], .launcher:dir(rtl) { left: 20px; right: auto; }
.start .chat[dir=rtl], .start .launcher:dir(rtl) { right: 20px; left: auto; }
.head { display: flex; align-items: center; gap: 8px; padding: 6px 6px 6px 18px; border-bottom: 1px solid var(--line); }
.head:dir(rtl) { padding: 6px 18px 6px 6px; }
.head .title { flex: 1; }
.tools { display: flex; gap: 2px; }
.log { display: flex; flex-direction: column; gap: 10px; padding: 16px; overflow: auto; overscroll-behavior: contain; min-height: 48px; }
.log:focus-visible { outline-offset: -3px; }
.them, .me { display: flex; flex-direction: column; align-items: flex-start; max-width: 88%; }
.me { align-self: flex-end; align-items: flex-end; }
.them .body, .me p { padding: 9px 14px; border-radius: var(--radius); background: var(--soft); }
.them .body { border-end-start-radius: 4px; }
.me p { margin: 0; white-space: pre-wrap; background: var(--accent); color: var(--onAccent); border-end-end-radius: 4px; }
.them .body code { background: var(--background); }
.them .actions { margin-top: 10px; }
.state { font-size: 13px; color: var(--muted); text-align: end; }
.waiting { display: flex; flex-wrap: wrap; align-items: center; justify-content: flex-end; column-gap: 10px; color: var(--text); }
.retry { font-weight: 600; color: var(--link); text-decoration: underline; padding: 0 8px; display: grid; place-items: center; }
.say { display: flex; flex-wrap: wrap; align-items: end; gap: 8px; padding: 10px; border-top: 1px solid var(--line); }
textarea {
  all: unset; box-sizing: border-box; flex: 1; min-width: 0; min-height: 44px; max-height: 132px; field-sizing: content; overflow: auto;
  padding: 9px 14px; border: 1px solid var(--muted); border-radius: 22px; white-space: pre-wrap; text-align: start; font-size: 16px; cursor: text;
}
textarea::placeholder { color: var(--muted); opacity: 1; }
textarea:focus-visible { outline: 2px solid var(--edge); outline-offset: -1px; }
[aria-disabled=true] { opacity: .45; cursor: default; }
.room { flex-basis: 100%; margin: 0 6px; font-size: 13px; color: var(--muted); }
.room:empty, .state:empty, .badge:empty { display: none; }
.badge {
  position: absolute; top: -5px; inset-inline-end: -5px; box-sizing: border-box; min-width: 24px; padding: 0 6px; border-radius: 12px; font-weight: 700; font-size: 13px; line-height: 22px; text-align: center; background: var(--background); color: var(--text); border: 1px solid var(--edge);
}
.sr { position: fixed; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@keyframes come { from { opacity: 0; translate: 0 6px; } }
@media (max-width: 480px) {
  .chat, .start .chat, .chat[dir] { inset: auto 8px 8px; width: auto; max-height: calc(100vh - 16px); }
}
@media (max-height: 420px) { .log { padding: 10px; } .say { padding: 6px; } .inner { padding: 12px 14px; } }
@media (prefers-reduced-motion: reduce) { .card { animation: none; } }
@media (prefers-contrast: more) {
  .card, .button, textarea { border: 2px solid var(--text); } .state, .room, .icon, textarea::placeholder { color: var(--text); }
}
@media (forced-colors: active) {
  .card, .launcher, .button, .icon { border: 2px solid ButtonText; } .arrow { display: none; }
  .body, .me p { border: 1px solid CanvasText; } .inner .body { border: 0; } :focus-visible { outline-color: Highlight; }
  [aria-disabled=true] { opacity: 1; color: GrayText; }
}
@media print { :host { display: none !important; } }
`;
