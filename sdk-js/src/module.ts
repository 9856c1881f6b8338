// The package's object for pages that import it from the platform:
// `import { handrail } from "https://…/sdk/v1/onboarding-agent-sdk.mjs"`.

import { remoteChunks } from "./chunks";
import { createHandrail } from "./handrail";
import { originOf } from "./options";

export const handrail = createHandrail(originOf(import.meta.url), remoteChunks(import.meta.url));
export const { init } = handrail;
