// How somebody signs in: password and providers.

import { call } from "../client.js";
import { accountField, field, form, h } from "../dom.js";
import { go } from "../go.js";
import { providers } from "./providers.js";

export const title = "Sign-in";

const linking = (name, me) =>
  confirmed(`Link ${providers[name]}`, name, me, async (confirmation) => {
    const { authorize_url } = await call("POST", `/me/links/${name}`, confirmation);
    location.assign(authorize_url);
  });

const unlinking = (name, me) =>
  confirmed(`Unlink ${providers[name]}`, name, me, async (confirmation) => {
    await call("DELETE", `/me/links/${name}`, confirmation);
    go("/account/methods");
  });

/** A button for `act`. It asks for the password only where the service wants it. */
function confirmed(label, name, me, act) {
  const place = h("div", { class: "act" });
  const onProblem = (problem) => {
    if (problem.code !== "reauthentication_required" || !me.has_password) return false;
    const fields = [accountField(me.email), field("Your password", `${name}-password`, { type: "password", autocomplete: "current-password" })];
    place.replaceChildren(form(fields, label, (values) => act({ password: values[`${name}-password`] })));
    place.querySelector("input:not([hidden])").focus();
    return true;
  };
  place.append(form([], label, () => act({}), { kind: "quiet", onProblem }));
  return place;
}

export async function view() {
  const me = await call("GET", "/me");
  const rows = Object.entries(providers).map(([name, titleOf]) => {
    const isLinked = me.linked_providers.includes(name);
    return h("li", {}, h("div", {}, h("strong", {}, titleOf), h("br"), h("small", {}, isLinked ? "Linked" : "Not linked")), isLinked ? unlinking(name, me) : linking(name, me));
  });
  const password = h(
    "li",
    {},
    h("div", {}, h("strong", {}, "Password"), h("br"), h("small", {}, me.has_password ? "Set" : "None yet")),
    h("a", { href: "/account/password" }, me.has_password ? "Change it" : "Set one"),
  );
  return [h("h1", {}, title), h("p", { class: "soft" }, "A code by mail always works."), h("ul", { class: "rows" }, password, ...rows)];
}
