// The language of the page: texts with values, plural forms, and how the language writes numbers.
//
// A script names a text of `languages/LANG/pages.json` as `t.` and its name. The build writes the text itself in place
// of that, for each language into a script of its own.

/** The language of this document. */
export const language = document.documentElement.lang;

/** The same as the browser has it, with its region: dates and amounts are written in it. */
export const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;

const rules = new Intl.PluralRules(locale);

/** What a text consists of: `{name}` is the value of that name, which may be an element. */
export function parts(text, values) {
  return text.split(/\{(\w+)\}/).map((part, at) => (at % 2 === 1 ? values[part] : part)).filter((part) => part !== "");
}

export const format = (text, values) => parts(text, values).join("");

/** The form of a text that the language has for this number, which is its `{count}`. */
export const plural = (forms, count) => format(forms[rules.select(count)] ?? forms.other, { count: count.toLocaleString(locale) });
