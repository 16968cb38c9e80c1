// Going to another view: the address names it, and whoever shows views listens for the change.

/** `state` is what the view should know, such as an address that was just typed. */
export function go(path, state) {
  history.pushState(state ?? null, "", path);
  dispatchEvent(new PopStateEvent("popstate", { state }));
}
