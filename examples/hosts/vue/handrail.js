// Handrail for Vue: `useHandrail(user)` in the root component; `user` is a ref that is null for visitors.
import { handrail } from "onboarding-agent-sdk";
import { onScopeDispose, watch } from "vue";

/** From your own server, which signs it: see examples/identity. */
const token = () => fetch("/handrail-token").then((answer) => answer.text());

export function useHandrail(user) {
  handrail.init({
    key: import.meta.env.VITE_HANDRAIL_KEY,
    endpoint: import.meta.env.VITE_HANDRAIL_URL,
    ...(user.value && { userId: user.value.id, token }),
  });
  watch(user, (now, before) => {
    if (now) handrail.identify(now.id, { token });
    else if (before) handrail.reset();
  });
  return handrail;
}

export function useHandrailEvent(event, fn) {
  onScopeDispose(handrail.on(event, fn));
}
