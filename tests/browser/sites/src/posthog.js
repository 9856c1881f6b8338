// The neighbour in the benchmark, set up as its docs say; the data block says where its sink is.
import posthog from "posthog-js";

const { key, ...options } = JSON.parse(document.getElementById("posthog-options").textContent);
posthog.init(key, options);
