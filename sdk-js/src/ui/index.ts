// What shows nudges: fetched when the first one comes.

import type { Lifetime } from "../lifetime";
import type { Stage, Ui } from "../nudges/stage";
import { Presenter } from "./presenter";

export function startUi(stage: Stage, life: Lifetime): Ui {
  return new Presenter(stage, life);
}
