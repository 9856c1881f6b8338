// The npm package: the same object, without the global.

import { createHandrail, type Handrail } from "./handrail";

export type { Detail, Events, Handrail, Listener } from "./handrail";
export type { Consent, IdentifyOptions, Options } from "./options";

const LATER = {
  live: () => import("./live/index"),
  ui: () => import("./ui/index"),
  health: () => import("./health/index"),
};

/** `handrail.init({ key, endpoint })` starts it; nothing happens before. */
export const handrail: Handrail = createHandrail(null, {
  delivery: () => import("./delivery/index"),
  other: (name) => LATER[name](),
});
export const init: Handrail["init"] = handrail.init;
