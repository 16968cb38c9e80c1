// What the pages remember in this browser. The storage may be blocked: then the pages remember nothing, and work.

const PREFIX = "tollgate.";

function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

/** Shared by all tabs, kept after the browser is closed. */
export const browserStorage = {
  get: (name) => attempt(() => localStorage.getItem(PREFIX + name)),
  set: (name, value) => attempt(() => localStorage.setItem(PREFIX + name, value)),
  remove: (name) => attempt(() => localStorage.removeItem(PREFIX + name)),
};

/** This tab only. */
export const tabStorage = {
  get: (name) => attempt(() => sessionStorage.getItem(PREFIX + name)),
  set: (name, value) => attempt(() => sessionStorage.setItem(PREFIX + name, value)),
  remove: (name) => attempt(() => sessionStorage.removeItem(PREFIX + name)),
};
