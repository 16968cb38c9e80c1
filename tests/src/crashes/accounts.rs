//! Accounts, sessions, sign-ins and their mails.

use super::{Again, Case, Operation, anew, case, operation};
use crate::app::{Answer, PASSWORD, Session, TestApp, World};
use crate::browser::{Browser, verified_account};
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::{Value, json};

const EMAIL: &str = "ann@example.com";
const NEW_EMAIL: &str = "new@example.com";
const NEW_PASSWORD: &str = "another horse staple";

pub const OPERATIONS: &[Operation] = &[
    operation!(TheAnswer, WithoutPlans, "POST /register", register),
    operation!(TheAnswer, WithoutPlans, "POST /register of a known address", register_known),
    operation!(TheAnswer, WithoutPlans, "POST /register by an invitation", register_invited),
    operation!(TheAnswer, WithoutPlans, "POST /request/verify", request_verify),
    operation!(TheAnswer, WithoutPlans, "POST /verify by link", verify_link),
    operation!(TheAnswer, WithoutPlans, "POST /verify by code", verify_code),
    operation!(TheAnswer, WithoutPlans, "POST /verify by code in the browser that registered", verify_code_here),
    operation!(TheAnswer, WithoutPlans, "POST /verify by link in the browser that registered", verify_link_here),
    operation!(TheAnswer, WithoutPlans, "POST /verify by a wrong code", verify_wrong_code),
    operation!(TheAnswer, WithoutPlans, "POST /verify of a new address", verify_new_address),
    operation!(TheAnswer, WithoutPlans, "POST /login", login),
    operation!(TheAnswer, WithoutPlans, "POST /login refused", login_refused),
    operation!(TheAnswer, WithoutPlans, "POST /request/login-code", request_login_code),
    operation!(TheAnswer, WithoutPlans, "POST /login/code", login_code),
    operation!(TheAnswer, WithoutPlans, "POST /login/code of an unverified account", login_code_unverified),
    operation!(TheAnswer, WithoutPlans, "POST /login/code refused", login_code_refused),
    operation!(TheAnswer, WithoutPlans, "POST /refresh-token", refresh),
    operation!(TheAnswer, WithoutPlans, "POST /refresh-token of one used up", refresh_used_up),
    operation!(TheAnswer, WithoutPlans, "POST /logout", logout),
    operation!(TheAnswer, WithoutPlans, "DELETE /sessions", revoke_others),
    operation!(TheAnswer, WithoutPlans, "DELETE /sessions/{id}", revoke),
    operation!(TheAnswer, WithoutPlans, "POST /forget-password", forget_password),
    operation!(TheAnswer, WithoutPlans, "POST /new-password", new_password),
    operation!(TheAnswer, WithoutPlans, "POST /change-password", change_password),
    operation!(TheAnswer, WithoutPlans, "POST /change-email", change_email),
    operation!(TheAnswer, WithoutPlans, "POST /deactivate", deactivate),
    operation!(TheAnswer, WithoutPlans, "PATCH /me", change_locale),
    operation!(TheAnswer, WithoutPlans, "GET /google/login", begin_at_google),
    operation!(TheAnswer, WithoutPlans, "GET /github/login", begin_at_github),
    operation!(TheAnswer, WithoutPlans, "callback of a newcomer, google", newcomer_by_google),
    operation!(TheAnswer, WithoutPlans, "callback of a newcomer, github", newcomer_by_github),
    operation!(TheAnswer, WithoutPlans, "callback of a known user", linked_to_google),
    operation!(TheAnswer, WithoutPlans, "callback that takes an unverified account over", takeover_by_github),
    operation!(TheAnswer, WithoutPlans, "callback that links", callback_that_links),
    operation!(TheAnswer, WithoutPlans, "POST /me/links/{provider}", begin_link),
    operation!(TheAnswer, WithoutPlans, "DELETE /me/links/{provider}", unlink),
    operation!(Afterwards, WithoutPlans, "the mail with a link and a code", register),
    operation!(Afterwards, WithoutPlans, "the mail with a code", request_login_code),
    operation!(Afterwards, WithoutPlans, "the mail with a link", forget_password),
    operation!(Afterwards, WithoutPlans, "the mail about an existing account", register_known),
];

/// The owner can sign in with the password, and has no session besides the new one.
async fn gets_in(app: &TestApp, email: &str, password: &str) -> Session {
    let session = Session::of(&app.login(email, password).await.expect(200));
    assert_eq!(app.get_as(&session, "/me").await.expect(200).body["email"], email);
    session
}

/// The session has ended: neither of its tokens is valid.
async fn is_dead(app: &TestApp, session: &Session) {
    app.get_as(session, "/me").await.refused(401, "unauthenticated");
    app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
}

async fn is_live(app: &TestApp, session: &Session) {
    app.get_as(session, "/me").await.expect(200);
    app.refresh(&session.refresh).await.expect(200);
}

async fn register(_: &TestApp) -> Case {
    let request = Request::post("/register", json!({"email": EMAIL, "username": "ann", "password": PASSWORD}));
    case!(request, |app| {
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        let token = app.link_token(EMAIL, "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn register_known(app: &TestApp) -> Case {
    app.member("ann").await;
    let request = Request::post("/register", json!({"email": EMAIL, "username": "other", "password": NEW_PASSWORD}));
    case!(request, |app| {
        gets_in(app, EMAIL, PASSWORD).await;
        app.login(EMAIL, NEW_PASSWORD).await.refused(401, "invalid_credentials");
    })
}

/// An admin's invitation of the address: the token of its link.
async fn invited(app: &TestApp) -> String {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    app.invite(&admin, EMAIL).await.1
}

async fn register_invited(app: &TestApp) -> Case {
    let body = json!({"invitation": invited(app).await, "username": "ann", "password": PASSWORD});
    case!(Request::post("/register", body.clone()), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
        app.post("/register", body.clone()).await.refused(400, "invalid_token");
    })
}

async fn request_verify(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    case!(Request::post("/request/verify", json!({"email": EMAIL})), |app| {
        let token = app.link_token(EMAIL, "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn verify_link(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    let token = app.link_token(EMAIL, "verify").await;
    case!(Request::post("/verify", json!({"token": token})), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn verify_code(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    let code = app.code(EMAIL, "verify").await;
    case!(Request::post("/verify", json!({"email": EMAIL, "code": code})), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

/// Registers, and returns the cookie of the browser that did it.
async fn register_here(app: &TestApp) -> String {
    format!("registered={}", app.register("ann").await.expect(202).cookie("registered").unwrap())
}

async fn verify_code_here(app: &TestApp) -> Case {
    let cookie = register_here(app).await;
    let code = app.code(EMAIL, "verify").await;
    let request = Request::post("/verify", json!({"email": EMAIL, "code": code})).with_header("cookie", &cookie);
    case!(request, |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn verify_link_here(app: &TestApp) -> Case {
    let cookie = register_here(app).await;
    let token = app.link_token(EMAIL, "verify").await;
    let request = Request::post("/verify", json!({"token": token})).with_header("cookie", &cookie);
    case!(request, |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn verify_wrong_code(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    let code = wrong(&app.code(EMAIL, "verify").await);
    case!(Request::post("/verify", json!({"email": EMAIL, "code": code})), |app| {
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
    })
}

async fn verify_new_address(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    app.post_as(&session, "/change-email", json!({"new_email": NEW_EMAIL})).await.expect(202);
    let token = app.link_token(NEW_EMAIL, "verify").await;
    case!(Request::post("/verify", json!({"token": token})), |app| {
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        gets_in(app, NEW_EMAIL, PASSWORD).await;
    })
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

/// A code of six digits other than this one.
fn wrong(code: &str) -> String {
    let first = if code.starts_with('1') { '2' } else { '1' };
    format!("{first}{}", &code[1..])
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

async fn forget_password(app: &TestApp) -> Case {
    app.member("ann").await;
    case!(Request::post("/forget-password", json!({"email": EMAIL})), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
        let token = app.link_token(EMAIL, "reset").await;
        app.post("/new-password", json!({"token": token, "password": NEW_PASSWORD})).await.expect(200);
        gets_in(app, EMAIL, NEW_PASSWORD).await;
    })
}

async fn new_password(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    app.post("/forget-password", json!({"email": EMAIL})).await.expect(202);
    let token = app.link_token(EMAIL, "reset").await;
    case!(Request::post("/new-password", json!({"token": token, "password": NEW_PASSWORD})), |app| {
        is_dead(app, &session).await;
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        gets_in(app, EMAIL, NEW_PASSWORD).await;
    })
}

async fn change_password(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let other = app.sign_in(EMAIL).await;
    let body = json!({"old_password": PASSWORD, "new_password": NEW_PASSWORD});
    case!(Request::post_as(&session, "/change-password", body), |app| {
        is_dead(app, &other).await;
        is_live(app, &session).await;
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        gets_in(app, EMAIL, NEW_PASSWORD).await;
    })
}

async fn change_email(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let body = json!({"new_email": NEW_EMAIL, "password": PASSWORD});
    case!(Request::post_as(&session, "/change-email", body), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
        let token = app.link_token(NEW_EMAIL, "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        gets_in(app, NEW_EMAIL, PASSWORD).await;
    })
}

async fn deactivate(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    case!(Request::post_as(&session, "/deactivate", json!({"password": PASSWORD})), |app| {
        is_dead(app, &session).await;
        app.login(EMAIL, PASSWORD).await.refused(403, "account_disabled");
    })
}

async fn change_locale(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    case!(Request::patch_as(&session, "/me", json!({"locale": "fr"})), |app| {
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["locale"], "fr");
    })
}

async fn begin(app: &TestApp, provider: &'static str) -> Case {
    let subject = verified_account(app, provider, EMAIL).await;
    case!(Request::get_in(&Browser::new(app), &format!("/{provider}/login")), |app| {
        Browser::new(app).sign_in(provider, &subject).await.expect(200);
    })
}

async fn begin_at_google(app: &TestApp) -> Case {
    begin(app, "google").await
}

async fn begin_at_github(app: &TestApp) -> Case {
    begin(app, "github").await
}

/// Returns from `provider`; then the user signs in again by it, to the same account.
async fn callback(app: &TestApp, provider: &'static str, subject: String, has_password: bool) -> Case {
    let browser = Browser::new(app);
    let back = browser.consent(provider, &subject, "").await;
    let same = subject.clone();
    let begin_again = anew(move |app| {
        let subject = same.clone();
        async move { Browser::new(app).sign_in(provider, &subject).await }.boxed()
    });
    case!(Request::get_in(&browser, &back), begin_again, |app| {
        let session = Session::of(&Browser::new(app).sign_in(provider, &subject).await.expect(200));
        let me = app.get_as(&session, "/me").await.expect(200).body;
        assert_eq!((&me["email"], &me["has_password"]), (&json!(EMAIL), &json!(has_password)));
        assert_eq!(me["linked_providers"], json!([provider]));
    })
}

async fn newcomer_by_google(app: &TestApp) -> Case {
    let subject = verified_account(app, "google", EMAIL).await;
    callback(app, "google", subject, false).await
}

async fn newcomer_by_github(app: &TestApp) -> Case {
    let subject = verified_account(app, "github", EMAIL).await;
    callback(app, "github", subject, false).await
}

async fn linked_to_google(app: &TestApp) -> Case {
    let subject = verified_account(app, "google", EMAIL).await;
    Browser::new(app).sign_in("google", &subject).await.expect(200);
    callback(app, "google", subject, false).await
}

// S23
async fn takeover_by_github(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    let subject = verified_account(app, "github", EMAIL).await;
    let Case { request, again, check: same_account } = callback(app, "github", subject, false).await;
    case!(request, again, |app| {
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        same_account.run(app).await;
    })
}

/// Links a provider from the beginning, as far as it gets.
async fn link(app: &TestApp, session: &Session, subject: &str) -> Answer {
    let begun = app.post_as(session, "/me/links/google", json!({"password": PASSWORD})).await;
    if begun.status != 200 {
        return begun;
    }
    link_back(app, &begun, subject).await.send(app).await
}

/// The redirect from the provider at the end of a link.
async fn link_back(app: &TestApp, begun: &Answer, subject: &str) -> Request {
    let browser = Browser::new(app);
    browser.set_cookie("oauth_state", &begun.cookie("oauth_state").unwrap());
    let back = browser.consent_at(begun.body["authorize_url"].as_str().unwrap().to_owned(), subject).await;
    Request::get_in(&browser, &back)
}

async fn callback_that_links(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let subject = verified_account(app, "google", "else@example.com").await;
    let begun = app.post_as(&session, "/me/links/google", json!({})).await.expect(200);
    let request = link_back(app, &begun, &subject).await;
    let same = (session.clone(), subject.clone());
    let begin_again = anew(move |app| {
        let (session, subject) = same.clone();
        async move { link(app, &session, &subject).await }.boxed()
    });
    case!(request, begin_again, |app| {
        let by_google = Session::of(&Browser::new(app).sign_in("google", &subject).await.expect(200));
        assert_eq!(by_google.user["id"], session.user["id"]);
        is_live(app, &session).await;
    })
}

async fn begin_link(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let request = Request::post_as(&session, "/me/links/google", json!({"password": PASSWORD}));
    case!(request, |app| {
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["linked_providers"], json!([]));
    })
}

async fn unlink(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let subject = verified_account(app, "google", "else@example.com").await;
    link(app, &session, &subject).await.expect(200);
    let unlink = Request::delete_as(&session, "/me/links/google").with_body(&json!({"password": PASSWORD}));
    case!(unlink, |app| {
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["linked_providers"], json!([]));
        gets_in(app, EMAIL, PASSWORD).await;
    })
}
