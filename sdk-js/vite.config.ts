// For the unit tests. scripts/build.mjs builds.
import { defineConfig } from "vitest/config";

export default defineConfig({
  define: {
    __VERSION__: JSON.stringify("0.0.0-test"),
    __CHUNKS__: JSON.stringify({ live: "sha256-live", ui: "sha256-ui", health: "sha256-health" }),
    __DELIVERY__: JSON.stringify("sha256-delivery"),
  },
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.ts", "test/**/*.test.tsx"],
    restoreMocks: true,
    silent: "passed-only",
  },
});
