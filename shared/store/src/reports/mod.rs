//! Reports: one item each in one partition, and one with the rows of a preview. Both expire after a day.

pub(crate) mod rows;

use crate::audit::audit_item;
use crate::outbox::{OutboxMessage, REPORT, outbox_item};
use crate::roles::{RequestReports, RunReports};
use crate::table::codec::{Item, item, n, read, s};
use crate::table::listing::{IndexQuery, Listed, PageOf};
use crate::table::schema::{AUDIT, OUTBOX, SYSTEM};
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::report::{REPORT_KEPT, Report, ReportOutcome, ReportRequest, ReportStatus};
use tollgate_domain::{MessageId, ReportId};

const PARTITION: &str = "REPORTS";

fn key(id: &ReportId) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(PARTITION)), ("sk", s(id.to_string()))]
}

/// The rows of a preview of the tables at this time: a repeated run over the same tables stores the same rows.
fn rows_key(id: &ReportId, as_of: Timestamp) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(format!("REPORT#{id}"))), ("sk", s(format!("ROWS#{}", as_of.as_millisecond())))]
}

#[derive(Serialize, Deserialize)]
struct Rows {
    rows_json: String,
}

fn ttl(created_at: Timestamp) -> AttributeValue {
    n(created_at.as_second() + REPORT_KEPT.as_secs())
}

fn status(status: ReportStatus) -> AttributeValue {
    s(match status {
        ReportStatus::Queued => "queued",
        ReportStatus::Running => "running",
        ReportStatus::Succeeded => "succeeded",
        ReportStatus::Failed => "failed",
    })
}

impl OutboxMessage {
    /// The message that requests a run of `report`.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of_report(report: &Report, id: MessageId) -> Result<Self, StoreError> {
        Self::of(REPORT, &ReportRequest { report_id: report.id }, id, report.created_at)
    }
}

impl<R: RequestReports> Store<R> {
    /// Adds a report, its message, and its audit entry.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn request_report(
        &self,
        report: &Report,
        message: &OutboxMessage,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        let [pk, sk] = key(&report.id);
        let row = item(report, [pk, sk, ("ttl", ttl(report.created_at))])?;
        self.transaction()
            .create("report", SYSTEM, row)
            .create("message", OUTBOX, outbox_item(message)?)
            .create("audit", AUDIT, audit_item(audit)?)
            .run()
            .await
            .map_err(crate::table::transaction::Refusal::unexpected)
    }

    /// The report with this id, if it is still stored.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn report(&self, id: &ReportId, now: Timestamp) -> Result<Option<Report>, StoreError> {
        let [(pk, partition), (sk, sort)] = key(id);
        let call = self.client.get_item().table_name(self.table(SYSTEM)).key(pk, partition).key(sk, sort);
        let call = call.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
        let row = call.send().await.map_err(StoreError::of)?.item;
        let report: Option<Report> = row.map(|row| read(SYSTEM, row)).transpose()?;
        Ok(report.filter(|report| report.is_kept(now)))
    }

    /// The stored reports, the newest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn reports(&self, page: PageOf<'_>, now: Timestamp) -> Result<Listed<Report>, StoreError> {
        let index_query = IndexQuery::of_table(SYSTEM, PARTITION, "rep_");
        let oldest = ReportId::new(now - REPORT_KEPT, [0; 10]).to_string();
        let listed =
            self.rows(&IndexQuery { between: (oldest, index_query.between.1.clone()), ..index_query }, page).await?;
        let items = listed.items.into_iter().map(|row| read(SYSTEM, row)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: listed.next })
    }

    /// The rows of a preview, an array of arrays as JSON text.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn report_rows(&self, id: &ReportId, as_of: Timestamp) -> Result<Option<String>, StoreError> {
        let [(pk, partition), (sk, sort)] = rows_key(id, as_of);
        let call = self.client.get_item().table_name(self.table(SYSTEM)).key(pk, partition).key(sk, sort);
        let call = call.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
        let row = call.send().await.map_err(StoreError::of)?.item;
        Ok(row.map(|row| read::<Rows>(SYSTEM, row)).transpose()?.map(|rows| rows.rows_json))
    }
}

impl<R: RunReports> Store<R> {
    /// Marks a report as running; returns `None` when it has expired or ended.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn start_report(&self, id: &ReportId) -> Result<Option<Report>, StoreError> {
        let [(pk, partition), (sk, sort)] = key(id);
        let call = self
            .client
            .update_item()
            .table_name(self.table(SYSTEM))
            .key(pk, partition)
            .key(sk, sort)
            .update_expression("SET #status = :running")
            .condition_expression("#status = :queued OR #status = :running")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", status(ReportStatus::Queued))
            .expression_attribute_values(":running", status(ReportStatus::Running))
            .return_values(ReturnValue::AllNew);
        match conditional(call).await? {
            Updated::Done(row) => Ok(Some(read(SYSTEM, row)?)),
            Updated::Refused(_) => Ok(None),
        }
    }

    /// Stores the rows of a preview, an array of arrays as JSON text.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn put_report_rows(
        &self,
        report: &Report,
        as_of: Timestamp,
        rows_json: String,
    ) -> Result<(), StoreError> {
        let [pk, sk] = rows_key(&report.id, as_of);
        let row = item(&Rows { rows_json }, [pk, sk, ("ttl", ttl(report.created_at))])?;
        let call = self.client.put_item().table_name(self.table(SYSTEM)).set_item(Some(row));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }

    /// Ends a running report; one that has ended keeps its outcome.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn end_report(
        &self,
        id: &ReportId,
        ended: ReportStatus,
        outcome: &ReportOutcome,
    ) -> Result<(), StoreError> {
        let fields: Item = item(outcome, [("status", status(ended))])?;
        let [(pk, partition), (sk, sort)] = key(id);
        let mut call = self
            .client
            .update_item()
            .table_name(self.table(SYSTEM))
            .key(pk, partition)
            .key(sk, sort)
            .condition_expression("#status = :running")
            .expression_attribute_values(":running", status(ReportStatus::Running))
            .expression_attribute_names("#status", "status");
        let mut changes = Vec::new();
        for (name, value) in fields {
            call = call
                .expression_attribute_names(format!("#{name}"), name.clone())
                .expression_attribute_values(format!(":{name}"), value);
            changes.push(format!("#{name} = :{name}"));
        }
        changes.sort_unstable();
        conditional(call.update_expression(format!("SET {}", changes.join(", ")))).await.map(|_| ())
    }
}
