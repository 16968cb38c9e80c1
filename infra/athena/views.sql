-- The six tables of reports as views of Amazon Athena (Trino's SQL), over the tables of tables.sql: the same columns, in the same
-- order, with the same meaning. docs/athena.md says how to create them. tests/athena/run.sh checks this file.
--
-- "Now" in `users.tier` and `subscriptions.has_access` is the time of the query. For the state at the time of the export, replace
-- `current_timestamp` by that time: TIMESTAMP '2026-06-15 12:00:00 UTC'.

-- An account that is not deleted: a deleted one is in no list.
CREATE OR REPLACE VIEW users AS
SELECT
  p.item.id.s AS id,
  p.item.email.s AS email,
  p.item.username.s AS username,
  p.item.provider.s AS provider,
  CAST(p.item.email_verified.bool AS integer) AS email_verified,
  CAST(p.item.is_active.bool AS integer) AS is_active,
  CAST(p.item.is_admin.bool AS integer) AS is_admin,
  CASE
    WHEN current_timestamp < from_iso8601_timestamp(g.item.access_until.s) THEN coalesce(CAST(g.item.tier.n AS integer), 0)
    ELSE 0
  END AS tier,
  substr(p.item.created_at.s, 1, 19) || 'Z' AS created_at
FROM identity_export p
LEFT JOIN gate_export g ON g.item.pk.s LIKE 'USER#%' AND g.item.user_id.s = p.item.id.s
WHERE p.item.pk.s LIKE 'USER#%' AND p.item.list.s IS NOT NULL;

CREATE OR REPLACE VIEW plans AS
SELECT
  item.id.s AS id,
  item.code.s AS code,
  item.name.s AS name,
  CAST(item.price_cents.n AS bigint) AS price_cents,
  item.currency.s AS currency,
  item.billing_period.s AS billing_period,
  CAST(item.tier.n AS integer) AS tier,
  CAST(item.trial_days.n AS integer) AS trial_days,
  CAST(item.is_active.bool AS integer) AS is_active,
  substr(item.created_at.s, 1, 19) || 'Z' AS created_at
FROM billing_export
WHERE item.sk.s LIKE 'PLAN#%';

-- `has_access` follows shared/domain/src/billing/access.rs. Edit two literals if yours differ: the grace period of 7 days (the
-- parameter BillingGraceDays) and the margin of 24 hours for a renewal that is late.
CREATE OR REPLACE VIEW subscriptions AS
WITH stored AS (
  SELECT
    item,
    item.plan_id.s IS NOT NULL AND item.surplus.s IS NULL AS may_give_access,
    from_iso8601_timestamp(item.current_period_end.s) AS period_end,
    -- The end that is announced, where that is before the end of the period.
    least(
      from_iso8601_timestamp(coalesce(item.ends_at.s, item.current_period_end.s)),
      from_iso8601_timestamp(item.current_period_end.s)
    ) AS last_end,
    from_iso8601_timestamp(coalesce(item.unpaid_since.s, item.current_period_start.s)) + INTERVAL '7' DAY AS grace_end,
    NOT item.cancel_at_period_end.bool AND (
      item.ends_at.s IS NULL
      OR from_iso8601_timestamp(item.ends_at.s) > from_iso8601_timestamp(item.current_period_end.s)
    ) AS will_renew
  FROM billing_export
  WHERE item.sk.s LIKE 'SUB#%'
),
timed AS (
  SELECT
    item,
    CASE
      WHEN NOT may_give_access THEN NULL
      WHEN item.status.s IN ('trialing', 'active') AND will_renew THEN period_end + INTERVAL '24' HOUR
      WHEN item.status.s IN ('trialing', 'active') THEN last_end
      WHEN item.status.s = 'past_due' AND will_renew THEN grace_end
      WHEN item.status.s = 'past_due' THEN least(grace_end, last_end)
    END AS access_until
  FROM stored
)
SELECT
  item.id.s AS id,
  item.user_id.s AS user_id,
  item.plan_id.s AS plan_id,
  item.status.s AS status,
  CAST(item.price_cents.n AS bigint) AS price_cents,
  item.currency.s AS currency,
  item.billing_period.s AS billing_period,
  coalesce(CAST(item.interval_count.n AS bigint), 1) AS interval_count,
  coalesce(CAST(item.quantity.n AS bigint), 1) AS quantity,
  substr(item.started_at.s, 1, 19) || 'Z' AS started_at,
  substr(item.current_period_start.s, 1, 19) || 'Z' AS current_period_start,
  substr(item.current_period_end.s, 1, 19) || 'Z' AS current_period_end,
  CAST(item.cancel_at_period_end.bool AS integer) AS cancel_at_period_end,
  substr(item.canceled_at.s, 1, 19) || 'Z' AS canceled_at,
  CASE WHEN current_timestamp < access_until THEN 1 ELSE 0 END AS has_access
FROM timed;

CREATE OR REPLACE VIEW payments AS
SELECT
  item.id.s AS id,
  item.user_id.s AS user_id,
  item.subscription_id.s AS subscription_id,
  item.plan_id.s AS plan_id,
  CAST(item.amount_cents.n AS bigint) AS amount_cents,
  CAST(item.refunded_cents.n AS bigint) AS refunded_cents,
  item.currency.s AS currency,
  item.status.s AS status,
  substr(item.created_at.s, 1, 19) || 'Z' AS created_at
FROM billing_export
WHERE item.sk.s LIKE 'PAY#%';

CREATE OR REPLACE VIEW sign_ins_by_day AS
SELECT
  substr(item.created_at.s, 1, 10) AS day,
  item.after.m.method.s AS method,
  count(*) AS sign_ins,
  count(DISTINCT item.target_id.s) AS users
FROM audit_export
WHERE item.action.s = 'user.signed_in' AND item.after.m.method.s IS NOT NULL AND item.target_id.s IS NOT NULL
GROUP BY substr(item.created_at.s, 1, 10), item.after.m.method.s;

-- An entry of the audit trail names only what changed, so each row takes the last plan and the last status that were named. Of several
-- changes within a second the last one counts, and one that leaves plan and status as they were is no row.
CREATE OR REPLACE VIEW subscription_history AS
WITH changes AS (
  SELECT
    item.id.s AS id,
    item.target_id.s AS subscription_id,
    substr(item.created_at.s, 1, 19) || 'Z' AS "at",
    item.after.m.plan_id.s AS plan_id,
    item.after.m.status.s AS status
  FROM audit_export
  WHERE item.action.s IN (
    'subscription.created',
    'subscription.changed',
    'subscription.ended',
    'subscription.repaired',
    'subscription.end_refused'
  )
),
states AS (
  SELECT
    id,
    subscription_id,
    "at",
    last_value(plan_id) IGNORE NULLS OVER (
      PARTITION BY subscription_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS plan_id,
    last_value(status) IGNORE NULLS OVER (
      PARTITION BY subscription_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS status,
    lead("at") OVER (PARTITION BY subscription_id ORDER BY id) AS next_at
  FROM changes
),
last_states AS (
  SELECT
    subscription_id,
    "at",
    plan_id,
    status,
    row_number() OVER (PARTITION BY subscription_id ORDER BY id) AS number,
    lag(plan_id) OVER (PARTITION BY subscription_id ORDER BY id) AS plan_id_before,
    lag(status) OVER (PARTITION BY subscription_id ORDER BY id) AS status_before
  FROM states
  WHERE next_at IS DISTINCT FROM "at"
)
SELECT
  h.subscription_id AS subscription_id,
  s.user_id AS user_id,
  h."at" AS "at",
  h.plan_id AS plan_id,
  h.status AS status
FROM last_states h
JOIN subscriptions s ON s.id = h.subscription_id
WHERE h.number = 1 OR h.plan_id IS DISTINCT FROM h.plan_id_before OR h.status IS DISTINCT FROM h.status_before;
