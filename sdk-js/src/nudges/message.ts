// What somebody said, in the form of a nudge.

import type { Nudge, ServerFrame } from "../wire";

export function messageNudge(frame: Extract<ServerFrame, { type: "message" }>, language: string): Nudge {
  return {
    nudge_id: frame.message_id,
    kind: "chat",
    stuck_point: "",
    target: null,
    title: "",
    body: frame.text,
    actions: [],
    language,
    expires_at: "2099-01-01T00:00:00Z",
  };
}
