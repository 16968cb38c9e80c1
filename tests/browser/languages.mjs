// The account pages in each language but English, on a phone: every page, no overflow, nothing left in English, an error
// message; and how the language is chosen.

import { readFile, readdir } from "node:fs/promises";
import { PASSWORD, WAIT, base, browser, contract, mail, parsed, person, shots } from "./kit.mjs";

const folder = new URL("../../languages/", import.meta.url);
const textsOf = async (language) => JSON.parse(await readFile(new URL(`${language}/pages.json`, folder), "utf8"));
const english = await textsOf("en");
const languages = (await readdir(folder)).filter((name) => name !== "en");
const phone = (language) => ({ name: language, width: 390, height: 844, scheme: "light" });
/** What is left in English, with its page. */
const untranslated = new Set();
/** What is the same in each language: the names and descriptions of the plans, names of products, data of the account. */
const plans = (await contract("/billing/plans")).items.flatMap(({ name, description }) => [name, description]);
const DATA = [/Tollgate|Google|GitHub|JavaScript|JSON|\bIP\b|\bID\b|HeadlessChrome|Chrome \(headless\)( \d+)?|Linux|Chrome( \d+)?/g, /\b(Free|Pro|Team)\b/g, /\S+@\S+|usr_\w+|ann-\w+/g];

function expect(what, found, wanted) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

const fill = (text, values = {}) => text.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]);
const forms = (text) => (typeof text === "string" ? [text] : Object.values(text));

/** The words of English that a page must not show: those of the texts that the language has otherwise. */
function englishWords(texts) {
  const changed = Object.keys(english).filter((name) => JSON.stringify(english[name]) !== JSON.stringify(texts[name]));
  const own = new Set(Object.values(texts).flatMap(forms));
  const parts = changed.flatMap((name) => forms(english[name]).flatMap((text) => text.split(/\{\w+\}/)));
  const whole = new Set(parts.map((part) => part.trim()).filter((part) => part.length > 2 && !own.has(part)));
  return { whole, sentences: [...whole].filter((part) => part.length > 12 && part.includes(" ")) };
}

/** Everything that a person reads or hears. Runs in the page. */
function shownTexts() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, (node) => (node.parentElement.closest("script, noscript, .features, .bill dt:not(.total), code, #language") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
  const found = [document.title];
  while (walker.nextNode()) found.push(walker.currentNode.textContent);
  for (const name of ["aria-label", "title", "alt", "placeholder", "label"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) if (!element.matches(".device strong")) found.push(element.getAttribute(name));
  }
  return found.map((text) => text.trim()).filter(Boolean);
}

/** A person whose browser asks for `language`. `reads` waits for a text, and checks the page. */
async function reader(language, texts) {
  const self = await person(phone(language));
  await self.page.setExtraHTTPHeaders({ "accept-language": language });
  const words = englishWords(texts);
  const visited = new Set();
  async function reads(name, values) {
    const text = fill(texts[name], values);
    await self.page.waitForFunction((wanted) => document.body.innerText.includes(wanted), WAIT, text).catch(async () => {
      throw new Error(`"${text}" is missing at ${self.page.url()}:\n${await self.page.evaluate(() => document.body.innerText)}`);
    });
    const path = new URL(self.page.url()).pathname;
    // The English walk checks each state of a page by axe-core: here once is enough.
    if (!visited.has(path)) await self.sees(text, shots && `${language}${path.replaceAll("/", "-")}`);
    visited.add(path);
    const overflow = await self.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(`${path} in ${language} is wider than the screen by`, Math.max(overflow, 0), 0);
    expect("the language of the page", await self.page.$eval("html", (html) => html.lang), language);
    const shown = (await self.page.evaluate(shownTexts)).filter((text) => !plans.includes(text));
    const left = shown.filter((text) => words.whole.has(text) || words.sentences.some((sentence) => text.includes(sentence)));
    // In Japanese, any two words in Latin letters would be English.
    if (language === "ja") left.push(...shown.filter((text) => /[A-Za-z]{3,}/.test(DATA.reduce((rest, data) => rest.replaceAll(data, ""), text))));
    for (const text of left) untranslated.add(`${language} ${new URL(self.page.url()).pathname}: ${text}`);
  }
  const press = (name, values) => self.press(fill(texts[name], values));
  // The English walk types. Here the values are enough.
  const enter = (fields) => self.page.evaluate((values) => Object.entries(values).forEach(([name, value]) => (document.querySelector(`[name="${name}"]`).value = value)), fields);
  return { ...self, reads, press, enter, visited, texts };
}

/** Each language has each plural form that its numbers need. A large number, "many", may be rare enough to lack one. */
async function pluralForms(language, texts) {
  const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  for (const [name, text] of Object.entries(texts).filter(([, value]) => typeof value !== "string")) {
    const missing = needed.filter((form) => !(form in text));
    if (missing.length > 0) throw new Error(`languages/${language}/pages.json: ${name} lacks the plural forms ${missing}`);
  }
}

/** The pages that need no session, and their errors. */
async function signedOut(language, texts) {
  const ann = await reader(language, texts);
  await ann.goto("/account/sign-in");
  await ann.reads("sign_in_to", { product: "Tollgate" });
  await ann.press("sign_in");
  await ann.reads("required");
  await ann.enter({ email: "nobody@example.com", password: "not the password" });
  await ann.press("sign_in");
  await ann.reads("problem_credentials");
  for (const [path, name] of [
    ["/account/code", "code_text"],
    ["/account/forgot", "reset_text"],
    ["/account/verify", "verify_text"],
    ["/account/nonsense", "not_found_text"],
    ["/verify?token=x", "link_verify_unknown"],
    ["/new-password?token=x", "link_set_password_title"],
  ]) {
    await ann.goto(path);
    await ann.reads(name);
  }
  await ann.enter({ password: "long enough to be sent" });
  await ann.press("link_set_password");
  await ann.reads("link_problem_token");
  await ann.goto("/account/sign-in?error=oauth_denied");
  await ann.reads("oauth_denied");
  for (const [status, body, name] of [
    [429, { code: "rate_limited", detail: "English" }, "problem_rate_limited"],
    [500, { code: "internal", detail: "English" }, "problem_unknown"],
    [418, { code: "new_code", detail: "English" }, "problem_unknown"],
  ]) {
    await ann.answers("/login", status, body);
    await ann.enter({ email: "nobody@example.com", password: PASSWORD });
    await ann.press("sign_in");
    await ann.reads(name);
  }
  return ann;
}

/** From the registration to a signed-in user. */
async function registration(ann, language) {
  const email = `ann.${language}@example.com`;
  await ann.goto("/account/register");
  await ann.reads("password_hint");
  await ann.enter({ email: "ann", username: "a", password: "short" });
  await ann.press("create_account");
  await ann.reads("email_invalid");
  await ann.reads("username_invalid");
  await ann.reads("password_short");
  await ann.enter({ email, username: `ann-${language}`, password: "password" });
  await ann.press("create_account");
  await ann.reads("problem_weak_password");
  await ann.enter({ password: PASSWORD });
  await ann.press("create_account");
  await ann.reads("verify_sent", { email });
  await ann.enter({ code: "000000" });
  await ann.press("verify");
  await ann.reads("problem_code");
  await ann.enter({ code: (await mail(email, "verify")).code });
  await ann.press("verify");
  await ann.reads("verified_signed_in");
  return email;
}

/** Each page of a signed-in user. */
async function signedIn(ann) {
  for (const [path, name] of [
    ["/account", "download_text"],
    ["/account/email", "new_email_text"],
    ["/account/security", "sessions_text"],
    ["/account/password", "current_password"],
    ["/account/methods", "not_connected"],
    ["/account/sessions", "this_session"],
    ["/account/billing", "no_invoices"],
    ["/account/close", "close_sign_out"],
    ["/account/delete", "delete_data"],
  ]) {
    await ann.goto(path);
    await ann.reads(name);
  }
  await ann.goto("/account/password");
  await ann.reads("current_password");
  await ann.enter({ old_password: "not the password", new_password: "another horse staple" });
  await ann.press("change_password");
  await ann.reads("problem_wrong_password");
}

/** A subscription in each of its states, with dates and amounts as the language writes them. */
async function billing(ann, language, email) {
  const intl = (text) => new Date(text).toLocaleDateString(language, { dateStyle: "medium", timeZone });
  const timeZone = await ann.page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
  const money = (amount) => new Intl.NumberFormat(language, { style: "currency", currency: "usd" }).format(amount);
  await ann.goto("/account/billing");
  await ann.press("subscribe_to", { plan: "Pro" });
  await ann.fill({ card: "4242424242424242" });
  await ann.submit();
  await ann.reads("paid");
  const { access_token: token } = await contract("/login", { email, password: PASSWORD });
  const [subscription, payments] = await Promise.all(["/billing/subscriptions/me", "/billing/payments/me"].map((path) => contract(path, undefined, token)));
  const date = intl(subscription.current_period_end);
  await ann.reads("renews_on", { date });
  await ann.reads("price_month", { amount: money(19) });
  await ann.press("change_to", { plan: "Team" });
  await ann.reads("change_now", { price: fill(ann.texts.price_month, { amount: money(49) }) });
  await ann.press("cancel");
  await ann.press("cancel_subscription");
  await ann.reads("cancel_ends", { plan: "Pro", date });
  await ann.press("cancel_at_end");
  await ann.reads("will_cancel");
  await ann.reads("ends_on_no_renewal", { date });
  await ann.press("undo_cancel");
  await ann.reads("will_renew");
  const states = {
    unpaid: ["no_access", { access_until: null, has_access: false }],
    paused: ["trial_paused", { access_until: null, has_access: false }],
    past_due: ["access_ended", { access_until: subscription.started_at, has_access: false }, { date: intl(subscription.started_at) }],
    trialing: ["debit_processing", { discount: { percent_off: 25, amount_off_cents: null, ends_at: subscription.current_period_end }, quantity: 3, interval_count: 3, payment_processing: true, collection_paused: true }],
  };
  for (const [status, [name, facts, values]] of Object.entries(states)) {
    await ann.answers("/billing/subscriptions/me", 200, { ...subscription, status, ...facts });
    await ann.page.reload();
    await ann.reads(name, values);
  }
  const [payment] = payments.items;
  const items = ["refunded", "failed", "processing", "disputed"].map((status) => ({ ...payment, status, description: null, refunded_cents: status === "refunded" ? 1900 : 0 }));
  await ann.answers("/billing/payments/me", 200, { items: [...items, { ...payment, refunded_cents: 500 }], next_cursor: null });
  await ann.page.reload();
  await ann.reads("amount_refunded", { amount: money(5) });
  for (const name of ["refunded", "failed", "processing", "disputed", "partially_refunded"]) await ann.reads(name);
}

/** The language of the account counts first, then the chosen one, then that of the browser. */
async function choice() {
  const [de, fr, ja] = await Promise.all(["de", "fr", "ja"].map(textsOf));
  const bob = await person(phone("choice"));
  const language = () => bob.page.$eval("html", (html) => html.lang);
  const choose = async (wanted, text) => {
    await Promise.all([bob.page.waitForNavigation(), bob.page.select("#language", wanted)]);
    await bob.sees(text);
    expect("the chosen language", await language(), wanted);
  };
  await bob.page.setExtraHTTPHeaders({ "accept-language": "de-CH, en;q=0.5" });
  await bob.goto("/account/sign-in");
  await bob.sees(fill(de.sign_in_to, { product: "Tollgate" }), "language-of-browser");
  await choose("ja", fill(ja.sign_in_to, { product: "Tollgate" }));
  await bob.page.reload();
  await bob.sees(ja.forgot_link);
  // The account was registered in French: its pages are French, also in this browser.
  const email = "bob@languages.example";
  const headers = { "content-type": "application/json", "accept-language": "fr" };
  await parsed("/register", await fetch(`${base}/register`, { method: "POST", headers, body: JSON.stringify({ email, username: "bob-fr", password: PASSWORD }) }));
  await contract("/verify", { email, code: (await mail(email, "verify")).code });
  await bob.goto("/account/security");
  await bob.fill({ email, password: PASSWORD });
  await bob.press(ja.sign_in);
  await bob.sees(fr.sessions_text, "language-of-account");
  expect("the page after the sign-in", [await language(), new URL(bob.page.url()).pathname], ["fr", "/account/security"]);
  // A signed-in user chooses for the account, and so for its mails and other browsers.
  await choose("en", english.sessions_text);
  const { access_token: token } = await contract("/login", { email, password: PASSWORD });
  expect("the language of the account", (await contract("/me", undefined, token)).locale, "en");
  await bob.press("Sign out");
  await bob.sees("You're signed out.");
  await choose("de", de.forgot_link);
  await bob.close();
}

const main = await readFile(new URL("../../functions/pages/web/account/main.js", import.meta.url), "utf8");
const paths = [...main.matchAll(/"(\/account[^"]*)": /g)].map(([, path]) => path);
for (const language of languages) {
  const begin = Date.now();
  const texts = await textsOf(language);
  await pluralForms(language, texts);
  const ann = await signedOut(language, texts);
  const email = await registration(ann, language);
  await signedIn(ann);
  await billing(ann, language, email);
  const missing = paths.filter((path) => !ann.visited.has(path));
  if (missing.length > 0) throw new Error(`not visited in ${language}: ${missing}`);
  await ann.close();
  console.log(`${language}: complete in ${Math.round((Date.now() - begin) / 1000)} s`);
}
await choice();
await browser.close();
if (untranslated.size > 0) throw new Error(`English is left:\n${[...untranslated].join("\n")}`);
console.log(`all pages in ${languages.length} languages: nothing is left in English, nothing is too wide`);
