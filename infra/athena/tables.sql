-- The exports of the tables `identity`, `gate`, `billing` and `audit` as tables of Amazon Athena. docs/athena.md says how to create
-- them and replaces BUCKET and the words that begin with EXPORT_. tests/athena/run.sh checks this file.
--
-- An export is gzip-compressed lines of JSON, one item per line: {"Item": {"tier": {"N": "2"}, "is_active": {"BOOL": true}, …}}.
-- - Each value is an object whose only key is its type: S is a string, N a number that is written as a string (so `n` is a string
--   here too, and the views cast it), BOOL true or false, M a map of such objects. A null is an absent attribute, or {"NULL": true}
--   in a map: both are null here.
-- - Hive writes all names in lower case: "Item" is `item`, "S" is `s`. The SerDe compares names without regard to case and leaves
--   out attributes that are not listed.
-- - Hive's JSON SerDe, not OpenX's: AWS documents that OpenX's may return other rows than the data has.

CREATE EXTERNAL TABLE identity_export (
  item struct<
    pk: struct<s: string>,
    list: struct<s: string>,
    id: struct<s: string>,
    email: struct<s: string>,
    username: struct<s: string>,
    provider: struct<s: string>,
    email_verified: struct<bool: boolean>,
    is_active: struct<bool: boolean>,
    is_admin: struct<bool: boolean>,
    created_at: struct<s: string>
  >
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
LOCATION 's3://BUCKET/export/AWSDynamoDB/EXPORT_identity/data/';

CREATE EXTERNAL TABLE gate_export (
  item struct<
    pk: struct<s: string>,
    user_id: struct<s: string>,
    tier: struct<n: string>,
    access_until: struct<s: string>
  >
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
LOCATION 's3://BUCKET/export/AWSDynamoDB/EXPORT_gate/data/';

-- Plans, subscriptions and payments are distinguished by their sort key. Customers, trials and Stripe's events are in the table too.
CREATE EXTERNAL TABLE billing_export (
  item struct<
    sk: struct<s: string>,
    id: struct<s: string>,
    user_id: struct<s: string>,
    subscription_id: struct<s: string>,
    plan_id: struct<s: string>,
    code: struct<s: string>,
    name: struct<s: string>,
    status: struct<s: string>,
    price_cents: struct<n: string>,
    amount_cents: struct<n: string>,
    refunded_cents: struct<n: string>,
    currency: struct<s: string>,
    billing_period: struct<s: string>,
    interval_count: struct<n: string>,
    quantity: struct<n: string>,
    tier: struct<n: string>,
    trial_days: struct<n: string>,
    is_active: struct<bool: boolean>,
    started_at: struct<s: string>,
    current_period_start: struct<s: string>,
    current_period_end: struct<s: string>,
    cancel_at_period_end: struct<bool: boolean>,
    canceled_at: struct<s: string>,
    ends_at: struct<s: string>,
    unpaid_since: struct<s: string>,
    surplus: struct<s: string>,
    created_at: struct<s: string>
  >
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
LOCATION 's3://BUCKET/export/AWSDynamoDB/EXPORT_billing/data/';

CREATE EXTERNAL TABLE audit_export (
  item struct<
    id: struct<s: string>,
    action: struct<s: string>,
    target_id: struct<s: string>,
    after: struct<m: struct<
      method: struct<s: string>,
      plan_id: struct<s: string>,
      status: struct<s: string>
    >>,
    created_at: struct<s: string>
  >
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
LOCATION 's3://BUCKET/export/AWSDynamoDB/EXPORT_audit/data/';
