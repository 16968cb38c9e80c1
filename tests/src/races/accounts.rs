//! Two concurrent requests on accounts and sessions, and the checks for every interleaving.

use super::race::{Race, RaceSetup, race, two_racers};
use crate::app::{Answer, PASSWORD, Session, TestApp, World};
use crate::browser::{Browser, verified_account};
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::{Value, json};

const EMAIL: &str = "ann@example.com";
const NEW_PASSWORD: &str = "another horse staple";

pub const RACES: &[Race] = &[
    race!(WithoutPlans, "refresh ∥ refresh", refresh_refresh),
    race!(WithoutPlans, "refresh ∥ sign-out", refresh_logout),
    race!(WithoutPlans, "refresh ∥ revocation", refresh_revoke),
    race!(WithoutPlans, "new password ∥ login", reset_login),
    race!(WithoutPlans, "new password ∥ refresh", reset_refresh),
    race!(WithoutPlans, "new password ∥ new password", reset_reset),
    race!(WithoutPlans, "change of password ∥ login", change_login),
    race!(WithoutPlans, "change of password ∥ refresh", change_refresh),
    race!(WithoutPlans, "register ∥ register, one address", register_address),
    race!(WithoutPlans, "register ∥ register, one name", register_name),
    race!(WithoutPlans, "register ∥ register, one invitation", register_invited_twice),
    race!(WithoutPlans, "register by an invitation ∥ its revocation", register_revoke),
    race!(WithoutPlans, "register by an invitation ∥ register of its address", register_invited_register),
    race!(WithoutPlans, "invitation ∥ invitation of one address", invite_invite),
    race!(WithoutPlans, "invitation again ∥ register by the first one", invite_register),
    race!(WithoutPlans, "register ∥ callback of a newcomer", register_callback),
    race!(WithoutPlans, "code ∥ code", code_code),
    race!(WithoutPlans, "code ∥ new password", code_reset),
    race!(WithoutPlans, "callback ∥ callback", callback_callback),
    race!(WithoutPlans, "link ∥ link, one identity", link_link),
    race!(WithoutPlans, "unlink ∥ unlink, the last two", unlink_unlink),
    race!(WithoutPlans, "verification ∥ verification of one new address", verify_verify),
    race!(WithoutPlans, "verification of a new address ∥ register of it", verify_register),
    race!(WithoutPlans, "deactivate ∥ login", deactivate_login),
    race!(WithoutPlans, "deactivate ∥ deactivate, the last two admins", admins),
];

fn login(password: &str) -> Request {
    Request::post("/login", json!({"email": EMAIL, "password": password}))
}

fn refresh(session: &Session) -> Request {
    Request::post_with_cookie("/refresh-token", &session.refresh)
}

fn statuses(answers: &[Answer; 2]) -> [u16; 2] {
    answers.each_ref().map(|answer| answer.status.as_u16())
}

/// One request succeeded with `served`, and the other one was refused with `refused`.
fn one_each(answers: &[Answer; 2], served: u16, refused: u16) {
    let mut found = statuses(answers);
    found.sort_unstable();
    assert_eq!(found, [served, refused], "{} {}", answers[0].text, answers[1].text);
}

/// The session or token of this answer is not valid any more.
async fn hands_out_nothing_that_lives(app: &TestApp, answer: &Answer) {
    if answer.status == 200 {
        is_dead(app, &Session::of(answer)).await;
    } else {
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
}

/// How many sign-ins the audit trail has, and how many that failed.
async fn recorded(app: &TestApp) -> [usize; 2] {
    let actions = app.actions().await;
    ["user.signed_in", "user.sign_in_failed"].map(|wanted| actions.iter().filter(|action| *action == wanted).count())
}

/// Since `before` the audit trail has one entry more: that of the sign-in with this answer.
async fn is_recorded(app: &TestApp, [done, failed]: [usize; 2], answer: &Answer) {
    let wanted = if answer.status == 200 { [done + 1, failed] } else { [done, failed + 1] };
    assert_eq!(recorded(app).await, wanted, "{}", answer.text);
}

async fn is_dead(app: &TestApp, session: &Session) {
    app.get_as(session, "/me").await.refused(401, "unauthenticated");
    app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
}

/// An admin, an invitation of the address, and the token of its link.
async fn invited(app: &TestApp) -> (Session, Value, String) {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let (invitation, token) = app.invite(&admin, EMAIL).await;
    (admin, invitation, token)
}

fn register_by(token: &str, name: &str) -> Request {
    Request::post("/register", json!({"invitation": token, "username": name, "password": PASSWORD}))
}

async fn open_invitations(app: &TestApp, admin: &Session) -> usize {
    app.get_as(admin, "/admin/invitations").await.expect(200).body["items"].as_array().unwrap().len()
}

/// The number of accounts with the address, and of rows of invitations.
async fn accounts_and_invitations(app: &TestApp) -> (usize, usize) {
    let profiles = app.table("identity").await.into_iter().filter(|item| item["email"]["S"] == EMAIL);
    let is_invitation = |row: &Value| row["sk"]["S"] == "INVITATION" || row["pk"]["S"] == "INVITATIONS";
    let rows = app.table("sessions").await.into_iter().filter(is_invitation);
    (profiles.count(), rows.count())
}

// R9
async fn register_invited_twice(app: &TestApp) -> RaceSetup {
    let (_, _, token) = invited(app).await;
    two_racers!([register_by(&token, "ann"), register_by(&token, "ann-2")], |app, answers| {
        one_each(&answers, 200, 400);
        let session = Session::of(answers.iter().find(|answer| answer.status == 200).unwrap());
        app.get_as(&session, "/me").await.expect(200);
        app.login(EMAIL, PASSWORD).await.expect(200);
        assert_eq!(accounts_and_invitations(app).await, (1, 0));
    })
}

async fn register_revoke(app: &TestApp) -> RaceSetup {
    let (admin, invitation, token) = invited(app).await;
    let path = format!("/admin/invitations/{}", invitation["id"].as_str().unwrap());
    two_racers!([register_by(&token, "ann"), Request::delete_as(&admin, &path)], |app, answers| {
        let has_account = match statuses(&answers) {
            [200, 404] => 1,
            [400, 204] => 0,
            other => panic!("{other:?} {} {}", answers[0].text, answers[1].text),
        };
        assert_eq!(accounts_and_invitations(app).await, (has_account, 0));
    })
}

async fn register_invited_register(app: &TestApp) -> RaceSetup {
    let (_, _, token) = invited(app).await;
    let register = json!({"email": EMAIL, "username": "other", "password": NEW_PASSWORD});
    two_racers!([register_by(&token, "ann"), Request::post("/register", register)], |app, answers| {
        let [invited, registered] = answers;
        registered.expect(202);
        let is_accepted = invited.status == 200;
        if is_accepted {
            app.get_as(&Session::of(&invited), "/me").await.expect(200);
        } else {
            invited.refused(400, "invalid_token");
        }
        let invitations = if is_accepted { 0 } else { 2 };
        assert_eq!(accounts_and_invitations(app).await, (1, invitations));
    })
}

async fn invite_invite(app: &TestApp) -> RaceSetup {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let invite = || Request::post_as(&admin, "/admin/invitations", json!({"email": EMAIL}));
    two_racers!([invite(), invite()], |app, answers| {
        assert_eq!(statuses(&answers), [201, 201]);
        assert_eq!((open_invitations(app, &admin).await, accounts_and_invitations(app).await), (1, (0, 2)));
    })
}

async fn invite_register(app: &TestApp) -> RaceSetup {
    let (admin, _, token) = invited(app).await;
    let again = Request::post_as(&admin, "/admin/invitations", json!({"email": EMAIL}));
    two_racers!([again, register_by(&token, "ann")], |app, answers| {
        let left = match statuses(&answers) {
            [201, 400] => (0, 2),
            [409, 200] => (1, 0),
            other => panic!("{other:?} {} {}", answers[0].text, answers[1].text),
        };
        assert_eq!(accounts_and_invitations(app).await, left);
    })
}

// R10
async fn refresh_refresh(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    two_racers!([refresh(&session), refresh(&session)], |app, answers| {
        let [one, other] = answers.map(|answer| Session::of(&answer.expect(200)));
        assert_eq!(one.refresh, other.refresh, "one successor");
        app.get_as(&one, "/me").await.expect(200);
        app.refresh(&one.refresh).await.expect(200);
    })
}

// S17
async fn refresh_logout(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    two_racers!([refresh(&session), Request::post_with_cookie("/logout", &session.refresh)], |app, answers| {
        let [refreshed, signed_out] = answers;
        signed_out.expect(204);
        hands_out_nothing_that_lives(app, &refreshed).await;
        is_dead(app, &session).await;
    })
}

// S17
async fn refresh_revoke(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    let other = app.sign_in(EMAIL).await;
    let sessions = app.get_as(&session, "/sessions").await.expect(200).body["items"].clone();
    let of_other = sessions.as_array().unwrap().iter().find(|row| row["current"] == false).unwrap().clone();
    let revoke = Request::delete_as(&session, &format!("/sessions/{}", of_other["id"].as_str().unwrap()));
    two_racers!([refresh(&other), revoke], |app, answers| {
        let [refreshed, revoked] = answers;
        revoked.expect(204);
        hands_out_nothing_that_lives(app, &refreshed).await;
        app.get_as(&session, "/me").await.expect(200);
    })
}

async fn reset(app: &TestApp, password: &str) -> Request {
    app.post("/forget-password", json!({"email": EMAIL})).await.expect(202);
    let token = app.link_token(EMAIL, "reset").await;
    Request::post("/new-password", json!({"token": token, "password": password}))
}

// R10
async fn reset_login(app: &TestApp) -> RaceSetup {
    app.member("ann").await;
    let before = recorded(app).await;
    two_racers!([reset(app, NEW_PASSWORD).await, login(PASSWORD)], |app, answers| {
        let [set, signed_in] = answers;
        set.expect(200);
        is_recorded(app, before, &signed_in).await;
        hands_out_nothing_that_lives(app, &signed_in).await;
        app.login(EMAIL, NEW_PASSWORD).await.expect(200);
    })
}

// R10
async fn reset_refresh(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    two_racers!([reset(app, NEW_PASSWORD).await, refresh(&session)], |app, answers| {
        let [set, refreshed] = answers;
        set.expect(200);
        hands_out_nothing_that_lives(app, &refreshed).await;
        is_dead(app, &session).await;
    })
}

async fn reset_reset(app: &TestApp) -> RaceSetup {
    app.member("ann").await;
    let one = reset(app, NEW_PASSWORD).await;
    app.advance(60);
    let other = reset(app, "a third horse staple").await;
    two_racers!([one, other], |app, answers| {
        one_each(&answers, 200, 400);
        let first_won = answers[0].status == 200;
        let [good, bad] =
            if first_won { [NEW_PASSWORD, "a third horse staple"] } else { ["a third horse staple", NEW_PASSWORD] };
        app.login(EMAIL, good).await.expect(200);
        app.login(EMAIL, bad).await.refused(401, "invalid_credentials");
    })
}

fn change(session: &Session) -> Request {
    let body = json!({"old_password": PASSWORD, "new_password": NEW_PASSWORD});
    Request::post_as(session, "/change-password", body)
}

async fn change_login(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    let before = recorded(app).await;
    two_racers!([change(&session), login(PASSWORD)], |app, answers| {
        let [changed, signed_in] = answers;
        changed.expect(200);
        is_recorded(app, before, &signed_in).await;
        hands_out_nothing_that_lives(app, &signed_in).await;
        app.get_as(&session, "/me").await.expect(200);
    })
}

async fn change_refresh(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    let other = app.sign_in(EMAIL).await;
    two_racers!([change(&session), refresh(&other)], |app, answers| {
        let [changed, refreshed] = answers;
        changed.expect(200);
        hands_out_nothing_that_lives(app, &refreshed).await;
        app.get_as(&session, "/me").await.expect(200);
    })
}

fn register(email: &str, username: &str) -> Request {
    Request::post("/register", json!({"email": email, "username": username, "password": PASSWORD}))
}

/// The kinds of all mails.
async fn mails(app: &TestApp) -> Vec<String> {
    app.drain().await;
    let mails = app.get("/_local/emails").await.expect(200).body["items"].clone();
    let kinds = mails.as_array().unwrap().iter().map(|mail| mail["kind"].as_str().unwrap().to_owned());
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort();
    kinds
}

// R9
async fn register_address(_: &TestApp) -> RaceSetup {
    two_racers!([register(EMAIL, "ann"), register("ANN@example.com", "other")], |app, answers| {
        assert_eq!(statuses(&answers), [202, 202]);
        assert_eq!(mails(app).await, ["already_registered", "verify"]);
        assert_eq!(app.table("credentials").await.len(), 1);
    })
}

// R9
async fn register_name(_: &TestApp) -> RaceSetup {
    two_racers!([register(EMAIL, "ann"), register("bob@example.com", "ANN")], |app, answers| {
        one_each(&answers, 202, 409);
        assert_eq!(app.table("credentials").await.len(), 1);
        assert_eq!(mails(app).await, ["verify"]);
    })
}

// S23
async fn register_callback(app: &TestApp) -> RaceSetup {
    let subject = verified_account(app, "google", EMAIL).await;
    let browser = Browser::new(app);
    let back = browser.consent("google", &subject, "").await;
    two_racers!([register(EMAIL, "somebody"), Request::get_in(&browser, &back)], |app, answers| {
        let [registered, came_back] = answers;
        registered.expect(202);
        // The first request created the account; the owner of the address signs in by the provider, and the unverified
        // password does not work.
        assert!(matches!(came_back.status.as_u16(), 200 | 409), "{}", came_back.text);
        Browser::new(app).sign_in("google", &subject).await.expect(200);
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        assert_eq!(app.table("gate").await.len(), 1);
    })
}

async fn mailed_code(app: &TestApp) -> Value {
    app.post("/request/login-code", json!({"email": EMAIL})).await.expect(202);
    json!({"email": EMAIL, "code": app.code(EMAIL, "login_code").await})
}

async fn live_sessions(app: &TestApp) -> usize {
    app.table("gate").await.iter().filter_map(|gate| gate["sessions"]["M"].as_object().map(|all| all.len())).sum()
}

// S11
async fn code_code(app: &TestApp) -> RaceSetup {
    app.member("ann").await;
    let code = mailed_code(app).await;
    two_racers!([Request::post("/login/code", code.clone()), Request::post("/login/code", code)], |app, answers| {
        one_each(&answers, 200, 401);
        assert_eq!(live_sessions(app).await, 1);
    })
}

// R10
async fn code_reset(app: &TestApp) -> RaceSetup {
    app.member("ann").await;
    let code = mailed_code(app).await;
    two_racers!([Request::post("/login/code", code), reset(app, NEW_PASSWORD).await], |app, answers| {
        let [signed_in, set] = answers;
        set.expect(200);
        hands_out_nothing_that_lives(app, &signed_in).await;
    })
}

// S21
async fn callback_callback(app: &TestApp) -> RaceSetup {
    let subject = verified_account(app, "github", EMAIL).await;
    let browser = Browser::new(app);
    let back = browser.consent("github", &subject, "").await;
    let request = Request::get_in(&browser, &back);
    two_racers!([request.clone(), request], |app, answers| {
        one_each(&answers, 200, 400);
        assert_eq!((app.table("gate").await.len(), live_sessions(app).await), (1, 1));
    })
}

/// The return from the provider, where a signed-in user links it.
async fn linking(app: &TestApp, session: &Session, provider: &str, subject: &str) -> Request {
    let begun = app.post_as(session, &format!("/me/links/{provider}"), json!({})).await.expect(200);
    let browser = Browser::new(app);
    browser.set_cookie("oauth_state", &begun.cookie("oauth_state").unwrap());
    let back = browser.consent_at(begun.body["authorize_url"].as_str().unwrap().to_owned(), subject).await;
    Request::get_in(&browser, &back)
}

// S22
async fn link_link(app: &TestApp) -> RaceSetup {
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    let subject = verified_account(app, "google", "else@example.com").await;
    let requests = [linking(app, &ann, "google", &subject).await, linking(app, &bob, "google", &subject).await];
    two_racers!(requests, |app, answers| {
        one_each(&answers, 200, 409);
        let owner = if answers[0].status == 200 { &ann } else { &bob };
        let by_google = Browser::new(app).sign_in("google", &subject).await.expect(200);
        assert_eq!(by_google.body["user"]["id"], owner.user["id"]);
    })
}

async fn unlink_unlink(app: &TestApp) -> RaceSetup {
    let subject = verified_account(app, "google", EMAIL).await;
    let session = Session::of(&Browser::new(app).sign_in("google", &subject).await.expect(200));
    let other = verified_account(app, "github", "else@example.com").await;
    linking(app, &session, "github", &other).await.send(app).await.expect(200);
    let unlink = |provider: &str| Request::delete_as(&session, &format!("/me/links/{provider}"));
    two_racers!([unlink("google"), unlink("github")], |app, answers| {
        one_each(&answers, 204, 409);
        let remaining = app.get_as(&session, "/me").await.expect(200).body["linked_providers"].clone();
        assert_eq!(remaining.as_array().unwrap().len(), 1);
    })
}

async fn moving(app: &TestApp, session: &Session, to: &str) -> Request {
    app.post_as(session, "/change-email", json!({"new_email": to})).await.expect(202);
    let token = app.link_token(to, "verify").await;
    Request::post("/verify", json!({"token": token}))
}

// R9
async fn verify_verify(app: &TestApp) -> RaceSetup {
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    let one = moving(app, &ann, "new@example.com").await;
    app.advance(60);
    let other = moving(app, &bob, "new@example.com").await;
    two_racers!([one, other], |app, answers| {
        one_each(&answers, 200, 400);
        app.login("new@example.com", PASSWORD).await.expect(200);
        let stays = if answers[0].status == 200 { "bob@example.com" } else { EMAIL };
        app.login(stays, PASSWORD).await.expect(200);
        assert_eq!(app.table("credentials").await.len(), 2);
    })
}

// R9
async fn verify_register(app: &TestApp) -> RaceSetup {
    let (_, ann) = app.person("ann").await;
    let verification = moving(app, &ann, "new@example.com").await;
    two_racers!([verification, register("new@example.com", "newcomer")], |app, answers| {
        let [verified, registered] = answers;
        registered.expect(202);
        assert!(matches!(verified.status.as_u16(), 200 | 400), "{}", verified.text);
        let of_ann = if verified.status == 200 { "new@example.com" } else { EMAIL };
        app.login(of_ann, PASSWORD).await.expect(200);
        let accounts = if verified.status == 200 { 1 } else { 2 };
        assert_eq!(app.table("credentials").await.len(), accounts);
    })
}

// S17
async fn deactivate_login(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    let before = recorded(app).await;
    two_racers!([Request::post_as(&session, "/deactivate", json!({})), login(PASSWORD)], |app, answers| {
        let [closed, signed_in] = answers;
        closed.expect(200);
        is_recorded(app, before, &signed_in).await;
        if signed_in.status == 403 {
            assert_eq!(signed_in.body["code"], "account_disabled");
        } else {
            hands_out_nothing_that_lives(app, &signed_in).await;
        }
        assert_eq!(live_sessions(app).await, 0);
    })
}

async fn admins(app: &TestApp) -> RaceSetup {
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    app.make_admins(&[&ann, &bob]).await;
    let close_account = |session: &Session| Request::post_as(session, "/deactivate", json!({}));
    two_racers!([close_account(&ann), close_account(&bob)], |app, answers| {
        one_each(&answers, 200, 409);
        let stays = answers.iter().find(|answer| answer.status == 409).unwrap();
        assert_eq!(stays.body["code"], "last_admin");
        assert_eq!(app.counted_admins().await, 1);
    })
}
