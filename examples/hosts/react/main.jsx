// A React app with Handrail: `npm install onboarding-agent-sdk`.
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useHandrail, useHandrailEvent } from "onboarding-agent-sdk/react";

/** From your own server, which signs it: see examples/identity. */
const token = () => fetch("/handrail-token").then((answer) => answer.text());

function App() {
  const [user, setUser] = useState(null);
  const [asked, setAsked] = useState(false);
  // Without a user the visitor is anonymous; what was seen until then is joined when a user comes.
  const handrail = useHandrail({
    key: import.meta.env.VITE_HANDRAIL_KEY,
    endpoint: import.meta.env.VITE_HANDRAIL_URL,
    ...(user && { userId: user.id, token }),
  });
  // A nudge's button of kind `event`: here it opens the tour.
  useHandrailEvent("action", ({ action_id }) => setAsked(action_id === "tour"));

  return (
    <main>
      <h1>{user ? `Hello ${user.id}` : "Hello"}</h1>
      {user ? (
        <button type="button" onClick={() => setUser(null)}>Sign out</button>
      ) : (
        <button type="button" onClick={() => setUser({ id: "u-1" })}>Sign in</button>
      )}
      <button type="button" onClick={() => handrail.track("exported", { format: "csv" })}>Export</button>
      {asked && <p>The tour begins.</p>}
    </main>
  );
}

createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>);
