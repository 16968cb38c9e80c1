//! Sign-in with Google and GitHub, and their links.

use super::sign_in::{EMAIL, gets_in, is_live};
use super::{Case, Operation, anew, case, open, own, scenario};
use crate::app::{Answer, PASSWORD, Session, TestApp};
use crate::browser::{Browser, verified_account};
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::json;

pub fn operations() -> Vec<Operation> {
    vec![
        open("GET /google/login", 302)
            .limited()
            .scenario(scenario!("GET /google/login", begin_at_google).measured(302)),
        open("GET /github/login", 302).limited().scenario(scenario!("GET /github/login", begin_at_github)),
        open("GET /auth/social/callback/google", 302)
            .limited()
            .scenario(scenario!("GET /auth/social/callback/google", linked_to_google).measured(200))
            .scenario(
                scenario!("GET /auth/social/callback/google of a newcomer", newcomer_by_google).measured(200).denied(),
            )
            .scenario(scenario!("GET /auth/social/callback/google that links", callback_that_links).measured(200)),
        open("GET /auth/social/callback/github", 302)
            .limited()
            .scenario(scenario!("GET /auth/social/callback/github of a newcomer", newcomer_by_github))
            .scenario(
                scenario!("GET /auth/social/callback/github that takes over an unverified account", takeover_by_github)
                    .denied(),
            ),
        own("POST /me/links/{provider}", 200)
            .at("/me/links/google")
            .limited()
            .scenario(scenario!("POST /me/links/{provider}", begin_link).measured(200)),
        own("DELETE /me/links/{provider}", 404)
            .at("/me/links/google")
            .limited()
            .scenario(scenario!("DELETE /me/links/{provider}", unlink).measured(204)),
    ]
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
