// Socket, tabs and nudges: fetched when a page has been looked at for a while.

import { nameOf } from "../capture/words";
import { openHealth } from "../health/gate";
import type { Lifetime } from "../lifetime";
import { Desk } from "../nudges/desk";
import { Shown } from "../nudges/shown";
import { whenBack, whenLookedAt } from "../page";
import type { Core, Live } from "./border";
import { Line } from "./line";

/** After a return from the back/forward cache. */
const LOOKED_AT_MS = 2_000;

export function startLive(core: Core, life: Lifetime): Live {
  core.naming(nameOf);
  const shown = new Shown(core.store);
  let line: Line | null = null;
  let user = core.userId();
  let lastSeq = 0;
  let stopWaiting = () => {};

  const desk = new Desk({ ...core, shown, ack: (seq) => line?.ack(seq) }, shown, life, core.loadUi);

  const down = () => {
    stopWaiting();
    lastSeq = line?.lastSeq ?? lastSeq;
    line?.close();
    line = null;
  };
  const up = () => {
    if (!line && !life.ended) line = new Line(user, core, desk, life, lastSeq);
  };
  const upLater = () => {
    down();
    stopWaiting = whenLookedAt(life, LOOKED_AT_MS, up);
  };

  // Whatever is held would keep the page from the back/forward cache, or another tab from taking over.
  life.on(window, "pagehide", down);
  life.on(document, "freeze", down);
  whenBack(life, upLater);
  life.on(document, "resume", upLater);
  life.on(document, "visibilitychange", () => line?.looked(document.visibilityState !== "hidden"));
  life.on(window, "focus", () => line?.focused());
  life.on(window, "blur", () => line?.blurred());
  life.on(window, "online", () => line?.hurry());
  life.on<StorageEvent>(window, "storage", ({ key }) => {
    if (key?.endsWith(".shown")) shown.refresh();
  });
  life.ending(down);
  up();

  return {
    changed: () => {
      const before = line;
      down();
      desk.clear();
      shown.refresh();
      user = core.userId();
      lastSeq = 0;
      if (before) up();
    },
    used: (element, reacted) => desk.used(element, reacted),
    viewed: openHealth(core, life, core.loadHealth).viewed,
  };
}
