// The completions at the caret in a statement. This module uses no elements.

const FUNCTIONS =
  "count sum avg min max total group_concat string_agg row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value abs round coalesce ifnull nullif iif lower upper length substr instr replace trim ltrim rtrim sign ceil floor printf format typeof json_extract date time datetime strftime julianday unixepoch timediff".split(" ");
const KEYWORDS =
  "select from where group by order having limit join left on and or not in is null like between case when then else end as with distinct desc asc over partition union all exists using offset".split(" ");
const MAX = 8;

/** The views that the statement reads, by their name or alias. */
function sources(text, views) {
  const found = new Map();
  for (const [, name, alias] of text.matchAll(/\b(?:from|join)\s+([a-z_]\w*)(?:\s+(?:as\s+)?([a-z_]\w*))?/gi)) {
    const view = views.find((one) => one.name === name.toLowerCase());
    if (!view) continue;
    found.set(view.name, view);
    if (alias && !KEYWORDS.includes(alias.toLowerCase())) found.set(alias.toLowerCase(), view);
  }
  return found;
}

/** Whether the caret is in a text or a comment, where nothing is completed. */
function isInText(before) {
  const code = before.replace(/--[^\n]*\n|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, " ");
  return /'|--|\/\*/.test(code);
}

const column = ({ name, type, description }) => ({ text: name, kind: "column", more: description ?? type });

/**
 * `{ start, items }`: what replaces the text from `start` to `caret`, as { text, kind, more }. `views` are those of
 * GET /admin/reports/schema.
 */
export function completions(text, caret, views) {
  const before = text.slice(0, caret);
  const none = { start: caret, items: [] };
  if (/^\w/.test(text.slice(caret)) || isInText(before)) return none;
  const [, qualifier, word] = before.match(/(?:([A-Za-z_]\w*)\s*\.\s*)?([A-Za-z_]\w*)?$/) ?? [];
  if (!word && !qualifier) return none;
  const typed = (word ?? "").toLowerCase();
  const used = sources(text, views);
  let all;
  if (qualifier) all = (used.get(qualifier.toLowerCase())?.columns ?? []).map(column);
  else {
    const tables = views.map(({ name, description }) => ({ text: name, kind: "table", more: description }));
    const named = [...text.matchAll(/\b([a-z_]\w*)\s+as\s*\(/gi)].map(([, name]) => ({ text: name, kind: "query", more: "with …" }));
    const isSource = /\b(?:from|join)\s+\w*$/i.test(before);
    const columns = (used.size > 0 ? [...new Set(used.values())] : views).flatMap((view) => view.columns.map(column));
    const functions = FUNCTIONS.map((name) => ({ text: `${name}(`, kind: "function", more: "" }));
    const keywords = KEYWORDS.map((name) => ({ text: name, kind: "keyword", more: "" }));
    all = isSource ? [...named, ...tables] : [...columns, ...named, ...tables, ...functions, ...keywords];
  }
  const unique = new Map(all.filter((item) => item.text.startsWith(typed)).map((item) => [item.text, item]));
  // A complete word is not offered again, so that Enter makes a new line.
  if (unique.has(typed)) return none;
  return { start: caret - typed.length, items: [...unique.values()].slice(0, MAX) };
}
