// Fetches what looks for elements, in the share of visits that does.

import { debug } from "../guard";
import type { Lifetime } from "../lifetime";
import { isSampled } from "../rules";
import type { Health, LoadHealth, Sights } from "./border";

export function openHealth(sights: Sights, life: Lifetime, load: LoadHealth): Health {
  let health: Health | null = null;
  let asked = false;
  const viewed = () => {
    const { targets, target_share } = sights.config();
    if (health) health.viewed();
    else if (!asked && targets?.[0] && isSampled(sights.visit(), target_share)) {
      asked = true;
      load().then(
        life.guard.wrap((module) => {
          if (life.ended) return;
          health = module.startHealth(sights, life);
          health.viewed();
        }),
        // Other pages of the visit may look.
        (error) => debug("what looks for elements could not be loaded", error),
      );
    }
  };
  viewed();
  return { viewed };
}
