// A Vue app with Handrail: `npm install onboarding-agent-sdk`. With single-file components the calls of `setup` are the same.
import { createApp, h, ref } from "vue";
import { useHandrail, useHandrailEvent } from "./handrail.js";

const App = {
  setup() {
    const user = ref(null);
    const asked = ref(false);
    const handrail = useHandrail(user);
    useHandrailEvent("action", ({ action_id }) => {
      asked.value = action_id === "tour";
    });
    const button = (text, onClick) => h("button", { type: "button", onClick }, text);
    return () =>
      h("main", [
        h("h1", user.value ? `Hello ${user.value.id}` : "Hello"),
        user.value
          ? button("Sign out", () => { user.value = null; })
          : button("Sign in", () => { user.value = { id: "u-1" }; }),
        button("Export", () => handrail.track("exported", { format: "csv" })),
        asked.value ? h("p", "The tour begins.") : null,
      ]);
  },
};

createApp(App).mount("#root");
