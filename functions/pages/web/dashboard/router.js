// The address: it names the page, and it holds the state of its filters.

/** Goes to another page of the dashboard. `main.js` listens for the change and shows it. */
export function go(path) {
  history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate", { state: null }));
}

/** The query of the address, as URLSearchParams. */
export function query() {
  return new URLSearchParams(location.search);
}

/**
 * Changes the query of the address without loading or showing anything anew: sets the parameters of `values`, removes
 * those that are "", null or undefined, keeps all others. `replace` writes no entry of the history (text being typed).
 */
export function setQuery(values, { replace = false } = {}) {
  const changed = query();
  for (const [name, value] of Object.entries(values)) {
    if (value === "" || value === null || value === undefined) changed.delete(name);
    else changed.set(name, value);
  }
  const text = changed.toString();
  const path = text ? `${location.pathname}?${text}` : location.pathname;
  if (path === location.pathname + location.search) return;
  if (replace) history.replaceState(history.state, "", path);
  else history.pushState(null, "", path);
}
