// All that goes to the server and comes from it: events, who the user is, the config, and what opens the socket.

import { Answers } from "../capture/answers";
import { watchFrames } from "../capture/frames";
import { patchHistory } from "../capture/history";
import { titleOf } from "../capture/title";
import { debug } from "../guard";
import { uuid7 } from "../ids";
import type { Core as LiveCore } from "../live/border";
import { LiveGate } from "../live/gate";
import { Introduction } from "../who/introduction";
import type { SnippetConfig } from "../wire";
import type { Core, Later, Outgoing } from "./border";
import { Config, readConfig } from "./config";
import { Delivery } from "./delivery";
import { Door } from "./door";
import { followConfig } from "./following";
import { outlet } from "./outlet";

/** Hashes of what is fetched later, put in by the build. */
declare const __CHUNKS__: Readonly<Record<Later, string>>;

/** The part of a key that names it. */
const KEY_CHARS = 11;

export function startDelivery(core: Core): Outgoing {
  const { given, life, store, rules, who, ahead, recorder, emit } = core;
  const { prefix, options } = given;
  const door = new Door(given.endpoint, options.key);
  const config = new Config(store, rules);
  const introduction = new Introduction(who, store, door);
  const { tokens } = introduction;
  const refused = (code: string) => {
    if (life.ended) return;
    const whose =
      code === "origin"
        ? `${location.origin} is not in the tenant's spec.origins`
        : `key ${options.key.slice(0, KEY_CHARS)}`;
    debug("refused:", code, whose);
    emit("error", { code });
    core.end();
  };
  const out = outlet(door, tokens, config, refused);
  const delivery = new Delivery(store, prefix, ahead, out, life);
  const gate = new LiveGate(liveCore(), life);
  recorder.titleOf = titleOf;
  let begun = false;

  const introduce = () => {
    if (!begun || life.ended) return;
    const { userId } = who;
    void life.guard.run(async () => {
      const known = await introduction.make();
      if (!known && !life.ended) emit("error", { code: "identify", user_id: userId, reason: tokens.refusal });
      delivery.release(userId);
    });
  };

  /** Sends from here on, if anything is captured here. */
  const begin = () => {
    if (begun || !core.capture) return;
    begun = true;
    delivery.begin();
    ahead.hand((entry, event) => {
      delivery.add(entry);
      if (event.event_type === "page_view") gate.viewed();
    });
    const { pages } = core.capture;
    patchHistory(life, () => pages.look());
    new Answers(recorder, core.capture, life);
    if (options.iframes === true) watchFrames(core.capture.roots, life, document);
    introduce();
  };

  const configured = (now: SnippetConfig) => {
    config.set(now);
    delivery.pace = { count: now.flush_count, intervalMs: now.flush_interval_ms };
    if (!core.ruled()) {
      debug("switched off");
      delivery.clear();
      core.end();
      return;
    }
    begin();
    if (!now.identity_enforced) delivery.release(who.userId);
    delivery.reached();
    gate.open();
  };

  begin();
  life.on(window, "online", () => delivery.retryNow());
  // Where the last word was a no, the browser's own copy will not do.
  followConfig(door, life, !begun, {
    config: configured,
    refused,
    answered: () => emit("ready", {}),
  });
  for (const element of core.used.splice(0)) gate.seeUsed(element, true);

  return {
    introduce,
    turning: () => delivery.settle(),
    turned: (anew) => {
      if (anew) tokens.forgetAll();
      gate.changed();
    },
    seeUsed: (element, reacted) => gate.seeUsed(element, reacted),
    flush: () => delivery.flush(),
    away: (leaving) => delivery.away(leaving),
    back: () => delivery.back(),
    clear: () => delivery.clear(),
  };

  function liveCore(): LiveCore {
    const load =
      <T>(name: Later) =>
      () =>
        core.chunks.other(name, __CHUNKS__[name]) as Promise<T>;
    return {
      prefix,
      door,
      store,
      tokens,
      loadLive: load("live"),
      loadUi: load("ui"),
      loadHealth: load("health"),
      config: () => config.now,
      visit: () => who.session.at(Date.now()),
      saw: (properties) => recorder.record("target_check", { properties }),
      userId: () => who.userId,
      naming: (nameOf) => {
        recorder.nameOf = nameOf;
      },
      language: () => config.now.language,
      theme: () => config.now.theme,
      configured: (value) => {
        const now = readConfig(value);
        if (now) configured(now);
      },
      released: (user) => delivery.release(user),
      emit,
      tell: (fate, nudgeId, actionId) => {
        const detail = { nudge_id: nudgeId, ...(actionId !== undefined && { action_id: actionId }) };
        recorder.record(fate, { properties: detail });
        emit(fate, detail);
      },
      action: (nudgeId, actionId) => emit("action", { nudge_id: nudgeId, action_id: actionId }),
      say: (text, nudgeId) => {
        const id = uuid7(Date.now());
        const properties = { text, ...(nudgeId && { nudge_id: nudgeId }) };
        recorder.record("user_message", { id, properties });
        return id;
      },
      arrived: async (id) => {
        delivery.retryNow();
        await delivery.flush();
        return !delivery.has(id);
      },
    };
  }
}
