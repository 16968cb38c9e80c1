// Short messages in the corner that say what happened. The region is in index.html, so that screen readers know it.

import { h } from "../../account/dom.js";
import { problemText } from "./problem.js";

const SHOWN_MS = 7000;

/** Says what happened: toast("Ann is disabled."). With `stay`, it stays until it is dismissed. */
export function toast(text, { stay = false, tone = "good" } = {}) {
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: () => item.remove() }, "×");
  const item = h("div", { class: `toast ${tone}` }, h("p", {}, text), close);
  document.getElementById("toasts").append(item);
  if (stay) return;
  let timer = setTimeout(() => item.remove(), SHOWN_MS);
  item.addEventListener("pointerenter", () => clearTimeout(timer));
  item.addEventListener("pointerleave", () => {
    timer = setTimeout(() => item.remove(), SHOWN_MS);
  });
}

/** Says what went wrong, with the request id, until it is dismissed. */
export function toastProblem(problem) {
  toast(problemText(problem), { stay: true, tone: "bad" });
}
