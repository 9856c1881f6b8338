// What goes over the wire. Mirrors handrail_contracts.

export interface Target {
  selector: string | null;
  tag: string | null;
  role: string | null;
  name: string | null;
}

export interface WireEvent {
  event_id: string;
  event_type: string;
  user_id: string;
  session_id: string;
  timestamp: string;
  url: string;
  target_element: Target | null;
  properties: Record<string, unknown>;
}

export interface SnippetConfig {
  enabled: boolean;
  sample_rate: number;
  flush_interval_ms: number;
  flush_count: number;
  identity_enforced: boolean;
  language: string;
  capture: { text: boolean; query_parameters: string[] };
}

export interface Action {
  id: string;
  label: string;
  kind: "dismiss" | "link" | "event";
  url?: string | null;
}

export interface Nudge {
  nudge_id: string;
  kind: "tooltip" | "chat";
  stuck_point: string;
  target: string | null;
  title: string;
  body: string;
  actions?: Action[];
  language: string;
  expires_at: string;
}

export type ServerFrame =
  | { type: "hello"; seq: number; config: SnippetConfig }
  | { type: "config"; seq: number; config: SnippetConfig }
  | { type: "nudge"; seq: number; nudge: Nudge }
  | { type: "message"; seq: number; message_id: string; text: string; from: "agent" | "human" };

export type ClientFrame = { type: "ack"; seq: number } | { type: "resume"; last_seq: number };

export interface ProblemBody {
  status: number;
  code: string;
  errors?: { loc: (string | number)[]; msg: string }[];
}
