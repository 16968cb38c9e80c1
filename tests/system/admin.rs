//! The admin API: lists and their filters, changes of a user, the statistics, the first admin.

mod accounts;
mod rights;

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_domain::gate::Gate;
use tollgate_domain::{Email, Username};
use tollgate_local::TABLE_PREFIX;
use tollgate_local::service::Service;
use tollgate_ops::{MadeAdmin, MakeAdminError, local_store, make_admin};
use tollgate_store::{Profile, Registration, Store};
use tollgate_tests::app::{ADMIN, Answer, PASSWORD, Session, TestApp};
use tollgate_tests::population::newcomer;
use tollgate_tests::request::Request;

async fn app_admin(app: &TestApp) -> Session {
    Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200))
}

/// A stack with an admin, and the admin's session.
pub async fn app_and_admin() -> (TestApp, Session) {
    let app = TestApp::start_with_admin().await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    (app, admin)
}

pub async fn patch(app: &TestApp, session: &Session, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {}", session.access);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    app.send(Method::PATCH, path, &headers, Some(body.to_string())).await
}

pub fn id(session: &Session) -> &str {
    session.user["id"].as_str().unwrap()
}

/// The items of a list, read in pages of this size until the last one.
pub async fn all_pages(app: &TestApp, admin: &Session, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    let sign = if path.contains('?') { '&' } else { '?' };
    for _ in 0..500 {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = app.get_as(admin, &format!("{path}{sign}limit={limit}{after}")).await.expect(200).body;
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return items,
        }
    }
    panic!("{path} never ends");
}

/// The entries about `target`, the oldest first: the action, the values before and after, and the actor.
async fn entries(app: &TestApp, admin: &Session, target: &str) -> Vec<(String, Value, Value, Value)> {
    let mut found = all_pages(app, admin, &format!("/admin/audit-logs?target_id={target}"), 100).await;
    found.reverse();
    let sent = |entry: Value| {
        let [before, after, actor] = ["before", "after", "actor_id"].map(|name| entry[name].clone());
        (entry["action"].as_str().unwrap().to_owned(), before, after, actor)
    };
    found.into_iter().map(sent).collect()
}

fn tables(app: &TestApp) -> Store {
    Store::new(app.stack.sdk(), TABLE_PREFIX)
}

/// Registers one user a second for each entry of `flags`: whether the address is verified, whether the user may sign
/// in, whether the user is an admin. Returns them as the list shows them, newest first.
async fn people(app: &TestApp, count: usize, flags: impl Fn(usize) -> [bool; 3]) -> Vec<Value> {
    const NAMES: [&str; 6] = ["ann", "Anna", "bob", "cem", "dan", "anton"];
    let store = tables(app);
    let mut people = Vec::new();
    for n in 0..count {
        let name = NAMES[n / 8 % NAMES.len()];
        let [email_verified, is_active, is_admin] = flags(n);
        let registered_at = app.now() + jiff::SignedDuration::from_secs(i64::try_from(n).unwrap() - 1000);
        // Half of them have an address whose prefix differs from their name.
        let address = if n % 2 == 0 { format!("{name}{n}@example.com") } else { format!("x{n}.{name}@example.com") };
        let mut account = newcomer(registered_at, n);
        account.profile = Profile {
            email: Email::parse(&address).unwrap(),
            username: Username::parse(&format!("{name}-{n}")).unwrap(),
            email_verified,
            is_active,
            is_admin,
            ..account.profile
        };
        account.gate = Gate { is_active, is_admin, ..account.gate };
        assert_eq!(store.register(&account).await.unwrap(), Registration::Done);
        people.push(json!(account.profile.into_user()));
    }
    people.reverse();
    people
}

fn begins(user: &Value, field: &str, q: &str) -> bool {
    user[field].as_str().unwrap().to_lowercase().starts_with(q)
}

/// The expected part of `people`, newest first, in the order of the contract.
fn wanted(people: &[Value], flags: &[(&str, Option<bool>)], q: &str) -> Vec<Value> {
    let is_wanted = |user: &&Value| flags.iter().all(|(name, flag)| flag.is_none_or(|flag| user[*name] == flag));
    let found: Vec<_> = people.iter().filter(is_wanted).cloned().collect();
    if q.is_empty() {
        return found;
    }
    let (mut by_address, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|user| begins(user, "email", q));
    let mut by_name: Vec<_> = others.into_iter().filter(|user| begins(user, "username", q)).collect();
    by_address.sort_by_key(|user| user["email"].as_str().unwrap().to_lowercase());
    by_name.sort_by_key(|user| user["username"].as_str().unwrap().to_lowercase());
    by_address.into_iter().chain(by_name).collect()
}

#[tokio::test]
async fn every_combination_of_filters_returns_the_matching_users_on_all_pages() {
    let (app, admin) = app_and_admin().await;
    let mut everybody = people(&app, 48, |n| [n & 1 == 0, n & 2 == 0, n & 4 != 0]).await;
    everybody.insert(0, admin.user.clone());
    let choices = [None, Some(true), Some(false)];
    let mut asked = Vec::new();
    for is_active in choices {
        for email_verified in choices {
            for is_admin in choices {
                for q in ["", "a", "ann", "ANNA", "x1", "nobody"] {
                    asked.push((
                        [("is_active", is_active), ("email_verified", email_verified), ("is_admin", is_admin)],
                        q,
                    ));
                }
            }
        }
    }
    let (app, admin, everybody) = (&app, &admin, &everybody);
    let walks = asked.iter().map(|(flags, q)| async move {
        let mut query: Vec<_> = flags.iter().filter_map(|(name, flag)| Some(format!("{name}={}", (*flag)?))).collect();
        query.push(format!("q={q}"));
        let path = format!("/admin/users?{}", query.join("&"));
        let wanted = wanted(everybody, flags, &q.to_lowercase());
        for limit in [1, 7, 100] {
            assert_eq!(all_pages(app, admin, &path, limit).await, wanted, "{path} by {limit}");
        }
    });
    futures_util::stream::iter(walks).buffer_unordered(8).collect::<Vec<()>>().await;
    assert_eq!(asked.len(), 162);
}

#[tokio::test]
async fn a_cursor_of_another_list_another_filter_or_another_admin_is_refused() {
    let (app, admin) = app_and_admin().await;
    let (_, second) = app.person("second").await;
    patch(&app, &admin, &format!("/admin/users/{}/role", id(&second)), json!({"is_admin": true})).await.expect(200);
    for name in ["ann", "bob"] {
        app.member(name).await;
    }
    let page = app.get_as(&admin, "/admin/users?limit=1&is_active=true").await.expect(200).body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let ask = async |who: &Session, query: &str| app.get_as(who, &format!("/admin/{query}cursor={cursor}")).await;
    ask(&admin, "users?is_active=true&").await.expect(200);
    for (who, query) in [
        (&second, "users?is_active=true&"),
        (&admin, "users?"),
        (&admin, "users?is_active=false&"),
        (&admin, "users?is_active=true&q=a&"),
        (&admin, "audit-logs?"),
        (&admin, "payments?"),
        (&admin, "subscriptions?"),
    ] {
        ask(who, query).await.refused(400, "invalid_cursor");
    }
    let sessions = format!("users/{}/sessions?", id(&admin));
    ask(&admin, &sessions).await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn an_unknown_filter_is_refused_and_an_id_of_another_kind_is_not_found() {
    let (app, admin) = app_and_admin().await;
    let user = id(&admin).to_owned();
    for query in [
        "users?is_active=maybe".to_owned(),
        "users?email_verified=1".to_owned(),
        "users?is_admin=TRUE".to_owned(),
        format!("users?q={}", "x".repeat(255)),
        "users?is_active=true&is_active=false".to_owned(),
        "subscriptions?status=paid".to_owned(),
        "payments?status=active".to_owned(),
        "audit-logs?action=user.left".to_owned(),
        "audit-logs?from=yesterday".to_owned(),
        "audit-logs?to=2026-13-01T00:00:00Z".to_owned(),
    ] {
        app.get_as(&admin, &format!("/admin/{query}")).await.refused(400, "invalid_filter");
    }
    // An empty `q` is ignored.
    for query in ["users?q="] {
        app.get_as(&admin, &format!("/admin/{query}")).await.expect(200);
    }
    app.get_as(&admin, "/admin/users?limit=0").await.refused(422, "validation_failed");
    let plan = app.get("/billing/plans").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    let never = "usr_019ca945f4607c7b9c59379e3f571f07";
    for path in [
        format!("users/{plan}"),
        format!("users/{never}"),
        format!("users/{never}/subscriptions"),
        format!("users/{never}/payments"),
        format!("users/{never}/sessions"),
        "users/me".to_owned(),
        format!("subscriptions/{user}"),
        "subscriptions/sub_019ca945f4607c7b9c59379e3f571f07".to_owned(),
        format!("payments/{user}"),
        "payments/pay_019ca945f4607c7b9c59379e3f571f07".to_owned(),
    ] {
        app.get_as(&admin, &format!("/admin/{path}")).await.refused(404, "not_found");
    }
    for act in ["status", "role", "verify"] {
        let body = json!({"is_active": true, "is_admin": true});
        patch(&app, &admin, &format!("/admin/users/{never}/{act}"), body.clone()).await.refused(404, "not_found");
        patch(&app, &admin, &format!("/admin/users/{plan}/{act}"), body).await.refused(404, "not_found");
    }
    for (act, body) in
        [("status", json!({})), ("status", json!({"is_active": "yes"})), ("role", json!({"is_admin": null}))]
    {
        let path = format!("/admin/users/{user}/{act}");
        patch(&app, &admin, &path, body).await.refused(422, "validation_failed");
    }
}

#[tokio::test]
async fn every_combination_of_filters_finds_subscriptions_and_payments() {
    let (app, admin) = app_and_admin().await;
    let mut subscribers = Vec::new();
    for (name, plan) in [("ann", "pro"), ("bob", "team"), ("cem", "pro"), ("dan", "pro")] {
        let (_, session) = app.person(name).await;
        let checkout = app.subscribe(&session, plan).await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        app.drain().await;
        app.advance(5);
        subscribers.push(session);
    }
    let held = app.stripe("subscriptions").await;
    app.at_stripe(&format!("subscriptions/{}/renew", held[0]["id"].as_str().unwrap()), json!({"outcome": "failed"}))
        .await;
    app.at_stripe(&format!("subscriptions/{}/cancel", held[1]["id"].as_str().unwrap()), json!({})).await.expect(200);
    let paid = app.stripe("invoices").await;
    let of_bob = paid.iter().find(|invoice| invoice["amount_paid"] == 4900).unwrap();
    app.at_stripe(&format!("invoices/{}/refund", of_bob["id"].as_str().unwrap()), json!({})).await.expect(200);
    app.drain().await;
    let plans = app.get("/billing/plans").await.body;
    let plan_of = |code: &str| {
        let plans = plans["items"].as_array().unwrap();
        plans.iter().find(|plan| plan["code"] == code).unwrap()["id"].as_str().unwrap().to_owned()
    };
    for (list, statuses, count) in [
        ("subscriptions", ["active", "past_due", "canceled", "paused"], 4),
        ("payments", ["succeeded", "failed", "refunded", ""], 5),
    ] {
        let all = all_pages(&app, &admin, &format!("/admin/{list}"), 100).await;
        assert_eq!(all.len(), count);
        let times: Vec<_> = all.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        assert!(times.is_sorted_by(|a, b| a > b), "the newest first");
        for user in [None, Some(&subscribers[0]), Some(&subscribers[3]), Some(&admin)] {
            for plan in ["", "pro", "team", "free"] {
                for status in statuses.iter().chain(&[""]) {
                    let plan_id = if plan.is_empty() { String::new() } else { plan_of(plan) };
                    let is_wanted = |item: &&Value| {
                        let its_plan = if list == "payments" { &item["plan_id"] } else { &item["plan"]["id"] };
                        user.is_none_or(|user| item["user_id"] == id(user))
                            && (plan_id.is_empty() || *its_plan == plan_id)
                            && (status.is_empty() || item["status"] == *status)
                    };
                    let wanted: Vec<_> = all.iter().filter(is_wanted).cloned().collect();
                    let user = user.map_or("", |user| id(user));
                    let filters = [("user_id", user), ("plan_id", plan_id.as_str()), ("status", *status)];
                    let filters = filters.iter().filter(|(_, value)| !value.is_empty());
                    let filters: Vec<_> = filters.map(|(name, value)| format!("{name}={value}")).collect();
                    let path = format!("/admin/{list}?{}", filters.join("&"));
                    for limit in [1, 100] {
                        assert_eq!(all_pages(&app, &admin, &path, limit).await, wanted, "{path} by {limit}");
                    }
                }
            }
        }
        for item in &all {
            let one = app.get_as(&admin, &format!("/admin/{list}/{}", item["id"].as_str().unwrap())).await.expect(200);
            assert_eq!(one.body, without_email(item));
            let customer = item["stripe_customer_id"].as_str().unwrap();
            let customers = app.stripe("customers").await;
            let at_stripe = customers.iter().find(|known| known["id"] == customer).unwrap();
            let owner = subscribers.iter().find(|session| id(session) == item["user_id"]).unwrap();
            assert_eq!((&at_stripe["email"], &item["email"]), (&owner.user["email"], &owner.user["email"]));
        }
        for session in &subscribers {
            let path = format!("/admin/users/{}/{list}", id(session));
            let wanted: Vec<_> = all.iter().filter(|item| item["user_id"] == id(session)).map(without_email).collect();
            assert_eq!(all_pages(&app, &admin, &path, 1).await, wanted);
        }
    }
}

#[tokio::test]
async fn the_details_of_a_user_match_the_tables() {
    let (app, admin) = app_and_admin().await;
    let (email, ann) = app.subscriber("ann").await;
    app.sign_in(&email).await;
    let found = app.get_as(&admin, &format!("/admin/users/{}", id(&ann))).await.expect(200).body;
    for (name, value) in ann.user.as_object().unwrap() {
        assert_eq!(found[name], *value, "{name}");
    }
    assert_eq!((&found["tier"], &found["sessions"]), (&json!(1), &json!(2)));
    assert_eq!(found["linked_providers"], json!([]));
    let sessions = all_pages(&app, &admin, &format!("/admin/users/{}/sessions", id(&ann)), 1).await;
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|session| session["current"] == false));
    let own = all_pages(&app, &admin, &format!("/admin/users/{}/sessions", id(&admin)), 1).await;
    assert_eq!(own[0]["current"], true);
}

#[tokio::test]
async fn the_statistics_are_there_from_the_start_and_at_most_an_hour_old() {
    let (app, admin) = app_and_admin().await;
    let stats = app.get_as(&admin, "/admin/stats").await.expect(200).body;
    assert_eq!(stats["users"], json!({"total": 1, "verified": 1, "active": 1}));
    assert_eq!(stats["days"].as_array().unwrap().len(), 30);
    let (_, ann) = app.subscriber("ann").await;
    app.register("bob").await.expect(202);
    patch(&app, &admin, &format!("/admin/users/{}/status", id(&ann)), json!({"is_active": false})).await.expect(200);
    app.drain().await;
    let stats = app.get_as(&admin, "/admin/stats").await.expect(200).body;
    assert_eq!(stats["users"], json!({"total": 3, "verified": 2, "active": 2}));
    assert_eq!((&stats["subscriptions"]["active"], &stats["mrr_cents"]), (&json!(1), &json!({"usd": 1900})));
    let today = &stats["days"][29];
    let date = app.now().to_string()[..10].to_owned();
    let expected = json!({
        "date": date, "sign_ups": 3, "sign_ins": 2, "failed_payments": 0, "subscriptions": 1,
        "revenue_cents": {"usd": 1900}, "refunded_cents": {}, "mrr_cents": {"usd": 1900},
    });
    assert_eq!(*today, expected);
    assert_eq!(stats["mrr_movements"]["usd"]["new"], 1900);
    assert_eq!(stats["funnel"], json!({"registered": 3, "verified": 2, "trialing": 0, "paying": 1}));
    let hour = json!({"advance_seconds": 3600});
    app.post("/_local/clock", hour).await.expect(200);
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let later = app.get_as(&admin, "/admin/stats").await.expect(200).body;
    assert_eq!(later["as_of"], json!(app.now()), "the schedule has counted");
}

#[tokio::test]
async fn an_operator_makes_a_user_with_a_verified_address_admin() {
    let app = TestApp::start().await;
    let (store, clock) = (local_store(&app.stack.base_url()).await.unwrap(), app.stack.clock().platform());
    let ask = async |address: &str| make_admin(&store, address, &clock).await;
    assert!(matches!(ask("nobody@example.com").await, Err(MakeAdminError::Unknown(_))));
    assert!(matches!(ask("nobody").await, Err(MakeAdminError::InvalidEmail(_))));
    app.register("bob").await.expect(202);
    assert!(matches!(ask("bob@example.com").await, Err(MakeAdminError::NotVerified(_))));
    let (_, ann) = app.person("ann").await;
    assert!(matches!(ask(" ANN@example.com").await, Ok(MadeAdmin::Now(user)) if user.to_string() == id(&ann)));
    assert!(matches!(ask("ann@example.com").await, Ok(MadeAdmin::Before(_))));
    app.get_as(&ann, "/admin/stats").await.expect(200);
    let last = all_pages(&app, &ann, "/admin/audit-logs?action=user.role_changed", 10).await;
    assert_eq!((last.len(), &last[0]["actor_id"], &last[0]["target_id"]), (1, &Value::Null, &json!(id(&ann))));
    let (_, cem) = app.person("cem").await;
    app.post_as(&cem, "/deactivate", json!({})).await.expect(200);
    assert!(matches!(ask("cem@example.com").await, Err(MakeAdminError::Closed(_))));
    let nowhere = local_store("http://127.0.0.1:1").await.unwrap_err().to_string();
    assert!(nowhere.contains("http://127.0.0.1:1") && nowhere.contains("cargo run"), "{nowhere}");
}

/// The read units of these calls.
fn units(app: &TestApp) -> f64 {
    let calls = app.calls();
    let of_tables = calls.iter().filter(|call| call.service == Service::Dynamodb);
    of_tables.flat_map(|call| call.units.iter().map(|(_, read, _)| *read)).sum()
}

#[tokio::test]
async fn a_page_of_a_list_costs_two_units_and_with_one_filter_one_per_ten_items() {
    let (app, admin) = app_and_admin().await;
    people(&app, 200, |n| [n % 12 != 0, n % 10 != 0, n % 40 == 0]).await;
    for name in ["ann", "bob", "cem"] {
        app.subscriber(name).await;
    }
    copies(&app, "SUB#", 120);
    copies(&app, "PAY#", 120);
    let plan = app.get("/billing/plans").await.body["items"][1]["id"].as_str().unwrap().to_owned();
    let own = id(&admin).to_owned();
    let mut asked = Vec::new();
    for flag in ["is_active", "email_verified", "is_admin"] {
        asked.extend([true, false].map(|value| format!("users?{flag}={value}")));
    }
    asked
        .extend(["users?", "users?q=a", "users?q=x4", "audit-logs?", "subscriptions?", "payments?"].map(str::to_owned));
    asked.extend(["subscriptions?status=active", "payments?status=succeeded"].map(str::to_owned));
    let ann = all_pages(&app, &admin, "/admin/users?q=ann@", 1).await[0]["id"].as_str().unwrap().to_owned();
    for _ in 0..30 {
        app.sign_in("ann@example.com").await;
    }
    for list in ["subscriptions", "payments"] {
        asked.extend([format!("{list}?plan_id={plan}"), format!("{list}?user_id={own}")]);
        asked.extend([&ann, &own].map(|user| format!("users/{user}/{list}?")));
    }
    asked.extend([&ann, &own].map(|user| format!("users/{user}/sessions?")));
    asked.extend([format!("audit-logs?actor_id={own}"), format!("audit-logs?target_id={own}")]);
    asked.extend(["audit-logs?action=user.registered", "audit-logs?from=2026-01-01T00:00:00Z"].map(str::to_owned));
    // The keys that verify a token are fetched once.
    app.get_as(&admin, "/admin/stats").await.expect(200);
    for query in asked {
        for limit in [1, 10, 20, 50, 100] {
            let mut after = String::new();
            loop {
                let path = format!("/admin/{query}&limit={limit}{after}");
                app.calls();
                let page = app.get_as(&admin, &path).await.expect(200).body;
                let (items, found) = (page["items"].as_array().unwrap().len(), units(&app));
                // A search reads three indexes: addresses, their domains, user names. A list by actor reads that user's
                // own registration by its key.
                let is_more = query.contains("q=") || query.contains("actor_id=");
                let indexes = if is_more { 0.5 } else { 0.0 };
                #[expect(clippy::cast_precision_loss)]
                let most = 2.0 + indexes + items as f64 / 10.0 + addresses(&page) as f64 / 2.0;
                assert!(found <= most, "{path}: {found} units for {items} items");
                match page["next_cursor"].as_str() {
                    // Pages with one item cost the same.
                    Some(next) if limit > 1 => after = format!("&cursor={next}"),
                    _ => break,
                }
            }
        }
    }
}

/// The number of addresses on a page of the billing lists: each user's is read once, for half a unit.
fn addresses(page: &Value) -> usize {
    let of_billing = page["items"].as_array().unwrap().iter().filter(|item| item.get("email").is_some());
    let users = of_billing.filter_map(|item| item["user_id"].as_str());
    users.collect::<std::collections::BTreeSet<_>>().len()
}

/// An item of a list of all users, as its own path shows it.
fn without_email(item: &Value) -> Value {
    let mut item = item.clone();
    item.as_object_mut().unwrap().remove("email").expect("an address");
    item
}

/// Adds this number of copies of the first row of this kind to the table, each with its own id.
fn copies(app: &TestApp, kind: &str, count: u8) {
    let database = app.stack.database();
    let request = json!({"TableName": "tollgate-billing"});
    let items = json!(database.scan(serde_json::from_value(request).unwrap()).unwrap())["Items"].clone();
    let row = items.as_array().unwrap().iter().find(|row| row["sk"]["S"].as_str().unwrap().starts_with(kind)).unwrap();
    let id = row["id"]["S"].as_str().unwrap();
    for n in 0..count {
        let other = format!("{}{n:02x}", &id[..id.len() - 2]);
        let copy: Value = serde_json::from_str(&row.to_string().replace(id, &other)).unwrap();
        let put = json!({"TableName": "tollgate-billing", "Item": copy});
        database.put_item(serde_json::from_value(put).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn the_lists_of_subscriptions_and_payments_show_the_address_of_each_user() {
    let (app, admin) = app_and_admin().await;
    let (ann_email, _) = app.subscriber("ann").await;
    let (_, bob) = app.subscriber("bob").await;
    app.post_as(&bob, "/me/delete", json!({})).await.expect(202);
    app.drain().await;
    for list in ["subscriptions", "payments"] {
        let page = app.get_as(&admin, &format!("/admin/{list}")).await.expect(200).body;
        let emails: Vec<_> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["user_id"].clone(), row["email"].clone()))
            .collect();
        assert_eq!(emails.len(), 2, "{list}");
        for (user, email) in emails {
            let expected = if user == bob.user["id"] { Value::Null } else { json!(ann_email) };
            assert_eq!(email, expected, "{list} {user}");
        }
    }
}
