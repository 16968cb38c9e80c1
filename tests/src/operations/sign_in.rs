//! Sign-ins and sessions.

use super::{Case, Operation, Read, case, open, own, owned, scenario};
use crate::app::{PASSWORD, Session, TestApp};
use crate::request::Request;
use serde_json::{Value, json};

pub fn operations() -> Vec<Operation> {
    vec![
        open("POST /login", 401)
            .body(json!({"email": "unknown@example.com", "password": PASSWORD}))
            .limited()
            .scenario(scenario!("POST /login", login).measured(200))
            .scenario(scenario!("POST /login refused", login_refused).measured_refusal(401, "invalid_credentials")),
        open("POST /request/login-code", 202)
            .body(json!({"email": "unknown@example.com"}))
            .limited()
            .scenario(scenario!("POST /request/login-code", request_login_code).measured(202))
            .scenario(scenario!("the mail with a code", request_login_code).afterwards()),
        open("POST /login/code", 401)
            .body(json!({"email": "unknown@example.com", "code": "000000"}))
            .limited()
            .scenario(scenario!("POST /login/code", login_code).measured(200))
            .scenario(scenario!("POST /login/code of an unverified account", login_code_unverified))
            .scenario(scenario!("POST /login/code refused", login_code_refused).measured_refusal(401, "invalid_code")),
        open("POST /refresh-token", 401)
            .body(json!({"refresh_token": "x"}))
            .scenario(scenario!("POST /refresh-token", refresh).measured(200))
            .scenario(scenario!("POST /refresh-token of one used up", refresh_used_up)),
        open("POST /logout", 204).scenario(scenario!("POST /logout", logout).measured(204)),
        own("GET /sessions", 200).read(Read::of("/sessions")),
        own("DELETE /sessions", 204).scenario(scenario!("DELETE /sessions", revoke_others).measured(204)),
        owned("DELETE /sessions/{id}", 204)
            .at("/sessions/{own_session}")
            .scenario(scenario!("DELETE /sessions/{id}", revoke).measured(204)),
    ]
}

pub(super) const EMAIL: &str = "ann@example.com";
pub(super) const NEW_EMAIL: &str = "new@example.com";
pub(super) const NEW_PASSWORD: &str = "another horse staple";

/// The owner can sign in with the password, and has no session besides the new one.
pub(super) async fn gets_in(app: &TestApp, email: &str, password: &str) -> Session {
    let session = Session::of(&app.login(email, password).await.expect(200));
    assert_eq!(app.get_as(&session, "/me").await.expect(200).body["email"], email);
    session
}

/// The session has ended: neither of its tokens is valid.
pub(super) async fn is_dead(app: &TestApp, session: &Session) {
    app.get_as(session, "/me").await.refused(401, "unauthenticated");
    app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
}

pub(super) async fn is_live(app: &TestApp, session: &Session) {
    app.get_as(session, "/me").await.expect(200);
    app.refresh(&session.refresh).await.expect(200);
}

async fn login(app: &TestApp) -> Case {
    app.member("ann").await;
    case!(Request::post("/login", json!({"email": EMAIL, "password": PASSWORD})), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn login_refused(app: &TestApp) -> Case {
    app.member("ann").await;
    case!(Request::post("/login", json!({"email": EMAIL, "password": NEW_PASSWORD})), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

/// The body that signs in by the newest mailed code.
async fn mailed_code(app: &TestApp) -> Value {
    app.post("/request/login-code", json!({"email": EMAIL})).await.expect(202);
    json!({"email": EMAIL, "code": app.code(EMAIL, "login_code").await})
}

async fn request_login_code(app: &TestApp) -> Case {
    app.member("ann").await;
    case!(Request::post("/request/login-code", json!({"email": EMAIL})), |app| {
        // Two were mailed at the same time: one of them replaced the other.
        let mails = app.mails(EMAIL).await;
        let mut codes: Vec<_> =
            mails.iter().filter(|mail| mail["kind"] == "login_code").map(|mail| &mail["code"]).collect();
        codes.dedup();
        let mut good = 0;
        for code in codes {
            good += usize::from(app.post("/login/code", json!({"email": EMAIL, "code": code})).await.status == 200);
        }
        assert_eq!(good, 1);
    })
}

/// A used code is refused, the next one is accepted.
async fn the_next_code_works(app: &TestApp, used: Value) {
    app.post("/login/code", used).await.refused(401, "invalid_code");
    app.advance(60);
    let code = mailed_code(app).await;
    app.post("/login/code", code).await.expect(200);
}

async fn login_code(app: &TestApp) -> Case {
    app.member("ann").await;
    let code = mailed_code(app).await;
    case!(Request::post("/login/code", code.clone()), |app| {
        the_next_code_works(app, code.clone()).await;
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn login_code_unverified(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    let code = mailed_code(app).await;
    case!(Request::post("/login/code", code.clone()), |app| {
        the_next_code_works(app, code.clone()).await;
        // S23: a password from before the verification is not valid.
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
    })
}

async fn login_code_refused(app: &TestApp) -> Case {
    app.member("ann").await;
    let mut code = mailed_code(app).await;
    code["code"] = json!(wrong(code["code"].as_str().unwrap()));
    case!(Request::post("/login/code", code), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn refresh(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    case!(Request::post_with_cookie("/refresh-token", &session.refresh), |app| {
        // R10: within the grace the old token still leads to the same successor.
        let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
        is_live(app, &next).await;
    })
}

async fn refresh_used_up(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
    let last = Session::of(&app.refresh(&next.refresh).await.expect(200));
    case!(Request::post_with_cookie("/refresh-token", &session.refresh), |app| {
        is_dead(app, &last).await;
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn logout(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let other = app.sign_in(EMAIL).await;
    case!(Request::post_with_cookie("/logout", &session.refresh), |app| {
        is_dead(app, &session).await;
        is_live(app, &other).await;
    })
}

async fn revoke_others(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let others = [app.sign_in(EMAIL).await, app.sign_in(EMAIL).await];
    case!(Request::delete_as(&session, "/sessions"), |app| {
        for other in &others {
            is_dead(app, other).await;
        }
        is_live(app, &session).await;
    })
}

async fn revoke(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let other = app.sign_in(EMAIL).await;
    let sessions = app.get_as(&session, "/sessions").await.expect(200).body["items"].clone();
    let of_other = sessions.as_array().unwrap().iter().find(|row| row["current"] == false).unwrap().clone();
    let path = format!("/sessions/{}", of_other["id"].as_str().unwrap());
    case!(Request::delete_as(&session, &path), |app| {
        is_dead(app, &other).await;
        is_live(app, &session).await;
    })
}

/// A code of six digits other than this one.
pub(super) fn wrong(code: &str) -> String {
    let first = if code.starts_with('1') { '2' } else { '1' };
    format!("{first}{}", &code[1..])
}
