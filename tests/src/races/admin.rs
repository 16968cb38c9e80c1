//! Two concurrent changes of the rights of users: an active admin always remains.

use super::race::{Race, RaceSetup, race, two_racers};
use crate::app::{Answer, PASSWORD, Session, TestApp, World};
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::{Value, json};

pub const RACES: &[Race] = &[
    race!(WithoutPlans, "demote ∥ demote, the last two admins", demote_demote),
    race!(WithoutPlans, "disable ∥ disable, the last two admins", disable_disable),
    race!(WithoutPlans, "demote ∥ disable, the last two admins", demote_disable),
    race!(WithoutPlans, "demote ∥ deactivate, the last two admins", demote_deactivate),
    race!(WithoutPlans, "disable ∥ delete, the last two admins", disable_delete),
    race!(WithoutPlans, "demote ∥ delete, the last two admins", demote_delete),
    race!(WithoutPlans, "delete ∥ delete, the last two admins", delete_delete),
    race!(WithoutPlans, "deactivate ∥ delete, the last two admins", deactivate_delete),
    race!(WithoutPlans, "demote ∥ disable, one admin of two", demote_disable_one),
    race!(WithoutPlans, "disable ∥ login", disable_login),
    race!(WithoutPlans, "disable ∥ enable", disable_enable),
    race!(WithoutPlans, "delete ∥ login", delete_login),
    race!(WithoutPlans, "delete ∥ enable", delete_enable),
];

async fn two_admins(app: &TestApp) -> (Session, Session) {
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    app.make_admins(&[&ann, &bob]).await;
    (ann, bob)
}

fn decide(admin: &Session, about: &Session, act: &str, body: Value) -> Request {
    Request::patch_as(admin, &format!("/admin/users/{}/{act}", about.user["id"].as_str().unwrap()), body)
}

fn demote(admin: &Session, about: &Session) -> Request {
    decide(admin, about, "role", json!({"is_admin": false}))
}

fn set_active(admin: &Session, about: &Session, is_active: bool) -> Request {
    decide(admin, about, "status", json!({"is_active": is_active}))
}

fn close_account(session: &Session, path: &str) -> Request {
    Request::post_as(session, path, json!({"password": PASSWORD}))
}

/// One request succeeded; the other was refused: as the last admin, or as no admin any more.
async fn one_remains(app: &TestApp, answers: &[Answer; 2]) {
    let served = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(served, 1, "{} {}", answers[0].text, answers[1].text);
    for refused in answers.iter().filter(|answer| !answer.status.is_success()) {
        let code = refused.body["code"].as_str().unwrap();
        assert!(["last_admin", "forbidden", "unauthenticated"].contains(&code), "{}", refused.text);
    }
    is_counted_right(app, 1).await;
}

/// Checks the number of active admins, and that the counter equals it.
async fn is_counted_right(app: &TestApp, count: usize) {
    let gates = app.table("gate").await;
    let is_one = |gate: &&Value| gate["is_admin"]["BOOL"] == true && gate["is_active"]["BOOL"] == true;
    assert_eq!((gates.iter().filter(is_one).count(), app.counted_admins().await), (count, count));
    // The lists agree with the gate.
    for profile in app.table("identity").await.iter().filter(|item| item["username"]["S"].is_string()) {
        let gate = gates.iter().find(|gate| gate["user_id"] == profile["id"]).unwrap();
        assert_eq!((&profile["is_admin"], &profile["is_active"]), (&gate["is_admin"], &gate["is_active"]));
        assert_eq!(profile["admin"]["S"].is_string(), profile["is_admin"]["BOOL"] == true);
        assert_eq!(profile["closed"]["S"].is_string(), profile["is_active"]["BOOL"] == false);
        // A deleted user is in no list.
        let list = ["proved", "unproved"][usize::from(profile["email_verified"]["BOOL"] == false)];
        assert_eq!(profile["list"]["S"] == list, profile["closed"]["S"] != "deleted");
    }
}

async fn demote_demote(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([demote(&ann, &bob), demote(&bob, &ann)], |app, answers| one_remains(app, &answers).await)
}

async fn disable_disable(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([set_active(&ann, &bob, false), set_active(&bob, &ann, false)], |app, answers| {
        one_remains(app, &answers).await;
    })
}

async fn demote_disable(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([demote(&ann, &bob), set_active(&bob, &ann, false)], |app, answers| one_remains(app, &answers).await)
}

async fn demote_deactivate(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([demote(&ann, &bob), close_account(&ann, "/deactivate")], |app, answers| one_remains(app, &answers)
        .await)
}

async fn disable_delete(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([set_active(&ann, &bob, false), close_account(&ann, "/me/delete")], |app, answers| {
        one_remains(app, &answers).await;
    })
}

async fn demote_delete(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([demote(&ann, &bob), close_account(&ann, "/me/delete")], |app, answers| one_remains(app, &answers)
        .await)
}

async fn delete_delete(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([close_account(&ann, "/me/delete"), close_account(&bob, "/me/delete")], |app, answers| one_remains(
        app, &answers
    )
    .await)
}

async fn deactivate_delete(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([close_account(&ann, "/deactivate"), close_account(&bob, "/me/delete")], |app, answers| one_remains(
        app, &answers
    )
    .await)
}

async fn demote_disable_one(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    two_racers!([demote(&ann, &bob), set_active(&ann, &bob, false)], |app, answers| {
        answers.into_iter().for_each(|answer| {
            answer.expect(200);
        });
        is_counted_right(app, 1).await;
    })
}

// S17
async fn disable_login(app: &TestApp) -> RaceSetup {
    let (ann, _) = two_admins(app).await;
    let (_, cem) = app.person("cem").await;
    let login = Request::post("/login", json!({"email": "cem@example.com", "password": PASSWORD}));
    two_racers!([set_active(&ann, &cem, false), login], |app, answers| {
        let [closed, signed_in] = answers;
        closed.expect(200);
        if signed_in.status == 200 {
            app.get_as(&Session::of(&signed_in), "/me").await.refused(401, "unauthenticated");
        } else {
            signed_in.refused(403, "account_disabled");
        }
        is_counted_right(app, 2).await;
    })
}

async fn disable_enable(app: &TestApp) -> RaceSetup {
    let (ann, bob) = two_admins(app).await;
    let (_, cem) = app.person("cem").await;
    two_racers!([set_active(&ann, &cem, false), set_active(&bob, &cem, true)], |app, answers| {
        answers.into_iter().for_each(|answer| {
            answer.expect(200);
        });
        is_counted_right(app, 2).await;
    })
}

// S17
async fn delete_login(app: &TestApp) -> RaceSetup {
    let (_, cem) = app.person("cem").await;
    let login = Request::post("/login", json!({"email": "cem@example.com", "password": PASSWORD}));
    two_racers!([close_account(&cem, "/me/delete"), login], |app, answers| {
        let [closed, signed_in] = answers;
        closed.expect(202);
        if signed_in.status == 200 {
            app.get_as(&Session::of(&signed_in), "/me").await.refused(401, "unauthenticated");
        } else {
            signed_in.refused(401, "invalid_credentials");
        }
    })
}

async fn delete_enable(app: &TestApp) -> RaceSetup {
    let (ann, _) = two_admins(app).await;
    let (_, cem) = app.person("cem").await;
    two_racers!([close_account(&cem, "/me/delete"), set_active(&ann, &cem, true)], |app, answers| {
        let [closed, opened] = answers;
        closed.expect(202);
        assert!([200, 404].contains(&opened.status.as_u16()), "{}", opened.text);
        app.get_as(&ann, &format!("/admin/users/{}", cem.user["id"].as_str().unwrap())).await.refused(404, "not_found");
        is_counted_right(app, 2).await;
    })
}
