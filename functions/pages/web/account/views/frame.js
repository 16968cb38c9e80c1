// The frame of the pages: the user and t.sign_out in the header, the tabs, and the footer.

import { brand } from "../brand.js";
import { call, currentUser, signOut } from "../client.js";
import { h, sentence } from "../dom.js";
import { go } from "../go.js";
import { format, language } from "../language.js";
import { languages } from "../languages.js";
import { offers } from "../offer.js";
import { announce } from "../panel.js";
import { backAddress } from "../return.js";
import { chooseLanguage } from "../storage.js";

const pages = [
  ["/account", t.profile],
  ["/account/security", t.security],
  ["/account/billing", t.billing],
];

/** The links to the three pages; `address` is the one that is shown. */
export function tabs(address) {
  const shown = pages.filter(([href]) => href !== "/account/billing" || offers("billing"));
  const items = shown.map(([href, name]) => h("li", {}, h("a", { href, "aria-current": href === address ? "page" : undefined }, name)));
  return h("nav", { class: "tabs", "aria-label": t.account }, h("ul", {}, ...items));
}

/** The way back to the product, if it has an address of its own. */
export function backLink() {
  const href = backAddress();
  return href && h("p", { class: "back" }, h("a", { href }, format(t.back_to, { product: brand.name })));
}

/** The address of the signed-in user, and the button to sign out. */
export function userMenu() {
  const user = currentUser();
  if (user === null) return [];
  const leave = async () => {
    button.disabled = true;
    try {
      await signOut();
      go("/account/sign-in", { email: user.email, notice: t.signed_out });
    } catch (problem) {
      button.disabled = false;
      status.textContent = sentence(problem);
      announce(sentence(problem));
    }
  };
  const status = h("span", { class: "error" });
  const button = h("button", { type: "button", class: "quiet", onclick: leave }, t.sign_out);
  return [h("span", { class: "user", title: user.email }, user.email), button, status];
}

/** The languages of the pages. The one that is chosen is kept for this browser, and for the account of a signed-in user. */
function languageMenu() {
  const choose = async () => {
    menu.disabled = true;
    try {
      if (currentUser() !== null) await call("PATCH", "/me", { locale: menu.value });
      if (chooseLanguage(menu.value)) location.reload();
    } catch (problem) {
      announce(sentence(problem));
      menu.value = language;
    }
    menu.disabled = false;
  };
  const options = Object.entries(languages).map(([tag, name]) => h("option", { value: tag, lang: tag, selected: tag === language }, name));
  // A reload selects the language of the page, and not what was selected before.
  const menu = h("select", { id: "language", autocomplete: "off", onchange: choose }, ...options);
  return h("p", {}, h("label", { class: "hidden-text", for: "language" }, t.language), menu);
}

/** Support, legal links, address and text, as far as the brand has them, and the languages. */
export function footer() {
  const support = brand.support_email && [t.support, `mailto:${brand.support_email}`];
  const links = [support, brand.terms_url && [t.terms, brand.terms_url], brand.privacy_url && [t.privacy, brand.privacy_url]].filter(Boolean);
  return [
    links.length > 0 && h("ul", {}, ...links.map(([name, href]) => h("li", {}, h("a", { href }, name)))),
    brand.footer && h("p", {}, brand.footer),
    brand.postal_address && h("p", {}, brand.postal_address),
    Object.keys(languages).length > 1 && languageMenu(),
  ].filter(Boolean);
}
