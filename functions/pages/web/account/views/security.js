// Security: password, sign-in methods, sessions. Each section loads on its own; passkeys and a second factor are further
// sections between the sign-in methods and the sessions.

import { call } from "../client.js";
import { h } from "../dom.js";
import { offers } from "../offer.js";
import { methodsPanel } from "./methods.js";
import { passwordPanel } from "./password.js";
import { providerResult } from "./providers.js";
import { sessionsPanel } from "./sessions.js";

export const title = t.security;
export const address = "/account/security";

/** The sections, with the address that leads to each. */
const sections = [
  ["/account/password", passwordPanel],
  ["/account/methods", methodsPanel],
  ["/account/sessions", sessionsPanel],
];

/** The user, requested once for all sections. A failed request is repeated. */
function sharedUser() {
  let request = null;
  return () => {
    request ??= call("GET", "/me").catch((problem) => {
      request = null;
      throw problem;
    });
    return request;
  };
}

export function view(state) {
  const { notice, problem } = { ...state, ...providerResult() };
  const loadMe = sharedUser();
  const shown = sections.filter(([path]) => path !== "/account/password" || offers("passwords"));
  const panels = shown.map(([path, create]) => {
    const element = create(loadMe, state.path === path);
    element.dataset.path = path;
    return element;
  });
  return [h("h1", { tabindex: "-1" }, title), notice && h("p", { role: "status" }, notice), problem && h("p", { role: "alert" }, problem), ...panels];
}
