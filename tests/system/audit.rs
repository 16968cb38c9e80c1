//! The audit trail: one entry for each change, found by each filter, without secrets.

use crate::admin::{all_pages, app_and_admin, id, patch};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_domain::audit::Action;
use tollgate_local::TABLE_PREFIX;
use tollgate_ops::record_command;
use tollgate_store::Store;
use tollgate_store::roles::Operator;
use tollgate_tests::app::{PASSWORD, Session, TestApp};
use tollgate_tests::browser::{Browser, verified_account};

/// Takes every action that leaves an entry. Returns the secrets that the users had.
async fn leave_every_entry(app: &TestApp, admin: &Session) -> Vec<String> {
    let mut secrets = change_own_account(app).await;
    secrets.extend(change_as_admin(app, admin).await);
    subscribe_and_refund(app).await;
    close_accounts(app).await;
    stripe_refuses_to_end_a_second_subscription(app).await;
    let (store, clock) = (Store::<Operator>::new(app.stack.sdk(), TABLE_PREFIX), app.stack.clock().platform());
    record_command(&store, &clock, "local", "redrive", json!({"dead_letters": {}})).await.unwrap();
    secrets
}

/// Registers Ann, and changes her passwords, address and identities. Returns her secrets.
async fn change_own_account(app: &TestApp) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned(), "another horse staple".to_owned(), "a third horse staple".to_owned()];
    app.register("ann").await.expect(202);
    let token = app.link_token("ann@example.com", "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    secrets.push(token);
    app.login("ann@example.com", "wrong password").await.refused(401, "invalid_credentials");
    app.login("nobody@example.com", "wrong password").await.refused(401, "invalid_credentials");
    let ann = app.sign_in("ann@example.com").await;
    secrets.extend([ann.access.clone(), ann.refresh.clone()]);
    let change = json!({"old_password": PASSWORD, "new_password": "another horse staple"});
    app.post_as(&ann, "/change-password", change).await.expect(200);
    app.post("/forget-password", json!({"email": "ann@example.com"})).await.expect(202);
    let token = app.link_token("ann@example.com", "reset").await;
    app.post("/new-password", json!({"token": token, "password": PASSWORD})).await.expect(200);
    secrets.push(token);
    let ann = app.sign_in("ann@example.com").await;
    app.post_as(&ann, "/change-email", json!({"new_email": "new@example.com"})).await.expect(202);
    let token = app.link_token("new@example.com", "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    secrets.push(token);
    let begun = app.post_as(&ann, "/me/links/google", json!({})).await.expect(200);
    let subject = verified_account(app, "google", "else@example.com").await;
    let browser = Browser::new(app);
    browser.set_cookie("oauth_state", &begun.cookie("oauth_state").unwrap());
    let back = browser.consent_at(begun.body["authorize_url"].as_str().unwrap().to_owned(), &subject).await;
    browser.get(&back).await.expect(302);
    app.delete_as(&ann, "/me/links/google").await.expect(204);
    app.post("/request/login-code", json!({"email": "new@example.com"})).await.expect(202);
    let code = app.code("new@example.com", "login_code").await;
    let by_code = app.post("/login/code", json!({"email": "new@example.com", "code": code})).await.expect(200);
    app.with_cookie("/logout", &Session::of(&by_code).refresh).await.expect(204);
    secrets
}

/// Changes Ann's rights, a plan, a service credential and invitations, and requests a report. Returns the secrets of the
/// credential and the invitation.
async fn change_as_admin(app: &TestApp, admin: &Session) -> Vec<String> {
    let ann = app.sign_in("new@example.com").await;
    for (is_active, is_admin) in [(false, true), (true, false)] {
        for (act, body) in [("status", json!({"is_active": is_active})), ("role", json!({"is_admin": is_admin}))] {
            patch(app, admin, &format!("/admin/users/{}/{act}", id(&ann)), body).await.expect(200);
        }
    }
    let plan = json!({
        "code": "new", "name": "New", "price_cents": 900, "currency": "usd", "billing_period": "month", "tier": 3,
    });
    let plan = app.post_as(admin, "/billing/plans", plan).await.expect(201).body;
    let path = format!("/billing/plans/{}", plan["id"].as_str().unwrap());
    patch(app, admin, &path, json!({"name": "Newer"})).await.expect(200);
    app.delete_as(admin, &path).await.expect(204);
    let service = app.post_as(admin, "/admin/service-credentials", json!({"name": "the API"})).await.expect(201).body;
    let path = format!("/admin/service-credentials/{}", service["id"].as_str().unwrap());
    app.delete_as(admin, &path).await.expect(204);
    let (invitation, _) = app.invite(admin, "invited@example.com").await;
    app.delete_as(admin, &format!("/admin/invitations/{}", invitation["id"].as_str().unwrap())).await.expect(204);
    let (_, token) = app.invite(admin, "invited@example.com").await;
    let register = json!({"invitation": token, "username": "invited", "password": PASSWORD});
    app.post("/register", register).await.expect(200);
    let report = json!({"sql": "SELECT 1", "format": "preview"});
    app.post_as(admin, "/admin/reports", report).await.expect(202);
    vec![service["secret"].as_str().unwrap().to_owned(), token]
}

/// Ann subscribes and cancels; a refund, a dispute and the end come from Stripe, some of them without events.
async fn subscribe_and_refund(app: &TestApp) {
    let ann = app.sign_in("new@example.com").await;
    let checkout = app.subscribe(&ann, "pro").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    app.post_as(&ann, "/billing/subscriptions/cancel", json!({})).await.expect(200);
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("invoices/{invoice}/refund"), json!({"amount_cents": 100})).await.expect(200);
    app.drain().await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.post_as(&ann, "/billing/subscriptions/resume", json!({})).await.expect(200);
    app.at_stripe(&format!("invoices/{invoice}/refund"), json!({"amount_cents": 100})).await.expect(200);
    let held = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    let cancel = "cancel_at_period_end=true".to_owned();
    let bearer = format!("Bearer {}", app.stack.stripe_key());
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", bearer.as_str())];
    app.send(Method::POST, &format!("/_stripe/v1/subscriptions/{held}"), &headers, Some(cancel)).await.expect(200);
    app.sweep("reconcile").await.expect(200);
    app.at_stripe("delivery", json!({"mode": "normal"})).await.expect(200);
    app.at_stripe(&format!("invoices/{invoice}/dispute"), json!({})).await.expect(200);
    app.at_stripe(&format!("subscriptions/{held}/cancel"), json!({})).await.expect(200);
    app.drain().await;
}

/// Bob deactivates his account, and Cem deletes his.
async fn close_accounts(app: &TestApp) {
    let (_, bob) = app.person("bob").await;
    app.post_as(&bob, "/deactivate", json!({})).await.expect(200);
    let (_, cem) = app.person("cem").await;
    app.post_as(&cem, "/me/delete", json!({})).await.expect(202);
    app.drain().await;
}

/// Pays a second subscription, and makes Stripe refuse to end and to refund it.
async fn stripe_refuses_to_end_a_second_subscription(app: &TestApp) {
    app.subscriber("eva").await;
    for operation in ["DELETE /v1/subscriptions/{id}", "POST /v1/refunds"] {
        let refusal = json!({"operation": operation, "status": 400, "code": "other", "message": "Not any more."});
        app.at_stripe("refusals", refusal).await.expect(200);
    }
    let first = app.stripe("subscriptions").await.remove(0);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    app.second_checkout(&text(&first["customer"]), &text(&first["items"]["data"][0]["price"]["id"])).await;
    app.drain().await;
    app.send(Method::DELETE, "/_local/stripe/refusals", &[], None).await.expect(204);
}

// S19, S28
#[tokio::test]
async fn every_action_of_the_contract_is_audited_without_secrets() {
    let (app, admin) = app_and_admin().await;
    let secrets = leave_every_entry(&app, &admin).await;
    let all = all_pages(&app, &admin, "/admin/audit-logs", 100).await;
    let found: BTreeSet<_> = all.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let wanted: BTreeSet<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
    assert_eq!(found, wanted);
    let text = Value::from(all).to_string();
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}");
    }
    for word in ["argon2", "nonce", "whsec_", "sk_test"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[tokio::test]
async fn each_entry_is_found_by_its_target() {
    let (app, admin) = app_and_admin().await;
    leave_every_entry(&app, &admin).await;
    let all = all_pages(&app, &admin, "/admin/audit-logs", 100).await;
    // The target of an operator's command is its name, which is no id.
    let is_id = |target: &&str| target.contains('_');
    let targets: BTreeSet<_> = all.iter().filter_map(|entry| entry["target_id"].as_str()).filter(is_id).collect();
    for target in &targets {
        let wanted: Vec<_> = all.iter().filter(|entry| entry["target_id"] == **target).cloned().collect();
        let path = format!("/admin/audit-logs?target_id={target}");
        assert_eq!(all_pages(&app, &admin, &path, 100).await, wanted, "{target}");
    }
    let kinds: BTreeSet<_> = targets.iter().filter_map(|target| target.split('_').next()).collect();
    assert!(kinds.len() >= 5, "{kinds:?}");
    for no_id in ["usr_1", "inv", "users_019ca945f4607c7b9c59379e3f571f07"] {
        let path = format!("/admin/audit-logs?target_id={no_id}");
        assert!(all_pages(&app, &admin, &path, 100).await.is_empty(), "{no_id}");
    }
}

#[tokio::test]
async fn every_combination_of_filters_returns_the_matching_entries_on_all_pages() {
    let (app, admin) = app_and_admin().await;
    leave_every_entry(&app, &admin).await;
    app.advance(60);
    let (_, dan) = app.person("dan").await;
    app.advance(60);
    let all = all_pages(&app, &admin, "/admin/audit-logs", 100).await;
    let ids: Vec<_> = all.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "the newest first, each once");
    let first = app.now() - jiff::SignedDuration::from_secs(120);
    let times = [String::new(), first.to_string(), (first + jiff::SignedDuration::from_secs(60)).to_string()];
    let plan = app.get("/billing/plans").await.body["items"][1]["id"].as_str().unwrap().to_owned();
    for actor in ["", id(&admin), id(&dan)] {
        for target in ["", id(&dan), plan.as_str()] {
            for action in ["", "user.signed_in", "plan.created", "user.sign_in_failed"] {
                for from in &times {
                    for to in &times {
                        let at =
                            |entry: &Value| entry["created_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
                        let bound = |text: &String| text.parse::<jiff::Timestamp>().ok();
                        let is_wanted = |entry: &&Value| {
                            (actor.is_empty() || entry["actor_id"] == actor)
                                && (target.is_empty() || entry["target_id"] == target)
                                && (action.is_empty() || entry["action"] == action)
                                && bound(from).is_none_or(|from| at(entry) >= from)
                                && bound(to).is_none_or(|to| at(entry) <= to)
                        };
                        let wanted: Vec<_> = all.iter().filter(is_wanted).cloned().collect();
                        let filters = [
                            ("actor_id", actor),
                            ("target_id", target),
                            ("action", action),
                            ("from", from.as_str()),
                            ("to", to.as_str()),
                        ];
                        let filters = filters.iter().filter(|(_, value)| !value.is_empty());
                        let filters: Vec<_> = filters.map(|(name, value)| format!("{name}={value}")).collect();
                        let path = format!("/admin/audit-logs?{}", filters.join("&"));
                        assert_eq!(all_pages(&app, &admin, &path, 7).await, wanted, "{path}");
                    }
                }
            }
        }
    }
}

// E5
#[tokio::test]
async fn the_entries_of_a_user_are_about_the_user_or_owned_objects() {
    let (app, admin) = app_and_admin().await;
    leave_every_entry(&app, &admin).await;
    let all = all_pages(&app, &admin, "/admin/audit-logs", 100).await;
    let eva = all_pages(&app, &admin, "/admin/users?q=eva", 1).await.remove(0);
    let ann = all_pages(&app, &admin, "/admin/users?q=new@", 1).await.remove(0);
    let none = "usr_019ca945f4607c7b9c59379e3f571f07".to_owned();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let half = text(&all[all.len() / 2]["created_at"]);
    let mut held_by = Vec::new();
    for user in [text(&eva["id"]), text(&ann["id"]), id(&admin).to_owned(), none] {
        let held = match app.get_as(&admin, &format!("/admin/users/{user}/subscriptions")).await.body["items"].take() {
            Value::Array(held) => held.iter().map(|held| text(&held["id"])).collect(),
            _ => Vec::new(),
        };
        held_by.push((user, held));
    }
    assert_eq!(held_by.iter().map(|(_, held)| held.len()).collect::<Vec<_>>(), [2, 1, 0, 0]);
    let one_of_ann = held_by[1].1[0].clone();
    for (user, held) in &held_by {
        let is_theirs = |target: &Value| *target == **user || held.iter().any(|held| *target == **held);
        for target in ["", user, &one_of_ann] {
            for actor in ["", user, id(&admin)] {
                for action in ["", "subscription.changed", "user.signed_in"] {
                    for from in ["", &half] {
                        let is_wanted = |entry: &&Value| {
                            is_theirs(&entry["target_id"])
                                && (target.is_empty() || entry["target_id"] == *target)
                                && (actor.is_empty() || entry["actor_id"] == *actor)
                                && (action.is_empty() || entry["action"] == action)
                                && (from.is_empty() || entry["created_at"].as_str().unwrap() >= from)
                        };
                        let wanted: Vec<_> = all.iter().filter(is_wanted).cloned().collect();
                        let filters = [("target_id", target), ("actor_id", actor), ("action", action), ("from", from)];
                        let given = filters.into_iter().filter(|(_, value)| !value.is_empty());
                        let given: String = given.map(|(name, value)| format!("&{name}={value}")).collect();
                        let path = format!("/admin/audit-logs?user_id={user}{given}");
                        for limit in [3, 100] {
                            assert_eq!(all_pages(&app, &admin, &path, limit).await, wanted, "{path} by {limit}");
                        }
                    }
                }
            }
        }
    }
    let about_eva = all_pages(&app, &admin, &format!("/admin/audit-logs?user_id={}", held_by[0].0), 1).await;
    let found: BTreeSet<_> = about_eva.iter().map(|entry| text(&entry["action"])).collect();
    for action in ["user.registered", "user.signed_in", "subscription.created", "subscription.end_refused"] {
        assert!(found.contains(action), "{action} is not in {found:?}");
    }
    // A cursor is valid only for this user's entries.
    let page = app.get_as(&admin, &format!("/admin/audit-logs?limit=1&user_id={}", held_by[0].0)).await.body;
    let cursor = text(&page["next_cursor"]);
    let of_another = format!("/admin/audit-logs?cursor={cursor}&user_id={}", held_by[1].0);
    app.get_as(&admin, &of_another).await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn refused_calls_and_calls_without_effect_are_not_audited() {
    let (app, admin) = app_and_admin().await;
    let (_, ann) = app.person("ann").await;
    let before = app.actions().await;
    for path in ["/admin/users", "/admin/stats"] {
        app.get_as(&ann, path).await.refused(403, "forbidden");
    }
    let own = |act: &str| format!("/admin/users/{}/{act}", id(&ann));
    patch(&app, &ann, &own("role"), json!({"is_admin": true})).await.refused(403, "forbidden");
    for (act, body) in
        [("status", json!({"is_active": true})), ("role", json!({"is_admin": false})), ("verify", json!({}))]
    {
        patch(&app, &admin, &own(act), body).await.expect(200);
    }
    assert_eq!(app.actions().await, before);
}

#[tokio::test]
async fn each_entry_about_a_payment_names_its_currency() {
    let (app, admin) = app_and_admin().await;
    app.subscriber("ann").await;
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("invoices/{invoice}/refund"), json!({"amount_cents": 700})).await.expect(200);
    app.drain().await;
    app.at_stripe(&format!("invoices/{invoice}/dispute"), json!({})).await.expect(200);
    app.drain().await;
    let all = all_pages(&app, &admin, "/admin/audit-logs", 100).await;
    let of_payments: Vec<_> = all.iter().filter(|entry| entry["after"]["payment_id"].is_string()).collect();
    let actions: BTreeSet<_> = of_payments.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, BTreeSet::from(["payment.disputed", "payment.refunded"]));
    for entry in &of_payments {
        assert_eq!(entry["after"]["currency"], "usd", "{entry}");
    }
    let refunded = of_payments.iter().find(|entry| entry["action"] == "payment.refunded").unwrap();
    assert_eq!((&refunded["before"]["currency"], &refunded["after"]["refunded_cents"]), (&json!("usd"), &json!(700)));
}
