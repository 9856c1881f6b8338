// What came to be shown, in the form of a nudge that can be relied on.

import type { Action, Nudge, ServerFrame } from "../wire";

/** The platform sends less; what is longer is cut. */
const TITLE_CHARS = 200;
const BODY_CHARS = 2_000;

type Frame = Extract<ServerFrame, { type: "nudge" | "message" }>;

/** The nudge in a frame, or what somebody said as one; null where it is none. */
export function readNudge(frame: Frame, language: string): Nudge | null {
  const nudge = frame.type === "message" ? messageNudge(frame, language) : (Object(frame.nudge) as Nudge);
  const { nudge_id, title, body, actions, target, expires_at } = nudge;
  const texts = [nudge_id, title, body, target ?? ""].every(isText);
  if (!texts || !nudge_id || !Date.parse(expires_at)) return null;
  if (!Array.isArray(actions) || !actions.every(isAction)) return null;
  // What a person said is cut where it is drawn.
  if (frame.type === "message") return nudge;
  return { ...nudge, title: title.slice(0, TITLE_CHARS), body: body.slice(0, BODY_CHARS) };
}

function messageNudge(frame: Extract<Frame, { type: "message" }>, language: string): Nudge {
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

function isAction(value: unknown): boolean {
  const { id, label } = Object(value) as Action;
  return isText(id) && isText(label);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
