//! Sign-in at Google and GitHub (S21–S24, R16).

mod answers;

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::Options;
use tollgate_local::faults::{Fault, Kind};
use tollgate_local::service::Service;
use tollgate_tests::app::{Answer, PASSWORD, Session, TestApp, options};
use tollgate_tests::browser::{Browser, account, location, verified_account};

const PROVIDERS: [&str; 2] = ["google", "github"];
const JSON: (&str, &str) = ("accept", "application/json");

fn query_of(address: &str, name: &str) -> Option<String> {
    let query = address.split_once('?')?.1.split('#').next()?;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

async fn counts(app: &TestApp) -> [usize; 3] {
    let mut counts = [0; 3];
    for (index, table) in ["identity", "gate", "credentials"].iter().enumerate() {
        counts[index] = app.table(table).await.len();
    }
    counts
}

#[tokio::test]
async fn a_new_user_registers_by_a_provider_and_signs_in_again() {
    for provider in PROVIDERS {
        let app = TestApp::start().await;
        let new = json!({"email": "Ann@Example.com", "email_verified": true, "username": "Ann Lee"});
        let subject = account(&app, provider, new).await;
        let browser = Browser::new(&app);
        let back = browser.consent(provider, &subject, "").await;
        let answer = browser.get(&back).await.expect(302);
        assert_eq!(location(&answer), format!("{}/account", app.stack.base_url()));
        assert!(answer.cookie_line("refresh_token").unwrap().contains("HttpOnly") && answer.cookie("device").is_some());
        assert!(answer.text.is_empty() && !location(&answer).contains("token"), "no token in an address");
        let refreshed = app.refresh(&browser.cookie("refresh_token").unwrap()).await.expect(200);
        let session = Session::of(&refreshed);
        let me = app.get_as(&session, "/me").await.expect(200).body;
        assert_eq!(me["email"], "Ann@example.com");
        assert_eq!((&me["provider"], &me["email_verified"]), (&json!(provider), &json!(true)));
        assert_eq!((&me["has_password"], &me["linked_providers"]), (&json!(false), &json!([provider])));
        assert_eq!(me["username"], "Ann.Lee");

        // Another address there, the same account here: the identity counts, and the address is the first one.
        let moved = json!({"email": "else@example.com", "email_verified": false, "subject": subject});
        account(&app, provider, moved).await;
        let again = Browser::new(&app).sign_in(provider, &subject).await.expect(200);
        assert_eq!((&again.body["user"]["id"], &again.body["user"]["email"]), (&me["id"], &me["email"]));
        assert!(again.cookie("refresh_token").is_some());
        let expected = ["user.registered", "user.signed_in", "user.signed_in"];
        assert_eq!(app.actions().await, expected);
    }
}

// S21
#[tokio::test]
async fn the_authorization_url_has_state_pkce_and_nonce_and_sets_a_short_cookie() {
    for provider in PROVIDERS {
        let app = TestApp::start().await;
        let answer = app.get(&format!("/{provider}/login")).await.expect(302);
        let place = location(&answer);
        assert_eq!(query_of(&place, "code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(query_of(&place, "code_challenge").unwrap().len(), 43);
        assert_eq!(query_of(&place, "response_type").as_deref(), Some("code"));
        assert!(query_of(&place, "state").is_some_and(|state| state.len() > 40));
        assert_eq!(query_of(&place, "nonce").is_some(), provider == "google");
        let cookie = answer.cookie_line("oauth_state").unwrap();
        for part in ["HttpOnly", "SameSite=Lax", "Max-Age=600"] {
            assert!(cookie.contains(part), "{cookie}");
        }
    }
}

// S21
#[tokio::test]
async fn only_an_allowed_address_is_returned_to() {
    let app = TestApp::start().await;
    let base = app.stack.base_url();
    for bad in [
        "/account",
        "//evil.example",
        "https://evil.example",
        "https:%5C%5Cevil.example",
        "javascript:alert(1)",
        "http://127.0.0.1",
        "%20http://127.0.0.1",
        "",
    ] {
        let answer = app.get(&format!("/google/login?return_to={bad}")).await;
        answer.refused(400, "invalid_return_to");
    }
    for bad in [
        format!("{base}@evil.example"),
        format!("{base}%5C.evil.example"),
        format!("{base}/%0A"),
        format!("{base}/%20x"),
    ] {
        app.get(&format!("/google/login?return_to={bad}")).await.refused(400, "invalid_return_to");
    }
    app.get(&format!("/google/login?return_to={base}&return_to={base}")).await.refused(400, "invalid_return_to");
    let subject = verified_account(&app, "google", "ann@example.com").await;
    let browser = Browser::new(&app);
    let place = format!("{base}/account/sessions?tab=1#top");
    let encoded = place.replace('#', "%23").replace('?', "%3F").replace('=', "%3D");
    let back = browser.consent("google", &subject, &format!("?return_to={encoded}")).await;
    assert_eq!(location(&browser.get(&back).await.expect(302)), place);
}

async fn mismatch(answer: Answer) {
    answer.refused(400, "oauth_state_mismatch");
}

// S21
#[tokio::test]
async fn a_state_is_valid_once_in_its_browser_at_its_provider_for_10_min() {
    let app = TestApp::start().await;
    let subject = verified_account(&app, "google", "ann@example.com").await;
    let browser = Browser::new(&app);
    let back = browser.consent("google", &subject, "").await;
    let json = async |browser: &Browser<'_>, place: &str| browser.send(Method::GET, place, &[JSON], None).await;

    mismatch(json(&Browser::new(&app), &back).await).await; // another browser, without a cookie
    let other = Browser::new(&app);
    other.get("/google/login").await.expect(302);
    mismatch(json(&other, &back).await).await; // another browser, with its own cookie
    mismatch(json(&browser, &back.replace("/google", "/github")).await).await;
    let state = query_of(&back, "state").unwrap();
    let last = if state.ends_with('A') { "B" } else { "A" };
    mismatch(json(&browser, &back.replace(&state, &format!("{}{last}", &state[..state.len() - 1]))).await).await;
    mismatch(json(&browser, "/auth/social/callback/google").await).await;
    mismatch(json(&browser, "/auth/social/callback/google?state=&code=x").await).await;
    mismatch(json(&browser, "/auth/social/callback/google?state=a&state=b").await).await;
    // A browser without a cookie is redirected to the front end.
    let answer = Browser::new(&app).get(&back).await.expect(302);
    assert_eq!(location(&answer), format!("{}/account?error=oauth_state_mismatch", app.stack.base_url()));
    assert!(answer.headers.get("set-cookie").is_none());

    json(&browser, &back).await.expect(200); // none of these used it up
    mismatch(json(&browser, &back).await).await;

    let back = browser.consent("google", &subject, "").await;
    app.advance(600);
    mismatch(json(&browser, &back).await).await;
}

// S21
#[tokio::test]
async fn two_tabs_share_the_cookie_and_both_end_signed_in() {
    let app = TestApp::start().await;
    let subject = verified_account(&app, "github", "ann@example.com").await;
    let browser = Browser::new(&app);
    let one = browser.consent("github", &subject, "").await;
    let two = browser.consent("github", &subject, "").await;
    for back in [two, one] {
        let answer = browser.get(&back).await.expect(302);
        assert!(!location(&answer).contains("error") && answer.cookie("refresh_token").is_some());
    }
}

// S21
#[tokio::test]
async fn the_same_callback_fifty_times_at_once_creates_one_session() {
    let app = TestApp::start().await;
    let subject = verified_account(&app, "google", "ann@example.com").await;
    let browser = Browser::new(&app);
    let back = browser.consent("google", &subject, "").await;
    let calls = (0..50).map(|_| browser.send(Method::GET, &back, &[JSON], None));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(app.table("gate").await.len(), 1);
}

// S22
#[tokio::test]
async fn an_address_that_the_provider_did_not_verify_matches_no_account() {
    let app = TestApp::start().await;
    let victim = app.member("victim").await;
    let before = counts(&app).await;
    let unverified = |emails: Value| json!({"email": victim, "email_verified": false, "emails": emails});
    let google = account(&app, "google", json!({"email": victim, "email_verified": false})).await;
    let address =
        |email: &str, verified: bool, primary: bool| json!({"email": email, "verified": verified, "primary": primary});
    let mut cases = vec![("google", google)];
    for emails in [
        Value::Null,
        json!([]),
        json!([address("victim@example.com", false, true)]),
        json!([address("victim@example.com", true, false)]),
        json!([address("victim@example.com", true, false), address("other@example.com", false, true)]),
    ] {
        cases.push(("github", account(&app, "github", unverified(emails)).await));
    }
    for (provider, subject) in cases {
        let browser = Browser::new(&app);
        browser.sign_in(provider, &subject).await.refused(400, "email_not_verified_by_provider");
        let back = browser.consent(provider, &subject, "").await;
        assert!(location(&browser.get(&back).await.expect(302)).ends_with("?error=email_not_verified_by_provider"));
    }
    assert_eq!(counts(&app).await, before);
    // Only the verified primary address counts.
    let emails = json!([address("x@example.com", true, false), address("real@example.com", true, true)]);
    let subject = account(&app, "github", json!({"email": "shown@example.com", "emails": emails})).await;
    let answer = Browser::new(&app).sign_in("github", &subject).await.expect(200);
    assert_eq!(answer.body["user"]["email"], "real@example.com");
}

// S22
#[tokio::test]
async fn an_unlinked_identity_does_not_open_a_verified_account_of_its_address() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    for provider in PROVIDERS {
        let subject = verified_account(&app, provider, "ANN@example.com").await;
        let before = counts(&app).await;
        Browser::new(&app).sign_in(provider, &subject).await.refused(409, "account_exists");
        assert_eq!(counts(&app).await, before);
    }
    app.login(&email, PASSWORD).await.expect(200);
}

// S23
#[tokio::test]
async fn sign_in_by_provider_takes_over_an_unverified_account_of_its_address() {
    for provider in PROVIDERS {
        let app = TestApp::start().await;
        app.register("squatter").await.expect(202);
        let email = "squatter@example.com";
        let link = app.link_token(email, "verify").await;
        let subject = verified_account(&app, provider, email).await;
        let answer = Browser::new(&app).sign_in(provider, &subject).await.expect(200);
        assert_eq!(answer.body["user"]["email_verified"], true);
        let me = app.get_as(&Session::of(&answer), "/me").await.expect(200).body;
        assert_eq!((&me["has_password"], &me["linked_providers"]), (&json!(false), &json!([provider])));
        app.login(email, PASSWORD).await.refused(401, "invalid_credentials");
        app.post("/verify", json!({"token": link})).await.refused(400, "invalid_token");
        Browser::new(&app).sign_in(provider, &subject).await.expect(200);
        let actions = app.actions().await;
        assert!(actions.contains(&"user.linked".to_owned()) && actions.contains(&"user.verified".to_owned()));
        assert!(app.table("credentials").await.is_empty());
    }
}

// S24
#[tokio::test]
async fn an_invalid_id_token_is_refused() {
    let app = TestApp::start().await;
    for flaw in ["wrong_signature", "wrong_iss", "wrong_aud", "expired", "wrong_nonce", "alg_none"] {
        let new = json!({"email": format!("{flaw}@example.com"), "email_verified": true, "id_token": flaw});
        let subject = account(&app, "google", new).await;
        let answer = Browser::new(&app).sign_in("google", &subject).await.refused(400, "oauth_denied");
        assert!(answer.cookie("refresh_token").is_none(), "{flaw}");
    }
    assert_eq!(counts(&app).await, [0; 3]);
}

#[tokio::test]
async fn a_denial_by_user_or_provider_is_reported_and_creates_nothing() {
    for provider in PROVIDERS {
        let app = TestApp::start().await;
        let subject = verified_account(&app, provider, "ann@example.com").await;
        let browser = Browser::new(&app);
        let begun = browser.get(&format!("/{provider}/login")).await.expect(302);
        let place = location(&begun);
        let form = format!("{}&deny=1", place.split_once('?').unwrap().1);
        let denied = browser.send(Method::POST, &format!("/_{provider}/consent"), &[], Some(form)).await.expect(302);
        browser.send(Method::GET, &location(&denied), &[JSON], None).await.refused(400, "oauth_denied");

        let back = browser.consent(provider, &subject, "").await;
        let code = query_of(&back, "code").unwrap();
        let forged = back.replace(&code, "forged");
        browser.send(Method::GET, &forged, &[JSON], None).await.refused(400, "oauth_denied");
        // A code of another flow, which has another verifier.
        let first = browser.consent(provider, &subject, "").await;
        let second = browser.consent(provider, &subject, "").await;
        let swapped = second.replace(&query_of(&second, "code").unwrap(), &query_of(&first, "code").unwrap());
        let answer = browser.send(Method::GET, &swapped, &[JSON], None).await.refused(400, "oauth_denied");
        assert!(answer.cookie("refresh_token").is_none());
        assert_eq!(counts(&app).await, [0; 3]);
    }
}

// R16
#[tokio::test]
async fn a_failing_provider_creates_no_session_and_no_account() {
    let operations = [
        ("google", Service::Google, "POST /token"),
        ("google", Service::Google, "GET /certs"),
        ("github", Service::Github, "POST /login/oauth/access_token"),
        ("github", Service::Github, "GET /user"),
        ("github", Service::Github, "GET /user/emails"),
    ];
    for (provider, service, operation) in operations {
        for kind in [Kind::Hang, Kind::Error, Kind::Throttle, Kind::LostResponse] {
            let app = TestApp::start().await;
            let subject = verified_account(&app, provider, "ann@example.com").await;
            let browser = Browser::new(&app);
            let back = browser.consent(provider, &subject, "").await;
            let fault = Fault { service, operation: Some(operation.into()), kind, after: 0, times: 10 };
            assert!(app.stack.fault_injector().add(fault));
            let answer = browser.send(Method::GET, &back, &[JSON], None).await;
            let refused = answer.refused(502, "oauth_provider_unavailable");
            assert!(refused.cookie("refresh_token").is_none(), "{operation} {kind:?}");
            assert_eq!(counts(&app).await, [0; 3], "{operation} {kind:?}");
            app.stack.fault_injector().clear();
            browser.sign_in(provider, &subject).await.expect(200);
        }
    }
}

// R16
#[tokio::test]
async fn a_malformed_provider_answer_is_a_provider_error() {
    // This service's own pages in place of the provider's: HTML, and JSON of another shape.
    for (variable, place) in [
        ("GOOGLE_TOKEN_URL", "account"),
        ("GOOGLE_TOKEN_URL", "healthz"),
        ("GOOGLE_JWKS_URL", "account"),
        ("GITHUB_TOKEN_URL", "account"),
        ("GITHUB_USER_API", "healthz"),
        ("GITHUB_EMAILS", "account"),
    ] {
        let other = TestApp::start().await;
        let address = format!("{}/{place}", other.stack.base_url());
        let mut options = options();
        options.env.push((variable.to_owned(), address));
        let app = TestApp::start_with(options).await;
        let provider = variable.split('_').next().unwrap().to_lowercase();
        let subject = verified_account(&app, &provider, "ann@example.com").await;
        let answer = Browser::new(&app).sign_in(&provider, &subject).await;
        answer.refused(502, "oauth_provider_unavailable");
        assert_eq!(counts(&app).await, [0; 3], "{variable} {place}");
    }
}

#[tokio::test]
async fn a_disabled_account_is_refused_after_the_provider_confirms_it() {
    for provider in PROVIDERS {
        let app = TestApp::start().await;
        let subject = verified_account(&app, provider, "ann@example.com").await;
        let browser = Browser::new(&app);
        let session = Session::of(&browser.sign_in(provider, &subject).await.expect(200));
        app.post_as(&session, "/deactivate", json!({})).await.expect(200);
        browser.sign_in(provider, &subject).await.refused(403, "account_disabled");
        let back = browser.consent(provider, &subject, "").await;
        let answer = browser.get(&back).await.expect(302);
        assert!(location(&answer).ends_with("?error=account_disabled") && answer.headers.get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn an_unconfigured_provider_is_reported_and_other_routes_work() {
    for (variable, provider) in [("GOOGLE_CLIENT_ID", "google"), ("GITHUB_CLIENT_ID", "github")] {
        let mut options = options();
        options.env.push((variable.to_owned(), "unset".to_owned()));
        let app = TestApp::start_with(options).await;
        app.get(&format!("/{provider}/login")).await.refused(503, "provider_not_configured");
        let (_, session) = app.person("ann").await;
        app.post_as(&session, &format!("/me/links/{provider}"), json!({}))
            .await
            .refused(503, "provider_not_configured");
    }
}

// S16
#[tokio::test]
async fn a_provider_with_only_an_id_or_only_a_secret_stops_the_start() {
    for (given, missing) in [
        ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
        ("GOOGLE_CLIENT_SECRET", "GOOGLE_CLIENT_ID"),
        ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"),
        ("GITHUB_CLIENT_SECRET", "GITHUB_CLIENT_ID"),
    ] {
        let env = vec![(given.to_owned(), "something".to_owned())];
        let error = tollgate_local::Stack::start(Options { env, ..options() }).await.err().unwrap();
        assert!(error.to_string().starts_with(&format!("{missing}:")), "{error}");
    }
}

#[tokio::test]
async fn a_taken_reserved_or_missing_user_name_is_made_unique() {
    let app = TestApp::start().await;
    app.member("ann").await;
    app.register("ann-2").await.expect(202);
    let email = |n: usize| format!("new{n}@example.com");
    for (n, username) in
        ["ann", "ANN", "x", "", "李 明", "a very long name that goes on and on and on"].iter().enumerate()
    {
        let new = json!({"email": email(n), "email_verified": true, "username": username});
        let subject = account(&app, "google", new).await;
        let answer = Browser::new(&app).sign_in("google", &subject).await.expect(200);
        let name = answer.body["user"]["username"].as_str().unwrap();
        assert!((3..=40).contains(&name.len()), "{name}");
        assert_ne!(name.to_lowercase(), "ann");
    }
}

#[tokio::test]
async fn a_provider_account_gets_a_first_password_by_mail() {
    let app = TestApp::start().await;
    let subject = verified_account(&app, "github", "ann@example.com").await;
    let session = Session::of(&Browser::new(&app).sign_in("github", &subject).await.expect(200));
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    let change = json!({"old_password": "x", "new_password": PASSWORD});
    app.post_as(&session, "/change-password", change).await.refused(409, "no_password");
    app.post("/forget-password", json!({"email": "ann@example.com"})).await.expect(202);
    let token = app.link_token("ann@example.com", "reset").await;
    app.post("/new-password", json!({"token": token, "password": PASSWORD})).await.expect(200);
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
    let session = app.sign_in("ann@example.com").await;
    let me = app.get_as(&session, "/me").await.expect(200).body;
    assert_eq!((&me["has_password"], &me["linked_providers"]), (&json!(true), &json!(["github"])));
    Browser::new(&app).sign_in("github", &subject).await.expect(200);
}

// S19
#[tokio::test]
async fn stored_data_of_a_running_flow_cannot_complete_it() {
    let app = TestApp::start().await;
    let subject = verified_account(&app, "google", "ann@example.com").await;
    let browser = Browser::new(&app);
    let back = browser.consent("google", &subject, "").await;
    let dump = Value::from(app.table("sessions").await).to_string();
    let state = query_of(&back, "state").unwrap();
    let cookie = browser.cookie("oauth_state").unwrap();
    for secret in [state.as_str(), state.rsplit_once('.').unwrap().1, cookie.as_str()] {
        assert!(!dump.contains(secret));
    }
    assert!(!dump.contains("verifier") && !dump.contains("nonce\""));
}
