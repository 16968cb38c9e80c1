// How somebody signs in: password and providers.

import { call } from "../client.js";
import { field, form, h } from "../dom.js";
import { go } from "../go.js";
import { providers } from "./providers.js";

export const title = "Sign-in";

/** The form that links a provider. It asks for the password only where the service wants it. */
function linking(name, hasPassword) {
  const place = h("div", { class: "act" });
  const link = async (password) => {
    const { authorize_url } = await call("POST", `/me/links/${name}`, password === undefined ? {} : { password });
    location.assign(authorize_url);
  };
  const onProblem = (problem) => {
    if (problem.code !== "reauthentication_required" || !hasPassword) return false;
    const fields = [field("Your password", `${name}-password`, { type: "password", autocomplete: "current-password" })];
    place.replaceChildren(form(fields, `Link ${providers[name]}`, (values) => link(values[`${name}-password`])));
    place.querySelector("input").focus();
    return true;
  };
  place.append(form([], `Link ${providers[name]}`, () => link(), { kind: "quiet", onProblem }));
  return place;
}

export async function view() {
  const me = await call("GET", "/me");
  const unlink = (name) =>
    form(
      [],
      "Take it away",
      async () => {
        await call("DELETE", `/me/links/${name}`);
        go("/account/methods");
      },
      { kind: "quiet" },
    );
  const rows = Object.entries(providers).map(([name, titleOf]) => {
    const isLinked = me.linked_providers.includes(name);
    return h("li", {}, h("div", {}, h("strong", {}, titleOf), h("br"), h("small", {}, isLinked ? "Linked" : "Not linked")), isLinked ? unlink(name) : linking(name, me.has_password));
  });
  const password = h(
    "li",
    {},
    h("div", {}, h("strong", {}, "Password"), h("br"), h("small", {}, me.has_password ? "Set" : "None yet")),
    h("a", { href: "/account/password" }, me.has_password ? "Change it" : "Set one"),
  );
  return [h("h1", {}, title), h("p", { class: "soft" }, "A code by mail always works."), h("ul", { class: "rows" }, password, ...rows)];
}
