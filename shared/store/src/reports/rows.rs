//! The data of a report: the tables in segments, page by page, and of each item only the required attributes.

use crate::billing::Owned;
use crate::roles::RunReports;
use crate::table::codec::{Item, read, s};
use crate::table::schema::{BILLING, GATE, IDENTITY};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, Select};
use jiff::Timestamp;
use serde::Deserialize;
use tollgate_domain::billing::{Payment, Plan, Subscription};
use tollgate_domain::user::Provider;
use tollgate_domain::{Email, UserId, Username};

/// A table that reports read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportTable {
    /// The users.
    Identity,
    /// Their access.
    Gate,
    /// Plans, subscriptions and payments.
    Billing,
}

/// A part of a table: the `number`-th of `of`.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// From 0.
    pub number: u16,
    /// The number of segments.
    pub of: u16,
}

/// A row that a report reads.
#[derive(Debug)]
pub enum ReportRow {
    /// Of [`ReportTable::Identity`].
    Profile(Box<ReportProfile>),
    /// Of [`ReportTable::Gate`].
    Gate(Box<ReportGate>),
    /// Of [`ReportTable::Billing`].
    Plan(Box<Plan>),
    /// Of [`ReportTable::Billing`].
    Subscription(Box<Owned<Subscription>>),
    /// Of [`ReportTable::Billing`].
    Payment(Box<Owned<Payment>>),
}

/// A user, if the account is not deleted.
#[derive(Debug, Deserialize)]
pub struct ReportProfile {
    /// The user.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// The public name.
    pub username: Username,
    /// How the account was created.
    pub provider: Provider,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Whether the user is an admin.
    pub is_admin: bool,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// The access of a user.
#[derive(Debug, Deserialize)]
pub struct ReportGate {
    /// The user.
    pub user_id: UserId,
    /// The tier until then.
    #[serde(default)]
    pub tier: u32,
    /// When it ends.
    #[serde(default)]
    pub access_until: Option<Timestamp>,
}

/// The position in a segment.
#[derive(Debug, Clone)]
pub struct SegmentPlace(Item);

/// A page of a segment.
#[derive(Debug)]
pub struct SegmentPage {
    /// Its rows; one that cannot be read is an error of its own.
    pub rows: Vec<Result<ReportRow, StoreError>>,
    /// The next position; `None` at the end.
    pub next: Option<SegmentPlace>,
}

impl ReportTable {
    /// All segments.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Gate, Self::Billing];

    const fn name(self) -> &'static str {
        match self {
            Self::Identity => IDENTITY,
            Self::Gate => GATE,
            Self::Billing => BILLING,
        }
    }

    /// The attributes that are read; `None` for all of them.
    const fn attributes(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Identity => {
                Some(&["id", "email", "username", "provider", "email_verified", "is_active", "is_admin", "created_at"])
            }
            Self::Gate => Some(&["user_id", "tier", "access_until"]),
            Self::Billing => None,
        }
    }

    /// The filter of the read items.
    const fn condition(self) -> &'static str {
        match self {
            // A deleted account is in no list.
            Self::Identity => "begins_with(pk, :user) AND attribute_exists(#list)",
            Self::Gate => "begins_with(pk, :user)",
            Self::Billing => "begins_with(sk, :plan) OR begins_with(sk, :subscription) OR begins_with(sk, :payment)",
        }
    }
}

impl<R: RunReports> Store<R> {
    /// A page of a segment of a table, as DynamoDB returns it: at most 1 MB of items. The read is eventually
    /// consistent.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn report_page(
        &self,
        table: ReportTable,
        segment: Segment,
        after: Option<SegmentPlace>,
    ) -> Result<SegmentPage, StoreError> {
        #[expect(clippy::disallowed_methods, reason = "no request's work: that of reports, which read everything")]
        let mut call = self.client.scan();
        if let Some(attributes) = table.attributes() {
            let names: Vec<_> = (0..attributes.len()).map(|index| format!("#a{index}")).collect();
            call = call.select(Select::SpecificAttributes).projection_expression(names.join(", "));
            for (name, attribute) in names.into_iter().zip(attributes) {
                call = call.expression_attribute_names(name, *attribute);
            }
        }
        call = match table {
            ReportTable::Identity => {
                call.expression_attribute_names("#list", "list").expression_attribute_values(":user", s("USER#"))
            }
            ReportTable::Gate => call.expression_attribute_values(":user", s("USER#")),
            ReportTable::Billing => call
                .expression_attribute_values(":plan", s("PLAN#"))
                .expression_attribute_values(":subscription", s("SUB#"))
                .expression_attribute_values(":payment", s("PAY#")),
        };
        let page = call
            .table_name(self.table(table.name()))
            .segment(i32::from(segment.number))
            .total_segments(i32::from(segment.of))
            .filter_expression(table.condition())
            .set_exclusive_start_key(after.map(|place| place.0))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::of)?;
        let rows = page.items.unwrap_or_default().into_iter().map(|row| of(table, row)).collect();
        Ok(SegmentPage { rows, next: page.last_evaluated_key.map(SegmentPlace) })
    }
}

fn of(table: ReportTable, row: Item) -> Result<ReportRow, StoreError> {
    let sort = row.get("sk").and_then(|sort| sort.as_s().ok()).cloned().unwrap_or_default();
    Ok(match table {
        ReportTable::Identity => ReportRow::Profile(Box::new(read(IDENTITY, row)?)),
        ReportTable::Gate => ReportRow::Gate(Box::new(read(GATE, row)?)),
        ReportTable::Billing if sort.starts_with("PLAN#") => ReportRow::Plan(Box::new(read(BILLING, row)?)),
        ReportTable::Billing if sort.starts_with("SUB#") => ReportRow::Subscription(Box::new(read(BILLING, row)?)),
        ReportTable::Billing => ReportRow::Payment(Box::new(read(BILLING, row)?)),
    })
}
