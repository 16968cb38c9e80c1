//! The tables, one for each kind of data that a role may access: their keys, indexes, time to live and stream. The
//! template has the same.

/// One table. All key attributes are strings.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// Its name, without the deployment's prefix.
    pub name: &'static str,
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
    TableSpec { name: CREDENTIALS, partition_key: "pk", sort_key: None, indexes: &[], ttl: None, stream: false },
    TableSpec { name: GATE, partition_key: "pk", sort_key: None, indexes: &[], ttl: None, stream: false },
    TableSpec {
        name: SESSIONS,
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[],
        ttl: Some("ttl"),
        stream: false,
    },
    TableSpec { name: LIMITS, partition_key: "pk", sort_key: None, indexes: &[], ttl: Some("ttl"), stream: false },
    TableSpec { name: OUTBOX, partition_key: "pk", sort_key: None, indexes: &[], ttl: Some("ttl"), stream: true },
    TableSpec {
        name: BILLING,
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
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[],
        ttl: Some("ttl"),
        stream: false,
    },
];
