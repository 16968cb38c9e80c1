// The pages' storage in this browser. If it is blocked, they use memory until the page is left.

const PREFIX = "tollgate.";

function area(open) {
  const memory = new Map();
  const use = (action, fallback) => {
    try {
      return action(open());
    } catch {
      return fallback();
    }
  };
  return {
    isAvailable: () => use((storage) => Boolean(storage), () => false),
    get: (name) => use((storage) => storage.getItem(PREFIX + name), () => memory.get(name) ?? null),
    set: (name, value) => use((storage) => storage.setItem(PREFIX + name, value), () => memory.set(name, String(value))),
    remove: (name) => use((storage) => storage.removeItem(PREFIX + name), () => memory.delete(name)),
  };
}

/** Shared by all tabs, kept after the browser is closed. */
export const browserStorage = area(() => localStorage);

/** This tab only. */
export const tabStorage = area(() => sessionStorage);

const YEAR_SECONDS = 31_536_000;

/** The language that was chosen in this browser, or null. */
export const chosenLanguage = () => /(?:^|; )language=([\w-]+)/.exec(document.cookie)?.[1] ?? null;

/** Keeps the language in a cookie, by which the service selects the page; false if the browser blocks cookies. */
export function chooseLanguage(language) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `language=${language}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
  return chosenLanguage() === language;
}
