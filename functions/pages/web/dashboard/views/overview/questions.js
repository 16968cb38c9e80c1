// The reports that count the numbers of the overview.

const since = (column, date) => `${column} >= '${date}'`;
const questions = {
  // Each subscription is rounded down to a minor unit, as the statistics count it.
  mrr: () => `select currency, count(*) as subscriptions,
  sum(price_cents * case billing_period when 'day' then 365 when 'week' then 52 when 'month' then 12 else 1 end
    / interval_count / 12) as mrr_cents
from subscriptions
where status in ('active', 'past_due')
group by currency
order by mrr_cents desc`,
  paying: () => `select plans.name as plan, subscriptions.status, count(*) as subscriptions
from subscriptions left join plans on plans.id = subscriptions.plan_id
where subscriptions.status in ('active', 'past_due')
group by 1, 2
order by 3 desc`,
  signUps: (date) => `select substr(created_at, 1, 10) as day, count(*) as sign_ups
from users
where ${since("created_at", date)}
group by day
order by day`,
  revenue: (date) => `select substr(created_at, 1, 10) as day, currency,
  sum(amount_cents) as paid_cents, sum(refunded_cents) as refunded_cents
from payments
where status in ('succeeded', 'refunded') and ${since("created_at", date)}
group by day, currency
order by day`,
  churn: () => `select users.email, plans.name as plan, subscriptions.price_cents, subscriptions.currency, subscriptions.canceled_at
from subscriptions
  join users on users.id = subscriptions.user_id
  left join plans on plans.id = subscriptions.plan_id
where subscriptions.status = 'canceled' and subscriptions.canceled_at >= date('now', '-30 days')
order by subscriptions.canceled_at desc`,
  failed: (date) => `select users.email, payments.amount_cents, payments.currency, payments.created_at
from payments join users on users.id = payments.user_id
where payments.status = 'failed' and ${since("payments.created_at", date)}
order by payments.created_at desc`,
};

/** The address of the report that answers a question, for the days from `date` on. */
export const reportOf = (name, date) => `/dashboard/reports?${new URLSearchParams({ sql: questions[name](date) })}`;
