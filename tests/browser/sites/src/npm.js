// A page that installed the package: options come from a data block of the page. Under zone.js the host starts it
// inside its own zone, as a component would.
import { init } from "onboarding-agent-sdk";

const options = JSON.parse(document.getElementById("handrail-options").textContent);
(window.hostZone ?? { run: (start) => start() }).run(() => init(options));
