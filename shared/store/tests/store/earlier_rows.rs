//! Rows as version 0.1.0 wrote them, read by this version: one of each kind. `rows-0.1.0.json` was taken once from the tables of
//! that version's local stack, and is never changed. A later version adds a file of its own.

use crate::people::request;
use crate::tables::Tables;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_domain::billing::{Command, PlanCode};
use tollgate_domain::gate::Closing;
use tollgate_domain::onetime::Purpose;
use tollgate_domain::outbox::is_command;
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{Email, SessionId, UserId, Username};
use tollgate_store::{
    AuditFilter, BillingFilter, CurrentKeySet, FreeFeatures, IdempotentCall, PageOf, Store, TakenFlow, UseOfFlow,
};

const ROWS: &str = include_str!("../data/rows-0.1.0.json");
/// When they were written.
const NOW: &str = "2026-03-01T12:00:00Z";
/// What nothing reads: it weighs what a row of an account weighs.
const DECOY: &str = "DECOY";

type Row = serde_json::Map<String, Value>;

/// The rows by table. The table `desk` was not carried over to `system`: its statistics are counted again (CHANGELOG.md).
fn rows() -> BTreeMap<String, Vec<Row>> {
    let mut tables: BTreeMap<String, Vec<Row>> = serde_json::from_str(ROWS).unwrap();
    assert!(tables.remove("desk").is_some());
    tables
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A field as the type that the store takes.
fn field<T: serde::de::DeserializeOwned>(row: &Row, name: &str) -> T {
    serde_json::from_value(row.get(name).cloned().unwrap_or_default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The part of a key behind its `n`th `#`.
fn part<'a>(row: &'a Row, key: &str, n: usize) -> &'a str {
    row[key].as_str().unwrap().splitn(n + 1, '#').nth(n).unwrap()
}

fn user(row: &Row) -> UserId {
    part(row, "pk", 1).parse().unwrap()
}

/// What kind of row it is: the first words of its key.
fn kind(row: &Row) -> String {
    let word = |key: &str| {
        let text = row.get(key).and_then(Value::as_str).unwrap_or_default();
        text.split('#').next().unwrap().split('_').next().unwrap().to_owned()
    };
    format!("{} {}", word("pk"), word("sk"))
}

/// Whether the store finds the row, with what it says; `None` for a kind that this test does not know.
async fn is_read(store: &Store, table: &str, row: &Row) -> Option<bool> {
    let kind = &kind(row);
    match table {
        "identity" => is_identity_read(store, kind, row).await,
        "gate" => is_gate_read(store, kind, row).await,
        "sessions" => is_session_read(store, kind, row).await,
        "billing" => is_billing_read(store, kind, row).await,
        "credentials" => Some(is_password_read(store, row).await),
        "limits" => is_limit_read(store, kind, row).await,
        "outbox" => Some(is_message_read(store, row).await),
        "audit" => Some(is_entry_read(store, row).await),
        _ => None,
    }
}

async fn is_identity_read(store: &Store, kind: &str, row: &Row) -> Option<bool> {
    Some(match kind {
        "USER " => {
            let profile = store.profile(&user(row)).await.unwrap().unwrap();
            let is_same = profile.email == field::<Email>(row, "email") && profile.links == field(row, "links");
            is_same && profile.created_at == now() && profile.locale.is_none()
        }
        "EMAIL " => store.user_of_email(&field(row, "address")).await.unwrap() == Some(field(row, "user_id")),
        "USERNAME " => {
            let (name, email) = (Username::parse(part(row, "pk", 1)).unwrap(), Email::parse("x@example.com").unwrap());
            store.find_taken(&name, &email, now()).await.unwrap().username
        }
        "OAUTH " => {
            let found = store.user_of_identity(IdentityProvider::Google, part(row, "pk", 2)).await.unwrap();
            found == Some(field(row, "user_id"))
        }
        "ERASED " => store.erased(now(), None).await.unwrap().items.contains(&field(row, "id")),
        _ => return None,
    })
}

async fn is_password_read(store: &Store, row: &Row) -> bool {
    let found = store.credentials(&field(row, "pk")).await.unwrap().unwrap();
    (found.user_id, found.hash.as_str()) == (field(row, "user_id"), row["hash"].as_str().unwrap())
}

async fn is_gate_read(store: &Store, kind: &str, row: &Row) -> Option<bool> {
    Some(match kind {
        "ADMINS " => store.has_admins().await.unwrap(),
        "KEYS " => {
            // That version published keys of EdDSA only.
            let keys = store.look_up(&CurrentKeySet).await.unwrap().unwrap();
            keys.es256_since.is_none() && store.look_up(&FreeFeatures).await.unwrap().is_empty()
        }
        "USER " => {
            let gate = store.gate(&user(row)).await.unwrap().unwrap();
            let closing = row.get("left").map(|_| Closing::Deleted);
            let is_same = gate.closing == closing && gate.is_active == field::<bool>(row, "is_active");
            is_same && gate.sessions == field(row, "sessions") && gate.has_password.is_none()
        }
        _ => return None,
    })
}

async fn is_session_read(store: &Store, kind: &str, row: &Row) -> Option<bool> {
    Some(match kind {
        "USER SES" => {
            let session: SessionId = part(row, "sk", 1).parse().unwrap();
            let found = store.session(&user(row), &session).await.unwrap().unwrap();
            // That version did not keep how a session began.
            found.id == session && found.amr.is_empty()
        }
        "USER OTP" => {
            let purpose: Purpose = field(row, "purpose");
            let found = store.onetime(&user(row), purpose, row["id"].as_str().unwrap()).await.unwrap().unwrap();
            found.email_key == field::<String>(row, "email_key") && found.expires_at == field(row, "expires_at")
        }
        "ADDRESS CHANGE" => {
            let found = store.pending_change(&Email::parse(part(row, "pk", 1)).unwrap()).await.unwrap().unwrap();
            found.row_id == field::<String>(row, "row_id")
        }
        "FLOW FLOW" => {
            let browsers = [field::<String>(row, "browser_hash")];
            let session = SessionId::new(now(), [1; 10]);
            let used = UseOfFlow { browsers: &browsers, session: &session, request: &request(1) };
            let taken =
                store.take_flow(row["id"].as_str().unwrap(), field(row, "provider"), &used, now()).await.unwrap();
            matches!(taken, TakenFlow::Now(_) | TakenFlow::Before(_))
        }
        kind if kind.starts_with(DECOY) => true,
        _ => return None,
    })
}

async fn is_limit_read(store: &Store, kind: &str, row: &Row) -> Option<bool> {
    Some(match kind {
        "IDEMPOTENT " => {
            let (key, digest) = (part(row, "pk", 1), row["digest"].as_str().unwrap());
            let call = store.begin_once(key, digest, &request(1), now()).await.unwrap();
            matches!(call, IdempotentCall::Answer(answer) if answer.status == 200)
        }
        // Counters of a day at the most. This version counts on, or anew.
        "ATTEMPTS " | "CALLS " | "DAY " | "MAIL " | "TRIES " => row["ttl"].is_u64(),
        _ => return None,
    })
}

async fn is_message_read(store: &Store, row: &Row) -> bool {
    let id = field(row, "id");
    let state = store.message_state(&id).await.unwrap().unwrap();
    let kind = row["kind"].as_str().unwrap();
    let body = row.get("body").and_then(Value::as_str);
    let unsent = store.unsent(now(), now(), None).await.unwrap().items;
    let waits = unsent.into_iter().map(Result::unwrap).any(|message| message.id == id);
    let is_command_read = body.is_none_or(|body| !is_command(kind) || serde_json::from_str::<Command>(body).is_ok());
    state.kind == kind && waits == (body.is_some() && kind != "decoy") && is_command_read
}

async fn is_billing_read(store: &Store, kind: &str, row: &Row) -> Option<bool> {
    Some(match kind {
        "USER CUSTOMER" => {
            let customer = store.customer(&user(row)).await.unwrap().unwrap();
            customer.email == field(row, "email") && customer.version == field::<u64>(row, "version")
        }
        "USER SUB" => {
            let found = store.subscription(&field(row, "id")).await.unwrap().unwrap();
            found.of.current_period_end == field(row, "current_period_end") && found.of.terms.price_cents == 1900
        }
        "USER PAY" => {
            let filter = BillingFilter { user_id: Some(user(row)), ..BillingFilter::default() };
            let found = store.list_payments(&filter, PageOf::longest(None)).await.unwrap();
            found.items.iter().any(|owned| owned.of.id == field(row, "id") && owned.of.amount_cents == 1900)
        }
        "STRIPE CUSTOMER" => store.user_of_customer(part(row, "pk", 1)).await.unwrap() == Some(field(row, "user_id")),
        "PLANS CODE" => {
            let code: PlanCode = field(row, "code");
            store.plan_reservation(&code).await.unwrap().is_some_and(|found| found.plan_id == field(row, "plan_id"))
        }
        "PLANS PLAN" => {
            let plan = store.plan(&field(row, "id")).await.unwrap().unwrap();
            plan.name == field::<String>(row, "name") && plan.terms.price_cents == field::<i64>(row, "price_cents")
        }
        "PLANS PRICE" => {
            let prices = store.catalogue().await.unwrap().prices;
            prices.get(part(row, "sk", 1)) == Some(&field(row, "plan_id"))
        }
        "EVENT EVENT" => store.is_event_handled(row["id"].as_str().unwrap()).await.unwrap(),
        _ => return None,
    })
}

async fn is_entry_read(store: &Store, row: &Row) -> bool {
    let filter = AuditFilter { target_id: Some(field(row, "target_id")), ..AuditFilter::default() };
    let found = store.entries(&filter, PageOf::longest(None)).await.unwrap().items;
    found.iter().any(|entry| entry.id == field(row, "id") && entry.created_at == now())
}

// R18
#[tokio::test]
async fn each_kind_of_row_of_version_0_1_0_is_read() {
    let tables = Tables::new().await;
    let rows = rows();
    for (table, row) in rows.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table, row))) {
        assert_eq!(row["v"], 1, "{table}: the schema version of that release");
        tables.put(table, Value::Object(row.clone())).await;
    }
    let mut kinds = BTreeSet::new();
    for (table, row) in rows.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table, row))) {
        let read = is_read(&tables.store, table, row).await;
        assert_eq!(read, Some(true), "{table}: {}", Value::Object(row.clone()));
        kinds.insert(format!("{table} {}", kind(row)));
    }
    assert!(kinds.len() >= 33, "{kinds:#?}");
}
