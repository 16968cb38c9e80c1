// The address to return to: that of `?return_to=`, which the service has checked, otherwise the product. The
// same answer says what the service offers.

import { setOffer } from "./offer.js";
import { browserStorage, tabStorage } from "./storage.js";
import { offline } from "./tollgate.js";

const NAME = "return-to";
const REGISTRATION = "registration-return";
const REGISTRATION_MS = 24 * 60 * 60_000;

let frontEnd = null;

/** The checked address of this tab, or null. */
export const returnAddress = () => tabStorage.get(NAME);

/** The address of "Back to …", or null. */
export const backAddress = () => returnAddress() ?? frontEnd;

async function ask(search) {
  const response = await fetch(`/account/product.json${search}`).catch(() => null);
  if (!response?.ok) throw offline();
  return response.json();
}

/** Reads the product's address, and has `?return_to=` checked. It is removed from the address; true if it is allowed. */
export async function readReturn() {
  const query = new URLSearchParams(location.search);
  const requested = query.get("return_to");
  const product = await ask(requested === null ? "" : `?${new URLSearchParams({ return_to: requested })}`);
  frontEnd = product.front_end;
  setOffer(product.offer);
  if (requested === null) return false;
  query.delete("return_to");
  history.replaceState(history.state, "", location.pathname + (query.size > 0 ? `?${query}` : ""));
  if (product.return_to === null) {
    console.warn("return_to is not an address of an allowed origin: it has no effect");
    return false;
  }
  tabStorage.set(NAME, product.return_to);
  return true;
}

/** Reads what the service offers, for pages that lead nowhere back. If it does not answer, everything is offered. */
export const readOffer = () => ask("").then(({ offer }) => setOffer(offer)).catch(() => {});

/** The mailed link of a registration may open another tab, which needs the address too. */
export function keepForVerification() {
  if (returnAddress() !== null) browserStorage.set(REGISTRATION, JSON.stringify({ address: returnAddress(), until: Date.now() + REGISTRATION_MS }));
}

/** The address of a registration in another tab. It is returned once. */
export function takeAfterVerification() {
  const { address = null, until = 0 } = JSON.parse(browserStorage.get(REGISTRATION) ?? "{}");
  browserStorage.remove(REGISTRATION);
  return Date.now() < until ? address : null;
}
