//! Reads the tables into a snapshot: their segments in parallel, page by page, so that no table or segment is
//! completely in memory.

use crate::state::State;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{Grace, Payment, Plan, Subscription};
use tollgate_sql::{
    PaymentRow, PlanRow, ProfileRow, SignInRow, Snapshot, SnapshotError, SnapshotWriter, SubscriptionEventRow,
    SubscriptionRow, TierRow,
};
use tollgate_store::{
    AuditFilter, Owned, PageOf, ReportGate, ReportProfile, ReportRow, ReportTable, Segment, StoreError,
};

/// The number of segments in which a table is read in parallel.
const SEGMENTS: u16 = 4;
/// The audit entries of changes of subscriptions and of sign-ins.
const ACTIONS: [Action; 6] = [
    Action::SignedIn,
    Action::SubscriptionCreated,
    Action::SubscriptionChanged,
    Action::SubscriptionEnded,
    Action::SubscriptionRepaired,
    Action::SubscriptionEndRefused,
];

/// Why the tables could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// DynamoDB did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Reads all tables as of `now` into a new snapshot at `file`.
///
/// # Errors
/// When DynamoDB does not answer, or the data is too large.
pub async fn read(state: &State, file: PathBuf, now: Timestamp) -> Result<Snapshot, ReadError> {
    let reading = Reading { state, writer: Mutex::new(SnapshotWriter::create(file)?), now };
    let segments = |table| (0..SEGMENTS).map(move |number| (table, Segment { number, of: SEGMENTS }));
    let tables =
        ReportTable::ALL.into_iter().flat_map(segments).map(|(table, segment)| reading.segment(table, segment));
    let trails = ACTIONS.into_iter().map(|action| reading.trail(action));
    futures_util::future::try_join(try_join_all(tables), try_join_all(trails)).await?;
    let writer = reading.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(writer.finish()?)
}

struct Reading<'a> {
    state: &'a State,
    writer: Mutex<SnapshotWriter>,
    now: Timestamp,
}

impl Reading<'_> {
    fn writer(&self) -> MutexGuard<'_, SnapshotWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn segment(&self, table: ReportTable, segment: Segment) -> Result<(), ReadError> {
        let mut place = None;
        loop {
            let page = self.state.store.report_page(table, segment, place).await?;
            let writer = self.writer();
            for row in page.rows {
                match row {
                    Ok(row) => self.write(&writer, &row)?,
                    // An item that cannot be read does not stop the report.
                    Err(error) => tracing::error!(?table, %error, "an item is left out of reports"),
                }
            }
            drop(writer);
            place = page.next;
            if place.is_none() {
                return Ok(());
            }
        }
    }

    fn write(&self, writer: &SnapshotWriter, row: &ReportRow) -> Result<(), SnapshotError> {
        match row {
            ReportRow::Profile(profile) => write_profile(writer, profile),
            ReportRow::Gate(gate) => write_tier(writer, gate, self.now),
            ReportRow::Plan(plan) => write_plan(writer, plan),
            ReportRow::Subscription(owned) => write_subscription(writer, owned, self.state.config.grace, self.now),
            ReportRow::Payment(owned) => write_payment(writer, owned),
        }
    }

    async fn trail(&self, action: Action) -> Result<(), ReadError> {
        let filter = AuditFilter { action: Some(action), ..AuditFilter::default() };
        let mut after: Option<String> = None;
        loop {
            let page = self.state.store.entries(&filter, PageOf::longest(after.as_deref())).await?;
            let writer = self.writer();
            for entry in &page.items {
                match action {
                    Action::SignedIn => write_sign_in(&writer, entry)?,
                    _ => write_event(&writer, entry)?,
                }
            }
            drop(writer);
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

fn write_profile(writer: &SnapshotWriter, profile: &ReportProfile) -> Result<(), SnapshotError> {
    let ReportProfile { id, email, username, provider, email_verified, is_active, is_admin, created_at } = profile;
    writer.profile(&ProfileRow {
        id: &id.to_string(),
        email: email.as_str(),
        username: username.as_str(),
        provider: provider.as_str(),
        email_verified: *email_verified,
        is_active: *is_active,
        is_admin: *is_admin,
        created_at: &time(*created_at),
    })
}

fn write_tier(writer: &SnapshotWriter, gate: &ReportGate, now: Timestamp) -> Result<(), SnapshotError> {
    let has_access = gate.access_until.is_some_and(|until| now < until);
    let tier = if has_access { gate.tier } else { 0 };
    writer.tier(&TierRow { user_id: &gate.user_id.to_string(), tier })
}

fn write_plan(writer: &SnapshotWriter, plan: &Plan) -> Result<(), SnapshotError> {
    writer.plan(&PlanRow {
        id: &plan.id.to_string(),
        code: plan.code.as_str(),
        name: &plan.name,
        price_cents: plan.terms.price_cents,
        currency: plan.terms.currency.as_str(),
        billing_period: plan.terms.billing_period.as_str(),
        tier: plan.tier,
        trial_days: plan.trial_days,
        is_active: plan.is_active,
        created_at: &time(plan.created_at),
    })
}

fn write_subscription(
    writer: &SnapshotWriter,
    Owned { user_id, of, .. }: &Owned<Subscription>,
    grace: Grace,
    now: Timestamp,
) -> Result<(), SnapshotError> {
    writer.subscription(&SubscriptionRow {
        id: &of.id.to_string(),
        user_id: &user_id.to_string(),
        plan_id: of.plan_id.map(|id| id.to_string()).as_deref(),
        status: of.status.as_str(),
        price_cents: of.terms.price_cents,
        currency: of.terms.currency.as_str(),
        billing_period: of.terms.billing_period.as_str(),
        interval_count: of.terms.interval_count,
        quantity: of.quantity,
        started_at: &time(of.started_at),
        current_period_start: &time(of.current_period_start),
        current_period_end: &time(of.current_period_end),
        cancel_at_period_end: of.cancel_at_period_end,
        canceled_at: of.canceled_at.map(time).as_deref(),
        has_access: of.has_access(grace, now),
    })
}

fn write_payment(writer: &SnapshotWriter, Owned { user_id, of, .. }: &Owned<Payment>) -> Result<(), SnapshotError> {
    writer.payment(&PaymentRow {
        id: &of.id.to_string(),
        user_id: &user_id.to_string(),
        subscription_id: of.subscription_id.map(|id| id.to_string()).as_deref(),
        plan_id: of.plan_id.map(|id| id.to_string()).as_deref(),
        amount_cents: of.amount_cents,
        refunded_cents: of.refunded_cents,
        currency: of.currency.as_str(),
        status: of.status.as_str(),
        created_at: &time(of.created_at),
    })
}

fn write_sign_in(writer: &SnapshotWriter, entry: &AuditEntry) -> Result<(), SnapshotError> {
    let method = entry.after.as_ref().and_then(|after| after["method"].as_str());
    let (Some(method), Some(user_id)) = (method, entry.target_id.as_deref()) else { return Ok(()) };
    let day = entry.created_at.to_zoned(TimeZone::UTC).date().to_string();
    writer.sign_in(&SignInRow { day: &day, method, user_id })
}

fn write_event(writer: &SnapshotWriter, entry: &AuditEntry) -> Result<(), SnapshotError> {
    let changed = |name: &str| entry.after.as_ref().and_then(|after| after[name].as_str());
    let Some(subscription_id) = entry.target_id.as_deref() else { return Ok(()) };
    writer.subscription_event(&SubscriptionEventRow {
        id: &entry.id.to_string(),
        subscription_id,
        at: &time(entry.created_at),
        plan_id: changed("plan_id"),
        status: changed("status"),
    })
}

/// A time as in the contract: RFC 3339 in UTC, to the second. All have the same length, so that they sort as text.
fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}
