// The frame of the pages: the user and "Sign out" in the header, the tabs, and the footer.

import { brand } from "../brand.js";
import { currentUser, signOut } from "../client.js";
import { h, sentence } from "../dom.js";
import { go } from "../go.js";
import { offers } from "../offer.js";
import { announce } from "../panel.js";
import { backAddress } from "../return.js";

const pages = [
  ["/account", "Profile"],
  ["/account/security", "Security"],
  ["/account/billing", "Billing"],
];

/** The links to the three pages; `address` is the one that is shown. */
export function tabs(address) {
  const shown = pages.filter(([href]) => href !== "/account/billing" || offers("billing"));
  const items = shown.map(([href, name]) => h("li", {}, h("a", { href, "aria-current": href === address ? "page" : undefined }, name)));
  return h("nav", { class: "tabs", "aria-label": "Account" }, h("ul", {}, ...items));
}

/** The way back to the product, if it has an address of its own. */
export function backLink() {
  const href = backAddress();
  return href && h("p", { class: "back" }, h("a", { href }, `Back to ${brand.name}`));
}

/** The address of the signed-in user, and the button to sign out. */
export function userMenu() {
  const user = currentUser();
  if (user === null) return [];
  const leave = async () => {
    button.disabled = true;
    try {
      await signOut();
      go("/account/sign-in", { email: user.email, notice: "You're signed out." });
    } catch (problem) {
      button.disabled = false;
      status.textContent = sentence(problem);
      announce(sentence(problem));
    }
  };
  const status = h("span", { class: "error" });
  const button = h("button", { type: "button", class: "quiet", onclick: leave }, "Sign out");
  return [h("span", { class: "user", title: user.email }, user.email), button, status];
}

/** Support, legal links, address and text, as far as the brand has them. */
export function footer() {
  const support = brand.support_email && ["Support", `mailto:${brand.support_email}`];
  const links = [support, brand.terms_url && ["Terms", brand.terms_url], brand.privacy_url && ["Privacy", brand.privacy_url]].filter(Boolean);
  return [
    links.length > 0 && h("ul", {}, ...links.map(([name, href]) => h("li", {}, h("a", { href }, name)))),
    brand.footer && h("p", {}, brand.footer),
    brand.postal_address && h("p", {}, brand.postal_address),
  ].filter(Boolean);
}
