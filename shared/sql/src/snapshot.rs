//! The snapshot: a file with the six tables, written while the tables of the service are read, in any order.

use crate::views::schema_sql;
use rusqlite::{Connection, ErrorCode, ToSql, params};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The largest snapshot, in bytes. A Lambda function has 512 MB of `/tmp`, and rows that must still be joined need some
/// of it.
const MAX_BYTES: u32 = 320 * 1024 * 1024;
const PAGE_BYTES: u32 = 4096;

/// A profile; its access is in a [`TierRow`].
#[derive(Debug, Clone, Copy)]
pub struct ProfileRow<'a> {
    /// `usr_…`
    pub id: &'a str,
    /// The address.
    pub email: &'a str,
    /// The public name.
    pub username: &'a str,
    /// How the account was created.
    pub provider: &'a str,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Whether the user is an admin.
    pub is_admin: bool,
    /// RFC 3339.
    pub created_at: &'a str,
}

/// The tier of a user.
#[derive(Debug, Clone, Copy)]
pub struct TierRow<'a> {
    /// `usr_…`
    pub user_id: &'a str,
    /// The tier now.
    pub tier: u32,
}

/// A plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanRow<'a> {
    /// `plan_…`
    pub id: &'a str,
    /// Its code.
    pub code: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Per period, in minor units.
    pub price_cents: i64,
    /// ISO 4217.
    pub currency: &'a str,
    /// `month` or `year`.
    pub billing_period: &'a str,
    /// Its tier.
    pub tier: u32,
    /// The days of its trial.
    pub trial_days: u32,
    /// Whether it is for sale.
    pub is_active: bool,
    /// RFC 3339.
    pub created_at: &'a str,
}

/// A subscription.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionRow<'a> {
    /// `sub_…`
    pub id: &'a str,
    /// `usr_…`
    pub user_id: &'a str,
    /// `plan_…`
    pub plan_id: Option<&'a str>,
    /// Stripe's status.
    pub status: &'a str,
    /// Per period, in minor units.
    pub price_cents: i64,
    /// ISO 4217.
    pub currency: &'a str,
    /// `day` to `year`.
    pub billing_period: &'a str,
    /// The number of these units in a period.
    pub interval_count: u64,
    /// The quantity.
    pub quantity: u64,
    /// RFC 3339.
    pub started_at: &'a str,
    /// RFC 3339.
    pub current_period_start: &'a str,
    /// RFC 3339.
    pub current_period_end: &'a str,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// RFC 3339.
    pub canceled_at: Option<&'a str>,
    /// Whether it gives access.
    pub has_access: bool,
}

/// A payment.
#[derive(Debug, Clone, Copy)]
pub struct PaymentRow<'a> {
    /// `pay_…`
    pub id: &'a str,
    /// `usr_…`
    pub user_id: &'a str,
    /// `sub_…`
    pub subscription_id: Option<&'a str>,
    /// `plan_…`
    pub plan_id: Option<&'a str>,
    /// In minor units.
    pub amount_cents: i64,
    /// In minor units.
    pub refunded_cents: i64,
    /// ISO 4217.
    pub currency: &'a str,
    /// Its status.
    pub status: &'a str,
    /// RFC 3339.
    pub created_at: &'a str,
}

/// A sign-in.
#[derive(Debug, Clone, Copy)]
pub struct SignInRow<'a> {
    /// The date in UTC.
    pub day: &'a str,
    /// The method.
    pub method: &'a str,
    /// `usr_…`
    pub user_id: &'a str,
}

/// A change of a subscription, as in the audit trail: only changed fields are set.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionEventRow<'a> {
    /// The audit entry, by which the changes are ordered.
    pub id: &'a str,
    /// `sub_…`
    pub subscription_id: &'a str,
    /// RFC 3339.
    pub at: &'a str,
    /// The new plan.
    pub plan_id: Option<&'a str>,
    /// The new status.
    pub status: Option<&'a str>,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The data is larger than one function can hold.
    #[error(
        "The data is larger than {} MB, the most that a report can read. docs/athena.md describes how to query an export \
         of the tables.", MAX_BYTES / (1024 * 1024)
    )]
    TooLarge,
    /// The file cannot be written.
    #[error("snapshot: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file cannot be made or removed.
    #[error("snapshot: {0}")]
    File(#[from] io::Error),
}

/// A file of the six tables; it is removed with this.
#[derive(Debug)]
pub struct Snapshot {
    file: PathBuf,
}

impl Snapshot {
    /// Its path.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.file);
    }
}

/// Writes a snapshot.
#[derive(Debug)]
pub struct SnapshotWriter {
    connection: Connection,
    snapshot: Snapshot,
    staging: Snapshot,
}

/// The staging tables that are joined at the end, in a file that is then removed: the snapshot has only the listed
/// columns.
const STAGING: &str = "
CREATE TABLE staging.profiles (id TEXT, email TEXT, username TEXT, provider TEXT, email_verified INTEGER,
  is_active INTEGER, is_admin INTEGER, created_at TEXT);
CREATE TABLE staging.tiers (user_id TEXT PRIMARY KEY, tier INTEGER) WITHOUT ROWID;
CREATE TABLE staging.sign_ins (day TEXT, method TEXT, user_id TEXT);
CREATE TABLE staging.events (id TEXT, subscription_id TEXT, at TEXT, plan_id TEXT, status TEXT);
";

const JOIN: &str = "
INSERT INTO main.users SELECT p.id, p.email, p.username, p.provider, p.email_verified, p.is_active, p.is_admin,
  coalesce(t.tier, 0), p.created_at FROM staging.profiles p LEFT JOIN staging.tiers t ON t.user_id = p.id ORDER BY p.id;
INSERT INTO main.sign_ins_by_day SELECT day, method, count(*), count(DISTINCT user_id) FROM staging.sign_ins
  GROUP BY day, method ORDER BY day, method;
";

/// The indexes for the joins of the gallery's and the model's statements. Without an index a correlated subquery reads
/// the whole table for each row.
/// row.
const INDEXES: &str = "
CREATE INDEX main.subscriptions_by_user ON subscriptions (user_id);
CREATE INDEX main.payments_by_user ON payments (user_id);
CREATE INDEX main.payments_by_subscription ON payments (subscription_id);
CREATE INDEX main.history_by_subscription ON subscription_history (subscription_id);
";

impl SnapshotWriter {
    /// Creates the file, which must not exist yet.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(file: PathBuf) -> Result<Self, SnapshotError> {
        let staging = Snapshot { file: file.with_extension("staging") };
        let snapshot = Snapshot { file };
        let connection = Connection::open(&snapshot.file)?;
        connection.execute("ATTACH ? AS staging", [staging.file.to_string_lossy()])?;
        for database in ["main", "staging"] {
            connection.pragma_update(Some(database), "page_size", PAGE_BYTES)?;
            connection.pragma_update(Some(database), "journal_mode", "OFF")?;
            connection.pragma_update(Some(database), "synchronous", "OFF")?;
        }
        connection.execute_batch(&schema_sql())?;
        connection.execute_batch(STAGING)?;
        connection.query_row(&format!("PRAGMA main.max_page_count = {}", MAX_BYTES / PAGE_BYTES), [], |_| Ok(()))?;
        connection.execute_batch("BEGIN")?;
        Ok(Self { connection, snapshot, staging })
    }

    fn insert(&self, table: &str, values: &[&dyn ToSql]) -> Result<(), SnapshotError> {
        let places = vec!["?"; values.len()].join(", ");
        let mut statement = self.connection.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"))?;
        statement.execute(values).map_err(of)?;
        Ok(())
    }

    /// Adds a profile.
    ///
    /// # Errors
    /// When the snapshot is too large, or cannot be written.
    pub fn profile(&self, row: &ProfileRow<'_>) -> Result<(), SnapshotError> {
        let ProfileRow { id, email, username, provider, email_verified, is_active, is_admin, created_at } = row;
        let values = params![id, email, username, provider, email_verified, is_active, is_admin, created_at];
        self.insert("staging.profiles", values)
    }

    /// Adds the tier of a user.
    ///
    /// # Errors
    /// As [`profile`](Self::profile).
    pub fn tier(&self, row: &TierRow<'_>) -> Result<(), SnapshotError> {
        self.insert("staging.tiers", params![row.user_id, row.tier])
    }

    /// Adds a plan.
    ///
    /// # Errors
    /// As [`profile`](Self::profile).
    pub fn plan(&self, row: &PlanRow<'_>) -> Result<(), SnapshotError> {
        let values = params![
            row.id,
            row.code,
            row.name,
            row.price_cents,
            row.currency,
            row.billing_period,
            row.tier,
            row.trial_days,
            row.is_active,
            row.created_at
        ];
        self.insert("plans", values)
    }

    /// Adds a subscription.
    ///
    /// # Errors
    /// As [`profile`](Self::profile).
    pub fn subscription(&self, row: &SubscriptionRow<'_>) -> Result<(), SnapshotError> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let values = params![
            row.id,
            row.user_id,
            row.plan_id,
            row.status,
            row.price_cents,
            row.currency,
            row.billing_period,
            number(row.interval_count),
            number(row.quantity),
            row.started_at,
            row.current_period_start,
            row.current_period_end,
            row.cancel_at_period_end,
            row.canceled_at,
            row.has_access
        ];
        self.insert("subscriptions", values)
    }

    /// Adds a payment.
    ///
    /// # Errors
    /// As [`profile`](Self::profile).
    pub fn payment(&self, row: &PaymentRow<'_>) -> Result<(), SnapshotError> {
        let values = params![
            row.id,
            row.user_id,
            row.subscription_id,
            row.plan_id,
            row.amount_cents,
            row.refunded_cents,
            row.currency,
            row.status,
            row.created_at
        ];
        self.insert("payments", values)
    }

    /// Adds a sign-in.
    ///
    /// # Errors
    /// As [`profile`](Self::profile).
    pub fn sign_in(&self, row: &SignInRow<'_>) -> Result<(), SnapshotError> {
        self.insert("staging.sign_ins", params![row.day, row.method, row.user_id])
    }

    /// Adds a change of a subscription.
    ///
    /// # Errors
    /// As [`profile`](Self::profile).
    pub fn subscription_event(&self, row: &SubscriptionEventRow<'_>) -> Result<(), SnapshotError> {
        self.insert("staging.events", params![row.id, row.subscription_id, row.at, row.plan_id, row.status])
    }

    /// Joins the added rows and completes the file.
    ///
    /// # Errors
    /// When the snapshot is too large, or cannot be written.
    pub fn finish(self) -> Result<Snapshot, SnapshotError> {
        let Self { connection, snapshot, staging } = self;
        connection.execute_batch(JOIN).map_err(of)?;
        write_history(&connection)?;
        connection.execute_batch(INDEXES).map_err(of)?;
        connection.flush_prepared_statement_cache();
        connection.execute_batch("COMMIT; DETACH staging;").map_err(of)?;
        connection.close().map_err(|(_, error)| error)?;
        drop(staging);
        Ok(snapshot)
    }
}

/// The state of a subscription from some time on.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    subscription_id: String,
    user_id: String,
    at: String,
    plan_id: Option<String>,
    status: Option<String>,
}

/// The plan and the status of each subscription from each change on. Of several changes within a second the last one
/// counts.
fn write_history(connection: &Connection) -> Result<(), SnapshotError> {
    let mut events = connection.prepare(
        "SELECT e.subscription_id, s.user_id, e.at, e.plan_id, e.status FROM staging.events e \
         JOIN main.subscriptions s ON s.id = e.subscription_id ORDER BY e.subscription_id, e.id",
    )?;
    let mut insert = connection.prepare("INSERT INTO main.subscription_history VALUES (?, ?, ?, ?, ?)")?;
    let mut write = |state: &State| {
        let State { subscription_id, user_id, at, plan_id, status } = state;
        insert.execute(params![subscription_id, user_id, at, plan_id, status]).map_err(of).map(|_| ())
    };
    let mut rows = events.query([])?;
    // The row that was written last, and the next one unless a change of the same second replaces it.
    let (mut written, mut next) = (State::default(), State::default());
    while let Some(row) = rows.next().map_err(of)? {
        let (plan_id, status): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        let mut state = State { subscription_id: row.get(0)?, user_id: row.get(1)?, at: row.get(2)?, plan_id, status };
        if state.subscription_id == next.subscription_id {
            state.plan_id = state.plan_id.or_else(|| next.plan_id.clone());
            state.status = state.status.or_else(|| next.status.clone());
        }
        if (&state.subscription_id, &state.at) != (&next.subscription_id, &next.at) && next.differs_from(&written) {
            write(&next)?;
            written.clone_from(&next);
        }
        next = state;
    }
    if next.differs_from(&written) {
        write(&next)?;
    }
    Ok(())
}

impl State {
    /// Whether it is another subscription, or its plan or status differs.
    fn differs_from(&self, other: &Self) -> bool {
        let of = |state: &Self| (state.subscription_id.clone(), state.plan_id.clone(), state.status.clone());
        of(self) != of(other)
    }
}

fn of(error: rusqlite::Error) -> SnapshotError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => SnapshotError::TooLarge,
        _ => SnapshotError::Sqlite(error),
    }
}
