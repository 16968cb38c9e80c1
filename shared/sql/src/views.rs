//! The six tables: their columns as in the contract, each with a description for people and for a model that writes
//! SQL.

/// A table that a report may read. It is a table of the snapshot and holds nothing but these columns.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// One row of it is …
    pub description: &'static str,
    /// Its columns, in their order.
    pub columns: &'static [Column],
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// The type of its values in SQLite.
    pub kind: Kind,
    /// Its values and their unit.
    pub description: &'static str,
}

/// A type of SQLite's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `TEXT`.
    Text,
    /// `INTEGER`.
    Integer,
}

impl Kind {
    /// Its name in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "INTEGER",
        }
    }
}

const fn text(name: &'static str, description: &'static str) -> Column {
    Column { name, kind: Kind::Text, description }
}

const fn integer(name: &'static str, description: &'static str) -> Column {
    Column { name, kind: Kind::Integer, description }
}

const TIME: &str = "a time, RFC 3339 in UTC";
const MONEY: &str = "minor units (cents) of `currency`";
const CURRENCY: &str = "ISO 4217, lower case; never add amounts of two currencies";
const PERIOD: &str = "`day`, `week`, `month` or `year`";
const SUBSCRIPTION_STATUS: &str =
    "`incomplete`, `trialing`, `active`, `past_due`, `unpaid`, `canceled`, `incomplete_expired` or `paused`";

/// All of them.
pub const VIEWS: &[View] = &[
    View {
        name: "users",
        description: "an account that is not deleted",
        columns: &[
            text("id", "`usr_…`"),
            text("email", "the address"),
            text("username", "the public name"),
            text("provider", "how the account was made: `local`, `google` or `github`"),
            integer("email_verified", "1 if the address is verified"),
            integer("is_active", "1 if the user may sign in"),
            integer("is_admin", "1 for an admin"),
            integer("tier", "the tier that the user has now, 0 without access"),
            text("created_at", TIME),
        ],
    },
    View {
        name: "plans",
        description: "a plan, active or archived",
        columns: &[
            text("id", "`plan_…`"),
            text("code", "its name for programs"),
            text("name", "its name for people"),
            integer("price_cents", MONEY),
            text("currency", CURRENCY),
            text("billing_period", "`month` or `year`"),
            integer("tier", "what it gives, 0 to 1000"),
            integer("trial_days", "the days before the first payment"),
            integer("is_active", "0 for an archived plan"),
            text("created_at", TIME),
        ],
    },
    View {
        name: "subscriptions",
        description: "a subscription, live or ended; a user may have had several",
        columns: &[
            text("id", "`sub_…`"),
            text("user_id", "`users.id`, perhaps of a deleted user, who has no row there"),
            text("plan_id", "`plans.id`; null for a price that is no plan's"),
            text("status", SUBSCRIPTION_STATUS),
            integer(
                "price_cents",
                "what the subscriber pays per period, with quantity and discounts; minor units of `currency`",
            ),
            text("currency", CURRENCY),
            text("billing_period", PERIOD),
            integer("interval_count", "how many of `billing_period` a period lasts"),
            integer("quantity", "how many units"),
            text("started_at", TIME),
            text("current_period_start", TIME),
            text("current_period_end", TIME),
            integer("cancel_at_period_end", "1 if it ends with the period"),
            text("canceled_at", "a time, RFC 3339 in UTC; null if it was never cancelled"),
            integer("has_access", "1 if it gives access now"),
        ],
    },
    View {
        name: "payments",
        description: "a payment, one for each invoice over more than 0",
        columns: &[
            text("id", "`pay_…`"),
            text("user_id", "`users.id`, perhaps of a deleted user"),
            text("subscription_id", "`subscriptions.id`"),
            text("plan_id", "`plans.id`"),
            integer("amount_cents", MONEY),
            integer("refunded_cents", "what was refunded of it; minor units of `currency`"),
            text("currency", CURRENCY),
            text("status", "`processing`, `succeeded`, `failed`, `refunded` (the whole amount) or `disputed`"),
            text("created_at", TIME),
        ],
    },
    View {
        name: "sign_ins_by_day",
        description: "the sign-ins of one day by one method",
        columns: &[
            text("day", "a date in UTC, `2026-03-01`"),
            text("method", "`password`, `code`, `google` or `github`"),
            integer("sign_ins", "how many"),
            integer("users", "of how many different users"),
        ],
    },
    View {
        name: "subscription_history",
        description: "a moment at which a subscription began, or its plan or status changed",
        columns: &[
            text("subscription_id", "`subscriptions.id`"),
            text("user_id", "`users.id`, perhaps of a deleted user"),
            text("at", TIME),
            text("plan_id", "the plan from then on"),
            text("status", "the status from then on, as in `subscriptions`"),
        ],
    },
];

/// The statements that make the empty tables.
#[must_use]
pub fn schema_sql() -> String {
    let table = |view: &View| {
        let columns: Vec<_> =
            view.columns.iter().map(|column| format!("{} {}", column.name, column.kind.as_str())).collect();
        format!("CREATE TABLE {} ({});\n", view.name, columns.join(", "))
    };
    VIEWS.iter().map(table).collect()
}
