// The providers that the user signs in with.

import { call } from "../client.js";
import { h } from "../dom.js";
import { go } from "../go.js";
import { format } from "../language.js";
import { offers } from "../offer.js";
import { panel } from "../panel.js";
import { protectedButton } from "./confirm.js";
import { mark, providers } from "./providers.js";

function connection(name, me) {
  const title = providers[name];
  if (!me.linked_providers.includes(name)) {
    return protectedButton(format(t.connect, { provider: title }), name, me, async (confirmation) => {
      const { authorize_url } = await call("POST", `/me/links/${name}`, confirmation);
      location.assign(authorize_url);
    });
  }
  return protectedButton(format(t.disconnect, { provider: title }), name, me, async (confirmation) => {
    await call("DELETE", `/me/links/${name}`, confirmation);
    go("/account/methods", { notice: format(t.disconnected, { provider: title }) }, { replace: true });
  });
}

async function load(loadMe) {
  const me = await loadMe();
  const shown = Object.entries(providers).filter(([name]) => offers(name) || me.linked_providers.includes(name));
  const rows = shown.map(([name, title]) => {
    const state = me.linked_providers.includes(name) ? h("span", { class: "badge good" }, t.connected) : h("span", { class: "soft" }, t.not_connected);
    return h("li", {}, h("div", { class: "method" }, mark(name), h("strong", {}, title), state), connection(name, me));
  });
  return [h("ul", { class: "rows" }, ...rows)];
}

export const methodsPanel = (loadMe) => panel("methods", t.sign_in_methods, 2, () => load(loadMe), t.sign_in_methods_text);
