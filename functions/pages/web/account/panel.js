// A section of a page that loads on its own: skeleton, content, or an error with "Try again".

import { h, sentence } from "./dom.js";

/** Announces a text to screen readers. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

export function skeleton(lines) {
  const bars = Array.from({ length: lines }, () => h("span", { class: "bar" }));
  return h("div", { class: "skeleton", role: "img", "aria-label": t.loading }, ...bars);
}

/** An error with a button that tries again. */
export function failure(problem, retry) {
  const button = h("button", { type: "button", class: "quiet", onclick: retry }, t.try_again);
  return h("div", { class: "failure" }, h("p", { role: "alert" }, sentence(problem)), button);
}

/**
 * Fills `place` with what `load` returns. While it loads, `place` shows a skeleton; if it fails, an error. After a retry
 * the focus goes to the content, since the button that had it is gone.
 */
export async function fill(place, lines, load, { isRetry = false } = {}) {
  place.setAttribute("aria-busy", "true");
  place.replaceChildren(skeleton(lines));
  const retry = () => fill(place, lines, load, { isRetry: true });
  let children;
  try {
    children = (await load()).filter(Boolean);
  } catch (problem) {
    children = [failure(problem, retry)];
    // A connection that is back is used at once.
    if (problem.code === "offline") addEventListener("online", () => place.isConnected && place.querySelector(".failure") && retry(), { once: true });
  }
  place.removeAttribute("aria-busy");
  place.replaceChildren(...children);
  if (!isRetry || document.activeElement !== document.body) return;
  place.tabIndex = -1;
  place.focus();
}

/** A section with a heading, an optional introduction, and content that loads on its own. */
export function panel(id, title, lines, load, introduction) {
  const heading = h("h2", { id, tabindex: "-1" }, title);
  const place = h("div", {});
  fill(place, lines, load);
  return h("section", { class: "panel", "aria-labelledby": id }, heading, introduction && h("p", { class: "soft" }, introduction), place);
}
