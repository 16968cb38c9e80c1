// Signing in by a mailed code.

import { call, signInByCode } from "../client.js";
import { codeField, codeOf, field, form, h } from "../dom.js";
import { go, goOn } from "../go.js";

export const title = "Sign in by a code";

export function view({ email, notice }) {
  const back = h("p", { class: "links" }, h("a", { href: "/account/sign-in" }, "Sign in by password"));
  if (!notice) {
    return [
      h("h1", {}, title),
      h("p", {}, "We mail you six digits. They are good for 15 minutes."),
      form([field("E-mail address", "email", { type: "email", autocomplete: "username", value: email ?? "" })], "Mail me a code", async (fields) => {
        const { message } = await call("POST", "/request/login-code", { email: fields.email });
        go("/account/code", { email: fields.email, notice: message });
      }),
      back,
    ];
  }
  const status = h("p", { role: "status" }, notice);
  return [
    h("h1", {}, title),
    status,
    form(
      [codeField()],
      "Sign in",
      async ({ code }) => {
        await signInByCode(email, codeOf(code));
        goOn();
      },
    ),
    form(
      [],
      "Mail me another code",
      async () => {
        status.textContent = (await call("POST", "/request/login-code", { email })).message;
      },
      { kind: "quiet" },
    ),
    back,
  ];
}
