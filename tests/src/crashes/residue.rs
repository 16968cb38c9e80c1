//! The residue of an operation in the tables and the inbox, without nondeterministic values, so that two runs can be
//! compared.

use crate::app::{TestApp, World};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use tollgate_store::schema::TABLES;

/// Each item and each mail, with its count.
pub struct Residue {
    lines: BTreeMap<String, usize>,
    /// Mails that were sent more than once with the same text.
    doubled: Vec<String>,
}

/// The table of counters.
const COUNTERS: &str = "limits";
/// The counters of an item, because an attempt that was counted and failed stays counted; the position in an index that
/// depends on a random id; the day on which a service was used, which is recorded only where the tables answer.
const NONDETERMINISTIC_FIELDS: [&str; 4] = ["tries", "version", "due_shard", "last_used_on"];
/// The objects at Stripe, by the API's paths.
const AT_STRIPE: [&str; 6] =
    ["customers", "products", "prices", "checkout/sessions", "subscriptions?status=all", "invoices"];

/// The line of the audit entry of a sign-in. It is written after the session (the contract: sign-ins as plain puts), so
/// a sign-in without an answer may lack it.
const SIGNED_IN: &str = r#""user.signed_in""#;

/// The stored data without irrelevant items: counters, the rows of sessions that are not live (a session is live
/// exactly while its id is in the gate), unfinished flows (each is valid once, for minutes) and events of Stripe
/// without effect; at Stripe without archived and expired objects.
pub async fn residue(app: &TestApp, world: World) -> Residue {
    let mut lines = BTreeMap::new();
    let base_url = app.stack.base_url();
    let gates = app.table("gate").await;
    check_passwords(app, &gates).await;
    let is_live = |session: &str| gates.iter().any(|gate| gate["sessions"]["M"].get(session).is_some());
    for table in TABLES.iter().filter(|table| table.name != COUNTERS) {
        for item in app.table(table.name).await {
            let is_dead = item["id"]["S"].as_str().is_some_and(|id| id.starts_with("ses_") && !is_live(id));
            let is_begun = item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("FLOW#"));
            let led_to_nothing = item["sk"]["S"] == "EVENT" && item["outcome"]["S"] != "followed";
            // The time of a schedule's last run is about no user.
            let is_run =
                item["sk"]["S"] == "RUN" && item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("SWEEP#"));
            if (table.name == "sessions" && (is_dead || is_begun)) || led_to_nothing || is_run {
                continue;
            }
            *lines.entry(format!("{} {}", table.name, without_nondeterminism(&item, &base_url))).or_default() += 1;
        }
    }
    if world.has_plans() {
        for list in AT_STRIPE {
            let objects = app.stripe_list(list).await.into_iter();
            for object in objects.filter(|object| object["active"] != false && object["status"] != "expired") {
                let line = format!("{} {}", object["object"], object["status"]);
                *lines.entry(line).or_default() += 1;
            }
        }
    }
    let mails = app.get("/_local/emails").await.expect(200).body;
    let mut sent = BTreeMap::<(String, String), usize>::new();
    for mail in mails["items"].as_array().unwrap() {
        let name = format!("mail {} to {}", mail["kind"], mail["to"]);
        *sent.entry((name, mail["text"].to_string())).or_default() += 1;
    }
    let doubled = sent.iter().filter(|(_, times)| **times > 1).map(|((name, _), _)| name.clone()).collect();
    for (name, _) in sent.into_keys() {
        *lines.entry(name).or_default() += 1;
    }
    Residue { lines, doubled }
}

/// Panics where the gate's `has_password` is wrong for an account that is not deleted.
async fn check_passwords(app: &TestApp, gates: &[Value]) {
    let credentials = app.table("credentials").await;
    for gate in gates.iter().filter(|gate| gate["user_id"].is_object() && gate["left"]["S"] != "deleted") {
        let has_password = credentials.iter().any(|row| row["user_id"] == gate["user_id"]);
        assert_eq!(gate["has_password"]["BOOL"], has_password, "has_password of {}", gate["user_id"]);
    }
}

impl Residue {
    /// Compares the residue: equal to `once` if the client was answered, else between `once` and `twice`; no mail twice
    /// unless that is allowed.
    pub fn compare(&self, [once, twice]: [&Self; 2], is_answered: bool, mail_may_double: bool) -> Result<(), String> {
        let mut wrong = String::new();
        let count = |residue: &Self, line: &str| residue.lines.get(line).copied().unwrap_or_default();
        let all = self.lines.keys().chain(once.lines.keys()).chain(twice.lines.keys());
        for line in all.collect::<BTreeSet<_>>() {
            let found = count(self, line);
            let (once, twice) = (count(once, line), count(twice, line));
            let (least, most) = match is_answered {
                true => (once, once),
                false if line.contains(SIGNED_IN) => (0, once.max(twice)),
                false => (once.min(twice), once.max(twice)),
            };
            if found < least || found > most {
                let _infallible = writeln!(wrong, "  {found} instead of {least} to {most}: {line}");
            }
        }
        // Two requests may send two equal mails, if each request sends one.
        let is_of_each_request = |mail: &&String| !is_answered && twice.doubled.contains(*mail);
        for mail in self.doubled.iter().filter(|mail| !mail_may_double && !is_of_each_request(mail)) {
            let _infallible = writeln!(wrong, "  sent twice: {mail}");
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// `value` without random values and without this stack's own address.
fn without_nondeterminism(value: &Value, base_url: &str) -> Value {
    match value {
        Value::String(text) => json!(text_without_nondeterminism(&text.replace(base_url, "…"))),
        Value::Array(items) => items.iter().map(|item| without_nondeterminism(item, base_url)).collect(),
        Value::Object(fields) if fields.contains_key("N") => value.clone(),
        Value::Object(fields) => {
            let mut out = Map::new();
            for (name, field) in fields.iter().filter(|(name, _)| !NONDETERMINISTIC_FIELDS.contains(&name.as_str())) {
                let mut name = text_without_nondeterminism(name);
                while out.contains_key(&name) {
                    name.push('\'');
                }
                out.insert(name, without_nondeterminism(field, base_url));
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

/// `text` with dots in place of each long run of letters and digits, or hexadecimal number.
fn text_without_nondeterminism(text: &str) -> String {
    let is_random = |run: &str| run.len() > 20 || (run.len() >= 8 && run.chars().all(|c| c.is_ascii_hexdigit()));
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/') {
            run.push(c);
            continue;
        }
        out.push_str(if is_random(&run) { "…" } else { &run });
        run.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}
