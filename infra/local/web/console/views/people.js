// The accounts at the fake Google and GitHub, which their consent pages offer.

import { h } from "/account/dom.js";
import { badge, pageHead } from "/dashboard/ui/parts.js";
import { itemsOf, send } from "../api.js";
import { choice, inlineForm, input } from "../forms.js";
import { nothing, panel, table } from "../parts.js";

export const title = "People";

const providers = [["google", "Google"], ["github", "GitHub"]];
/** The flaws that an ID token of the fake Google can have. */
const flaws = ["wrong_signature", "wrong_iss", "wrong_aud", "expired", "wrong_nonce", "alg_none"];

function addresses({ email, emails }) {
  if (!emails) return h("span", { dir: "auto" }, email);
  return emails.map((one) => h("div", {}, one.email, one.primary ? " (primary)" : "", one.verified ? "" : " (not verified)"));
}

const columns = [
  ["E-mail address", addresses, "main"],
  ["Verified", ({ email_verified }) => (email_verified ? badge("Verified", "good") : badge("Not verified", "warn"))],
  ["User name", ({ username }) => username ?? h("span", { class: "soft" }, "–")],
  ["Subject", ({ subject }) => h("code", {}, subject)],
  ["ID token", ({ id_token }) => (id_token ? badge(id_token, "bad") : h("span", { class: "soft" }, "valid"))],
];

function addForm(provider, name) {
  const fields = [
    input("E-mail address", "email", { type: "email", required: true, wide: true }),
    choice("The provider verified it", "email_verified", [["true", "Yes"], ["false", "No"]]),
    input("User name (optional)", "username"),
  ];
  if (provider === "google") fields.push(choice("ID token", "id_token", [["", "valid"], ...flaws.map((flaw) => [flaw, flaw])]));
  const add = (values) => send(`${provider}/accounts`, { ...values, email_verified: values.email_verified === "true" });
  return inlineForm(fields, "Add account", add, ({ email }) => `${email} has an account at ${name} now.`);
}

async function section([provider, name]) {
  const items = (await itemsOf(`${provider}/accounts`)) ?? [];
  const shown = provider === "google" ? columns : columns.slice(0, -1);
  const list = items.length > 0 ? table(`Accounts at ${name}`, shown, items) : nothing(`No account at ${name} yet`, `Add one below, or press “Continue with ${name}” on the sign-in page and enter any address.`);
  return panel(name, list, h("p", {}), addForm(provider, name));
}

export async function view() {
  const sections = await Promise.all(providers.map(section));
  return [pageHead(title, { text: "Accounts at the fake Google and GitHub. Their consent pages offer these accounts when someone signs in." }), ...sections];
}
