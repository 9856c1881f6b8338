// Generated from the contracts by `make generate`. Do not edit.

export type ServerFrame = Hello | NudgeFrame | MessageFrame | ConfigFrame;
export type ClientFrame = AckFrame | ResumeFrame;

/**
 * Where the batch comes from.
 */
export interface ContextModel {
  /**
   * IANA name.
   */
  time_zone?: string | null;
  /**
   * BCP 47.
   */
  locale?: string | null;
  simulated?: boolean;
  /**
   * How many events the snippet had to give up since it last said so.
   */
  dropped?: number;
}
/**
 * One thing a user did.
 */
export interface EventModel {
  /**
   * UUIDv7 made by the client; sent again unchanged.
   */
  event_id: string;
  /**
   * See the table of event types; others are stored too.
   */
  event_type: string;
  user_id: string;
  session_id: string;
  /**
   * RFC 3339, from 1970 to 2100, by the client's clock.
   */
  timestamp: string;
  url?: string;
  target_element?: TargetModel | null;
  /**
   * At most 16 KiB, at most 8 levels.
   */
  properties?: {
    [k: string]: unknown;
  };
}
/**
 * The element an event happened on. Text of the page is never in here unless the tenant allows it.
 */
export interface TargetModel {
  /**
   * CSS selector, unique in the page.
   */
  selector?: string | null;
  tag?: string | null;
  /**
   * ARIA role.
   */
  role?: string | null;
  /**
   * The value of data-hr-name.
   */
  name?: string | null;
}
/**
 * The body of `POST /api/v1/events`: 1 to 500 events of one user, at most 512 KiB.
 */
export interface EventBatch {
  /**
   * @minItems 1
   * @maxItems 500
   */
  events: EventModel[];
  /**
   * RFC 3339; corrects the client's clock.
   */
  sent_at?: string | null;
  sdk_version?: string | null;
  /**
   * The user token from identify.
   */
  token?: string | null;
  /**
   * Instead of the header X-API-Key.
   */
  api_key?: string | null;
  context?: ContextModel | null;
}
/**
 * A button of a nudge.
 */
export interface Action {
  id: string;
  label: string;
  kind: "dismiss" | "link" | "event";
  url: string | null;
}
/**
 * What may be captured.
 */
export interface CaptureRules {
  /**
   * Text of elements and titles.
   */
  text: boolean;
  /**
   * Query parameters whose values may be kept.
   */
  query_parameters: string[];
}
/**
 * The snippet's config changed.
 */
export interface ConfigFrame {
  type: "config";
  seq: number;
  config: SnippetConfig;
}
/**
 * Everything in here is public: any visitor can read it.
 */
export interface SnippetConfig {
  /**
   * The kill switch: false stops capture, socket and nudges.
   */
  enabled: boolean;
  /**
   * Share of users who are captured.
   */
  sample_rate: number;
  /**
   * Longest time an event waits in the browser.
   */
  flush_interval_ms: number;
  /**
   * Events that are sent at once.
   */
  flush_count: number;
  identity_enforced: boolean;
  /**
   * BCP 47 tag of the user interface's own words.
   */
  language: string;
  capture: CaptureRules;
  /**
   * Elements to look for in the page.
   */
  targets: TargetRule[];
  /**
   * Share of visits in which they are looked for.
   */
  target_share: number;
  theme: Look;
}
/**
 * One element that should be there.
 */
export interface TargetRule {
  /**
   * Follows from selector and path.
   */
  id: string;
  selector: string;
  /**
   * Path of the page, exact or with * for one part; empty: any.
   */
  path: string;
  /**
   * What users do with it, such as click: tells what kind of element it is.
   */
  event: string;
}
/**
 * How nudges look: the tenant's theme.
 */
export interface Look {
  /**
   * #rrggbb, or empty for the default.
   */
  accent: string;
  /**
   * #rrggbb, or empty for the scheme's.
   */
  background: string;
  /**
   * #rrggbb, or empty for what is best read.
   */
  text: string;
  scheme: "auto" | "light" | "dark";
  /**
   * Pixels.
   */
  radius: number;
  /**
   * Of the chat, along the line.
   */
  position: "end" | "start";
}
/**
 * First of all. `seq` is the user's last one and is not consumed.
 */
export interface Hello {
  type: "hello";
  seq: number;
  config: SnippetConfig;
}
/**
 * Something said to the user.
 */
export interface MessageFrame {
  type: "message";
  seq: number;
  message_id: string;
  text: string;
  from: "agent" | "human";
  in_reply_to: string | null;
}
/**
 * One nudge as the browser gets it.
 */
export interface Nudge {
  nudge_id: string;
  kind: "tooltip" | "chat";
  stuck_point: string;
  /**
   * CSS selector, or null for none.
   */
  target: string | null;
  title: string;
  /**
   * Small Markdown: bold, code, lists, http(s) links.
   */
  body: string;
  actions: Action[];
  /**
   * BCP 47.
   */
  language: string;
  expires_at: string;
}
/**
 * Something to show; comes again until it is acknowledged or expires.
 */
export interface NudgeFrame {
  type: "nudge";
  seq: number;
  nudge: Nudge;
}
/**
 * The public form of `Ack`.
 */
export interface AckFrame {
  type: "ack";
  seq: number;
}
/**
 * The public form of `Resume`.
 */
export interface ResumeFrame {
  type: "resume";
  last_seq: number;
}
/**
 * One wrong place in the input.
 */
export interface ProblemItem {
  /**
   * Path from the body's root, e.g. ['events', 3, 'timestamp'].
   */
  loc: (string | number)[];
  /**
   * What is wrong there, for a person.
   */
  msg: string;
}
/**
 * `application/problem+json`.
 */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  /**
   * Stable and machine readable.
   */
  code: string;
  detail: string;
  request_id: string;
  errors: ProblemItem[];
}
