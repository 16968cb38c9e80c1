// "Export" on a list: the address of the report that shows the same rows.

/** A text as SQL. */
const text = (value) => `'${value.replaceAll("\0", "").replaceAll("'", "''")}'`;

/** Conditions for columns that are compared with the value of their filter. */
const equal = (...columns) => Object.fromEntries(columns.map((column) => [column, (value) => `${column} = ${text(value)}`]));
const flags = (...columns) => Object.fromEntries(columns.map((column) => [column, (value) => `${column} = ${value === "true" ? 1 : 0}`]));

/** The condition of a prefix search, as the service matches it. LIKE takes 100 characters; substr takes any. */
function prefix(q) {
  const lower = text(q.trim().toLowerCase());
  const starts = (column) => `substr(lower(${column}), 1, length(${lower})) = ${lower}`;
  if (/^usr_/.test(q.trim())) return `id = ${text(q.trim())}`;
  if (/^sub_[0-9a-f]{32}$/.test(q.trim())) return `id = (select user_id from subscriptions where id = ${text(q.trim())})`;
  if (/^pay_[0-9a-f]{32}$/.test(q.trim())) return `id = (select user_id from payments where id = ${text(q.trim())})`;
  return `(${starts("email")}\n    or ${starts("substr(email, instr(email, '@') + 1)")}\n    or ${starts("username")})`;
}

const lists = {
  users: {
    columns: "id, email, username, provider, email_verified, is_active, is_admin, tier, created_at",
    filters: { ...flags("is_active", "email_verified", "is_admin"), q: prefix },
    order: "created_at desc",
  },
  subscriptions: {
    columns: "id, user_id, plan_id, status, price_cents, currency, billing_period, interval_count, quantity, started_at, current_period_end, cancel_at_period_end, has_access",
    filters: equal("status", "plan_id", "user_id"),
    order: "started_at desc",
  },
  payments: {
    columns: "id, user_id, subscription_id, plan_id, amount_cents, refunded_cents, currency, status, created_at",
    filters: equal("status", "plan_id", "user_id"),
    order: "created_at desc",
  },
};

/** The statement that selects what `list` ("users", "subscriptions" or "payments") shows under `filters`. */
export function reportFor(list, filters) {
  const { columns, filters: known, order } = lists[list];
  const conditions = Object.entries(filters)
    .filter(([name, value]) => known[name] && value)
    .map(([name, value]) => known[name](value));
  const where = conditions.length > 0 ? `\nwhere ${conditions.join("\n  and ")}` : "";
  return `select ${columns}\nfrom ${list}${where}\norder by ${order}`;
}

/** The address of the editor with that statement. */
export const exportLink = (list, filters) => `/dashboard/reports?sql=${encodeURIComponent(reportFor(list, filters))}`;
