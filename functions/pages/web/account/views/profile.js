// Who is signed in.

import { call, signOut } from "../client.js";
import { form, h, time } from "../dom.js";
import { go } from "../go.js";

export const title = "Profile";

export async function view() {
  const me = await call("GET", "/me");
  const facts = [
    ["E-mail address", me.email],
    ["User name", me.username],
    ["Registered", time(me.created_at)],
    ["Id", me.id],
  ];
  return [
    h("h1", {}, me.username),
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    form([], "Sign out", async () => {
      await signOut();
      go("/account/sign-in", { email: me.email });
    }, { kind: "quiet" }),
  ];
}
