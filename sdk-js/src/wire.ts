// What goes over the wire, under the names the snippet uses. The shapes are generated from the contracts.

import type { EventModel, ProblemBody as FullProblem, TargetModel } from "./generated/wire";

export type { Action, ClientFrame, Nudge, ServerFrame, SnippetConfig } from "./generated/wire";

/** An event as the snippet makes it: nothing left out. */
export type WireEvent = Required<EventModel> & { target_element: Target | null };
export type Target = Required<TargetModel>;
/** Of an answer that may be anything. */
export type ProblemBody = Partial<FullProblem>;
