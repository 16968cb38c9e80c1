//! Reports of changes: mails and audit entries. Each change is reported once.

use super::expected::{Expected, LIVE, ended_by_itself, ends, int, is_live, text};
use super::history::History;
use super::stored::{Differences, Stored};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How often a failed payment is mailed again.
const REMINDERS: i64 = 3;

/// The allowed number of mails.
type Range = (i64, i64);

fn sum(all: impl Iterator<Item = Range>) -> Range {
    all.fold((0, 0), |(least, most), (low, high)| (least + low, most + high))
}

/// The mails of each kind that are due for one subscription. If no sync is certain in time, a mail may be missing; none
/// is sent twice.
struct Due {
    confirmed: Range,
    ended: Range,
    refunded: Range,
    /// Those of a cancellation, less those of an undone one.
    canceled_less_resumed: Range,
}

fn due(subscription: &Value, expected: &Expected, stored: &Stored, history: &History, by_people: bool) -> Due {
    let id = text(&subscription["id"]);
    let certain = |is_certain: bool| (i64::from(is_certain), 1);
    let is_duplicate = stored.is_duplicate(subscription);
    let of_payments = sum(expected.invoices_of(subscription).map(|invoice| {
        let times = expected.refunds.get(text(&invoice["id"])).copied().unwrap_or_default();
        (i64::from(times > 0 && !is_duplicate), times)
    }));
    if is_duplicate {
        // A duplicate is refunded, which is mailed. It may have been confirmed before it was a duplicate, or have ended
        // before and been paid afterwards.
        let ended = (0, i64::from(by_people || ended_by_itself(subscription)));
        return Due { confirmed: (0, 1), ended, refunded: of_payments, canceled_less_resumed: (-1, 1) };
    }
    let canceled_less_resumed = match (is_live(subscription), ends(subscription), history.renewing.contains(id)) {
        (true, true, true) => (1, 1),
        (true, true, false) => (0, 1),
        (true, false, true) => (0, 0),
        (true, false, false) => (-1, 0),
        (false, _, true) => (0, 1),
        (false, _, false) => (-1, 1),
    };
    let goes_on = is_live(subscription) || subscription["status"] == "incomplete";
    let ended = if goes_on { (0, 0) } else { certain(history.live.contains(id)) };
    Due { confirmed: certain(history.confirmed.contains(id)), ended, refunded: of_payments, canceled_less_resumed }
}

/// Checks that the mails to one user are those due. `doubles`: whether a mail may have been sent a second time with the
/// same text, because the mark of the first was not stored, or the process stopped before it.
pub fn mails(
    wrong: &mut Differences,
    (user, mails): (&str, &[Value]),
    expected: &Expected,
    stored: &Stored,
    (history, ended_by_people): (&History, &[String]),
    doubles: bool,
) {
    let subscriptions = expected.of(user, &expected.subscriptions);
    let due: Vec<_> = subscriptions
        .iter()
        .map(|found| due(found, expected, stored, history, ended_by_people.iter().any(|id| *id == found["id"])))
        .collect();
    let of = |kind: &str| mails.iter().filter(|mail| mail["kind"] == kind).collect::<Vec<_>>();
    let count_of = |kind: &str| count(&of(kind), doubles);
    let mut compare = |what: &str, there: Range, due: Range| compare(wrong, what, there, due);
    for (kind, range) in [
        ("subscription_confirmed", sum(due.iter().map(|due| due.confirmed))),
        ("subscription_ended", sum(due.iter().map(|due| due.ended))),
        ("refunded", sum(due.iter().map(|due| due.refunded))),
    ] {
        compare(kind, count_of(kind), range);
    }
    let ((fewest_canceled, most_canceled), (fewest_resumed, most_resumed)) =
        (count_of("subscription_canceled"), count_of("subscription_resumed"));
    // The mail of an undone scheduled change has the same text.
    let (_, most_scheduled) = count_of("downgrade_scheduled");
    let (least, most) = sum(due.iter().map(|due| due.canceled_less_resumed));
    compare(
        "subscription_canceled less subscription_resumed",
        (fewest_canceled - most_resumed, most_canceled - fewest_resumed),
        (least - most_scheduled, most),
    );
    let trials = subscriptions.iter().filter(|found| !found["trial_start"].is_null()).count();
    compare("trial_ending", count_of("trial_ending"), (0, i64::try_from(trials).unwrap()));
    for invoice in expected.of(user, &expected.invoices) {
        let id = text(&invoice["id"]);
        let is_of_it = |mail: &&Value| {
            mail["links"].as_array().is_some_and(|links| links.iter().any(|link| text(link).contains(id)))
        };
        let count_of = |kinds: &[&str]| {
            let found: Vec<_> = kinds.iter().flat_map(|kind| of(kind)).filter(is_of_it).collect();
            count(&found, doubles)
        };
        let has_plan = expected.plan_of_invoice(invoice).is_some();
        let is_duplicate = expected.subscription_of(invoice).is_some_and(|found| stored.is_duplicate(found));
        let is_certain = has_plan && !is_duplicate;
        let failed = count_of(&["payment_failed", "action_required"]);
        let least = i64::from(history.failed.contains(id) && is_certain);
        // A payment that was never refused has no such mail, however long a debit takes. An invoice that was taken back while its
        // debit was in progress will not be paid.
        let is_taken_back = invoice["status"] != "open" && invoice["status"] != "paid";
        let was_in_debit = expected.debits.iter().any(|(debited, _)| debited == id);
        let may_have_failed = expected.refusals(invoice).next().is_some() || (is_taken_back && was_in_debit);
        let most = if may_have_failed { 2 + REMINDERS } else { 0 };
        compare(&format!("payment_failed or action_required of {id}"), failed, (least, most));
        let is_renewal = invoice["billing_reason"] == "subscription_cycle" && int(&invoice["amount_paid"]) > 0;
        // A payment after the end is refunded: it renewed nothing.
        let is_ended = expected.subscription_of(invoice).is_none_or(|found| !is_live(found));
        let range = (i64::from(is_renewal && is_certain && !is_ended), i64::from(is_renewal));
        compare(&format!("renewed of {id}"), count_of(&["renewed"]), range);
    }
}

/// The number of mails of a kind: where one may have been sent twice, at least the number of different texts.
fn count(mails: &[&Value], doubles: bool) -> Range {
    let texts: BTreeSet<_> = mails.iter().map(|mail| text(&mail["text"])).collect();
    let least = if doubles { texts.len() } else { mails.len() };
    (i64::try_from(least).unwrap(), i64::try_from(mails.len()).unwrap())
}

fn compare(wrong: &mut Differences, what: &str, (fewest, most_there): Range, (least, most): Range) {
    wrong.hold(most_there >= least && fewest <= most, || {
        format!("{most_there} mails `{what}` instead of {least} to {most}")
    });
}

/// Each change of plan, and each scheduled one, in the audit trail has a mail. One at the start or end of a
/// subscription has none, and one of a duplicate need not have one.
pub fn changes(wrong: &mut Differences, mails: &[Value], entries: &[Value], stored: &Stored, doubles: bool) {
    for (kind, field) in [("plan_changed", "plan_id"), ("downgrade_scheduled", "scheduled_plan_id")] {
        let mut due = Vec::new();
        for row in &stored.subscriptions {
            let is_change = |entry: &&Value| {
                entry["target_id"] == row["id"] && !entry["before"].is_null() && entry["after"][field].is_string()
            };
            let lives = |status: Option<&Value>| status.is_none_or(|status| LIVE.contains(&text(status)));
            let is_certain = |entry: &Value| {
                row["surplus"].is_null() && [&entry["before"], &entry["after"]].iter().all(|of| lives(of.get("status")))
            };
            due.extend(entries.iter().filter(is_change).map(|entry| (i64::from(is_certain(entry)), 1)));
        }
        let there: Vec<_> = mails.iter().filter(|mail| mail["kind"] == kind).collect();
        compare(wrong, kind, count(&there, doubles), sum(due.into_iter()));
    }
}

/// The audit trail of a user's subscriptions leads from nothing to the stored state, and each change is recorded once.
/// The order of entries of the same time is not known: each value but the first and the last must have been left as
/// often as it was set.
pub fn audit(wrong: &mut Differences, entries: &[Value], stored: &Stored) {
    for row in &stored.subscriptions {
        let id = text(&row["id"]);
        let of_it: Vec<_> = entries.iter().filter(|entry| entry["target_id"] == id).collect();
        let of = |action: &str| of_it.iter().filter(|entry| entry["action"] == action).copied().collect::<Vec<_>>();
        let reported = ["subscription.created", "subscription.changed", "subscription.ended", "subscription.repaired"];
        let (created, changes): (Vec<_>, Vec<_>) =
            reported.map(of).concat().into_iter().partition(|entry| entry["before"].is_null());
        wrong.hold(created.len() == 1, || format!("{} entries say that {id} was created", created.len()));
        let Some(first) = created.first().map(|entry| &entry["after"]) else { continue };
        let has_ended = |status: &Value| status == "canceled" || status == "incomplete_expired";
        let ended = changes.iter().filter(|entry| has_ended(&entry["after"]["status"])).count();
        let wanted = usize::from(has_ended(&row["status"]) && !has_ended(&first["status"]));
        wrong.hold(ended == wanted, || format!("{ended} entries instead of {wanted} say that {id} has ended"));
        for (field, value) in first.as_object().into_iter().flatten() {
            // A scheduled change is stored in another form, and compared where it is shown.
            if field == "scheduled_plan_id" {
                continue;
            }
            let now = match field.as_str() {
                "is_surplus" => json!(!row["surplus"].is_null()),
                // Stored only when it is set.
                "is_end_refused" => json!(row[field] == true),
                _ => row[field].clone(),
            };
            let steps = changes.iter().filter(|entry| entry["after"].get(field).is_some());
            chain(
                wrong,
                &format!("{field} of {id}"),
                steps.map(|entry| (&entry["before"][field], &entry["after"][field])),
                value,
                &now,
            );
        }
        let empty = changes.iter().filter(|entry| entry["before"] == entry["after"]).count();
        wrong.hold(empty == 0, || format!("{empty} entries of {id} name no change"));
    }
    for payment in &stored.payments {
        let is_of_it = |entry: &&Value| {
            text(&entry["action"]).starts_with("payment.")
                && entry["after"]["payment_id"] == payment["id"]
                && entry["after"].get("refunded_cents").is_some_and(|now| *now != 0)
        };
        let before = |entry: &Value| entry["before"].get("refunded_cents").cloned().unwrap_or(json!(0));
        let of_it: Vec<_> =
            entries.iter().filter(is_of_it).map(|entry| (before(entry), &entry["after"]["refunded_cents"])).collect();
        let steps = of_it.iter().map(|(before, after)| (before, *after));
        let what = format!("refunded_cents of {}", text(&payment["id"]));
        if int(&payment["refunded_cents"]) > 0 || steps.clone().next().is_some() {
            chain(wrong, &what, steps, &json!(0), &payment["refunded_cents"]);
        }
    }
}

fn chain<'a>(
    wrong: &mut Differences,
    what: &str,
    steps: impl Iterator<Item = (&'a Value, &'a Value)>,
    first: &Value,
    last: &Value,
) {
    let mut balance = BTreeMap::<String, i64>::new();
    let mut reported = Vec::new();
    for (before, after) in steps {
        *balance.entry(before.to_string()).or_default() -= 1;
        *balance.entry(after.to_string()).or_default() += 1;
        reported.push(format!("{before} to {after}"));
    }
    *balance.entry(first.to_string()).or_default() += 1;
    *balance.entry(last.to_string()).or_default() -= 1;
    wrong.hold(balance.values().all(|sum| *sum == 0), || {
        format!("the entries of {what} lead not from {first} to {last}: {}", reported.join(", "))
    });
}
