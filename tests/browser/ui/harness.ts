// What shows nudges, with a stage that only writes down what it is told. `window.ui` is the test's hand.

import { Guard } from "../../../sdk-js/src/guard";
import { Lifetime } from "../../../sdk-js/src/lifetime";
import type { Stage } from "../../../sdk-js/src/nudges/stage";
import { startUi } from "../../../sdk-js/src/ui/index";
import type { Nudge } from "../../../sdk-js/src/wire";

const known = new Set<string>();
const faults: string[] = [];
const hand = {
  told: [] as string[],
  acks: [] as number[],
  said: [] as string[],
  faults,
  theme: {} as unknown,
  language: "en",
  online: true,
  take: (nudge: Partial<Nudge>, message = false) => {
    seq += 1;
    ui.take({ nudge: { ...WHOLE, nudge_id: `n${seq}`, ...nudge }, seq, message });
    return nudge.nudge_id ?? `n${seq}`;
  },
  completed: (id: string) => ui.completed(id),
  withdraw: () => ui.withdraw?.(),
  end: () => life.end(),
};

const WHOLE: Nudge = {
  nudge_id: "",
  kind: "tooltip",
  stuck_point: "/",
  target: "#target",
  title: "Start a project here",
  body: "Press **New project**, give it a name, and you are there.",
  actions: [{ id: "ok", label: "Got it", kind: "dismiss", url: null }],
  language: "en",
  expires_at: "2099-01-01T00:00:00Z",
};

const stage = {
  shown: { has: (id: string) => known.has(id), add: (id: string) => known.add(id) } as unknown as Stage["shown"],
  language: () => hand.language,
  theme: () => hand.theme,
  tell: (fate: string, id: string, action?: string) => hand.told.push([fate, id, action].filter(Boolean).join(" ")),
  ack: (number: number) => hand.acks.push(number),
  action: (id: string, action: string) => hand.told.push(`action ${id} ${action}`),
  say: (text: string, about: string | null) => {
    hand.said.push(about ? `${about}: ${text}` : text);
    return String(hand.said.length);
  },
  arrived: async () => hand.online,
} as Stage;

class LoudGuard extends Guard {
  override run<T>(fn: () => T): T | undefined {
    return super.run(() => {
      try {
        return fn();
      } catch (error) {
        faults.push(String(error));
        throw error;
      }
    });
  }
}

let seq = 0;
const life = new Lifetime(new LoudGuard());
const ui = startUi(stage, life);
Object.assign(window, { ui: hand });
