// The npm package: the same object, without the global.

import { createHandrail } from "./handrail";

export type { Handrail, Listener } from "./handrail";
export type { Consent, IdentifyOptions, Options } from "./options";

/** `handrail.init({ key, endpoint })` starts it; nothing happens before. */
export const handrail = createHandrail(null, () => import("./ui/index"));
export const { init } = handrail;
