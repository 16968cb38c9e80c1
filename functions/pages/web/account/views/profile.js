// Who is signed in, and what they pay for.

import { call, signOut } from "../client.js";
import { form, h, time } from "../dom.js";
import { go } from "../go.js";
import { billing } from "./billing.js";
import { returned } from "./providers.js";

export const title = "Profile";

export async function view(state) {
  const [me, paying] = await Promise.all([call("GET", "/me"), billing()]);
  const { notice, problem } = { ...state, ...returned() };
  const facts = [
    ["E-mail address", me.email],
    ["User name", me.username],
    ["Registered", time(me.created_at)],
    ["Id", me.id],
  ];
  return [
    h("h1", {}, me.username),
    notice && h("p", { role: "status" }, notice),
    problem && h("p", { role: "alert" }, problem),
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    form([], "Sign out", async () => {
      await signOut();
      go("/account/sign-in", { email: me.email });
    }, { kind: "quiet" }),
    paying,
  ].filter(Boolean);
}
