//! The tables, one for each kind of data that a role may access: their keys, indexes, time to live and stream. The
//! template has the same.

/// One table. All key attributes are strings.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// Its name, without the deployment's prefix.
    pub name: &'static str,
    /// What it holds, for the documents.
    pub holds: &'static str,
    /// Its partition key.
    pub partition_key: &'static str,
    /// Its sort key.
    pub sort_key: Option<&'static str>,
    /// Its global secondary indexes.
    pub indexes: &'static [IndexSpec],
    /// The attribute with an item's expiry, in seconds since 1970.
    pub ttl: Option<&'static str>,
    /// Whether the table has a stream.
    pub stream: bool,
}

/// One global secondary index.
#[derive(Debug, Clone, Copy)]
pub struct IndexSpec {
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub partition_key: &'static str,
    /// Its sort key.
    pub sort_key: &'static str,
    /// Its projection.
    pub projection: Projection,
}

/// The projection of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// All attributes.
    All,
    /// The keys, and these attributes: a change of any other one costs the index nothing.
    Some(&'static [&'static str]),
}

/// The attributes that the lists of users show.
const USER: Projection = Projection::Some(&[
    "email",
    "username",
    "provider",
    "email_verified",
    "is_active",
    "is_admin",
    "created_at",
    "id",
    "email_key",
]);

const fn index(
    name: &'static str,
    partition_key: &'static str,
    sort_key: &'static str,
    projection: Projection,
) -> IndexSpec {
    IndexSpec { name, partition_key, sort_key, projection }
}

pub(crate) const IDENTITY: &str = "identity";
pub(crate) const CREDENTIALS: &str = "credentials";
pub(crate) const GATE: &str = "gate";
pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const LIMITS: &str = "limits";
pub(crate) const OUTBOX: &str = "outbox";
pub(crate) const AUDIT: &str = "audit";
pub(crate) const BILLING: &str = "billing";
pub(crate) const SYSTEM: &str = "system";

/// Every table.
pub const TABLES: &[TableSpec] = &[
    TableSpec {
        name: IDENTITY,
        holds: "profiles, links, and the unique markers of address, user name and provider identity, written in the \
                transaction of what they refer to. Uniqueness never relies on an index. Indexes for lists and searches",
        partition_key: "pk",
        sort_key: None,
        indexes: &[
            // All users by the time of their registration, verified and unverified ones; then the few who are admins,
            // and those who may not sign in.
            index("listed", "list", "id", USER),
            index("admins", "admin", "id", USER),
            index("closed", "closed", "id", Projection::All),
            // By a prefix of the address, of the user name or of the address's domain, spread by the first character.
            index("by_email", "email_initial", "email_key", USER),
            index("by_username", "username_initial", "username_key", USER),
            index("by_domain", "domain_initial", "domain_key", USER),
        ],
        ttl: None,
        stream: false,
    },
    TableSpec {
        name: CREDENTIALS,
        holds: "by address: user id, Argon2id hash, `password_version`",
        partition_key: "pk",
        sort_key: None,
        indexes: &[],
        ttl: None,
        stream: false,
    },
    TableSpec {
        name: GATE,
        holds: "one small item per user, the only one that an authenticated request reads: `is_active`, `left` \
                (deactivated or deleted), `is_admin`, `password_version`, `has_password`, live sessions, `tier`, \
                `features`, `access_until`. Also the public keys, the features of the plans of price 0, the service \
                credentials (hashes) and the count of active admins",
        partition_key: "pk",
        sort_key: None,
        indexes: &[],
        ttl: None,
        stream: false,
    },
    TableSpec {
        name: SESSIONS,
        holds: "one row per session (its position in the rotation, device, times), rows of mailed secrets, OAuth states, \
                invitations (one item by id in the partition that lists them, one by address, so that an address has \
                one)",
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[],
        ttl: Some("ttl"),
        stream: false,
    },
    TableSpec {
        name: LIMITS,
        holds: "rate-limit buckets, attempts, caps on mails, idempotency records, metered uses by user, name and month",
        partition_key: "pk",
        sort_key: None,
        indexes: &[],
        ttl: Some("ttl"),
        stream: false,
    },
    TableSpec {
        name: OUTBOX,
        holds: "messages written with the change that causes them; keys are kept for 35 days",
        partition_key: "pk",
        sort_key: None,
        indexes: &[],
        ttl: Some("ttl"),
        stream: true,
    },
    TableSpec {
        name: BILLING,
        holds: "plans, customers with their version and a copy of the subscription that their user sees, subscriptions, \
                payments, handled events (35 days, the only items that expire), the ledger of trials, an index of due items (8 shards, sorted by time)",
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[
            // Live subscriptions by the end of their period, spread by their id.
            index("due", "due_shard", "due_at", Projection::All),
            // Subscriptions and payments by the time they were made: all, those of a status, those of a plan.
            index("listed", "list", "sk", Projection::All),
            index("by_status", "status_list", "sk", Projection::All),
            index("by_plan", "plan_list", "sk", Projection::All),
            // A subscription or a payment by Stripe's id of the subscription or the invoice, to find its user.
            index("by_stripe", "stripe_id", "sk", Projection::Some(&["user_id"])),
        ],
        ttl: Some("ttl"),
        stream: false,
    },
    TableSpec {
        name: AUDIT,
        holds: "append-only by IAM: new items only, except the erasure of a person",
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[
            index("listed", "list", "sk", Projection::All),
            index("by_actor", "actor_id", "sk", Projection::All),
            index("by_action", "action", "sk", Projection::All),
        ],
        ttl: None,
        stream: false,
    },
    TableSpec {
        name: SYSTEM,
        holds: "positions of sweeps, statistics, reports and their rows",
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[],
        ttl: Some("ttl"),
        stream: false,
    },
];
