-- The six tables of a report. Times are RFC 3339 text in UTC with Z (2026-03-01T09:30:00Z); booleans are 0 and 1;
-- money is an integer in minor units of its currency (1900 usd = 19.00 USD). Amounts of two currencies are never added.

CREATE TABLE users (
    id TEXT, -- usr_…; a deleted user has no row here, but its subscriptions, payments and history stay
    email TEXT, -- the address, in lower case
    username TEXT, -- chosen by the user: any characters
    provider TEXT, -- how the user registered: local, google, github
    email_verified INTEGER, -- 1: the address is verified
    is_active INTEGER, -- 0: the account is disabled
    is_admin INTEGER, -- 1: an admin
    tier INTEGER, -- the tier of the plan while the user has access, otherwise 0
    created_at TEXT -- the registration
);

CREATE TABLE plans (
    id TEXT, -- plan_…
    code TEXT, -- unique, short: pro, pro_year
    name TEXT, -- the name that customers see
    price_cents INTEGER, -- the current list price of one period, in minor units; 0: the free plan
    currency TEXT, -- ISO 4217 in lower case: usd, eur
    billing_period TEXT, -- month, year
    tier INTEGER, -- 0 is the lowest; a higher tier is a larger plan
    trial_days INTEGER, -- 0: no trial
    is_active INTEGER, -- 0: archived; its subscribers keep it
    created_at TEXT
);

CREATE TABLE subscriptions (
    id TEXT, -- sub_…
    user_id TEXT, -- users.id, unless that user was deleted
    plan_id TEXT, -- the current plan
    status TEXT, -- incomplete, trialing, active, past_due, unpaid, canceled, incomplete_expired, paused
    price_cents INTEGER, -- what one period costs this subscriber, with quantity and discounts, in minor units
    currency TEXT, -- ISO 4217 in lower case
    billing_period TEXT, -- day, week, month, year
    interval_count INTEGER, -- 3 with month: a quarter
    quantity INTEGER, -- seats; already included in price_cents
    started_at TEXT,
    current_period_start TEXT,
    current_period_end TEXT,
    cancel_at_period_end INTEGER, -- 1: a live subscription that will not renew
    canceled_at TEXT, -- when the cancellation was requested, or null; the end itself is in subscription_history
    has_access INTEGER -- 1: trialing, active, or past_due within the grace period
);

CREATE TABLE payments (
    id TEXT, -- pay_…; one for each invoice
    user_id TEXT, -- users.id, unless that user was deleted
    subscription_id TEXT, -- subscriptions.id
    plan_id TEXT, -- the plan that was paid
    amount_cents INTEGER, -- in minor units
    refunded_cents INTEGER, -- what was returned, in part or in full; 0 without a refund
    currency TEXT, -- ISO 4217 in lower case
    status TEXT, -- processing, succeeded, failed, refunded (the whole amount), disputed (not revenue)
    created_at TEXT -- the date of the invoice; a failed payment that is paid later becomes succeeded
);

CREATE TABLE sign_ins_by_day (
    day TEXT, -- a date in UTC: 2026-03-01
    method TEXT, -- password, code, google, github
    sign_ins INTEGER, -- successful sign-ins of that day and method
    users INTEGER -- different users among them
);

CREATE TABLE subscription_history (
    subscription_id TEXT, -- subscriptions.id
    user_id TEXT, -- users.id, unless that user was deleted
    at TEXT, -- when the plan or the status changed; the first row is the start
    plan_id TEXT, -- the plan from then on
    status TEXT -- the status from then on
);
