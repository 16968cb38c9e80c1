//! Answers of a provider: addresses on several pages, errors, and a reloaded callback.

use super::*;

fn addresses(count: usize, primary_at: usize) -> Value {
    let address = |n: usize| {
        let is_primary = n == primary_at;
        json!({"email": format!("ann{n}@example.com"), "verified": true, "primary": is_primary})
    };
    json!((1..=count).map(address).collect::<Vec<_>>())
}

// B13, S22
#[tokio::test]
async fn the_primary_address_counts_on_whichever_page_it_is() {
    let app = TestApp::start().await;
    for (count, primary_at) in [(1, 1), (31, 31), (100, 100), (101, 101), (250, 201), (350, 150)] {
        let new = json!({"email": "shown@example.com", "emails": addresses(count, primary_at)});
        let subject = account(&app, "github", new).await;
        let answer = Browser::new(&app).sign_in("github", &subject).await;
        assert_eq!(answer.body["user"]["email"], format!("ann{primary_at}@example.com"), "{count}: {}", answer.text);
        let session = Session::of(&answer);
        app.post_as(&session, "/me/delete", json!({})).await.expect(202);
        app.sweep("accounts").await.expect(200);
    }
    // None of many is a verified primary one.
    let subject = account(&app, "github", json!({"email": "x@example.com", "emails": addresses(250, 0)})).await;
    Browser::new(&app).sign_in("github", &subject).await.refused(400, "email_not_verified_by_provider");
}

// B4, S14
#[tokio::test]
async fn an_address_of_a_provider_that_mail_cannot_reach_is_not_supported() {
    let app = TestApp::start().await;
    for provider in PROVIDERS {
        for email in ["jörg@example.test", "иван@example.test", "x\u{3164}@example.test"] {
            let subject = verified_account(&app, provider, email).await;
            let browser = Browser::new(&app);
            browser.sign_in(provider, &subject).await.refused(400, "email_not_supported");
            let back = browser.consent(provider, &subject, "").await;
            assert!(location(&browser.get(&back).await.expect(302)).ends_with("?error=email_not_supported"));
        }
    }
    assert_eq!(counts(&app).await, [0; 3]);
}

// B14, R16
#[tokio::test]
async fn an_error_of_the_provider_is_not_a_denial_by_the_user() {
    for provider in PROVIDERS {
        let app = TestApp::start().await;
        for (error, status, code) in [
            ("temporarily_unavailable", 502, "oauth_provider_unavailable"),
            ("server_error", 502, "oauth_provider_unavailable"),
            ("access_denied", 400, "oauth_denied"),
            ("invalid_scope", 400, "oauth_denied"),
            ("unauthorized_client", 400, "oauth_denied"),
            ("", 400, "oauth_denied"),
        ] {
            let browser = Browser::new(&app);
            let begun = browser.get(&format!("/{provider}/login")).await.expect(302);
            let state = query_of(&location(&begun), "state").unwrap();
            let back = format!("/auth/social/callback/{provider}?error={error}&error_description=x&state={state}");
            let answer = browser.send(Method::GET, &back, &[JSON], None).await;
            assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (status, Some(code)), "{error}");
            let begun = browser.get(&format!("/{provider}/login")).await.expect(302);
            let state = query_of(&location(&begun), "state").unwrap();
            let back = format!("/auth/social/callback/{provider}?error={error}&state={state}");
            assert!(location(&browser.get(&back).await.expect(302)).ends_with(&format!("?error={code}")), "{error}");
        }
    }
}

// B14
#[tokio::test]
async fn a_reloaded_callback_repeats_its_redirect_until_its_session_ends() {
    for provider in PROVIDERS {
        let app = TestApp::start().await;
        let subject = verified_account(&app, provider, "ann@example.com").await;
        let browser = Browser::new(&app);
        let place = format!("{}/account/sessions", app.stack.base_url());
        let back = browser.consent(provider, &subject, &format!("?return_to={place}")).await;
        let first = browser.get(&back).await.expect(302);
        let mismatch = format!("{}/account?error=oauth_state_mismatch", app.stack.base_url());
        for _ in 0..2 {
            let again = browser.get(&back).await.expect(302);
            assert_eq!(location(&again), location(&first), "{provider}");
            assert!(again.headers.get("set-cookie").is_none(), "it creates no session");
        }
        // The session continues with a rotated token.
        let rotated = browser.send(Method::POST, "/refresh-token", &[], None).await.expect(200);
        assert_eq!(location(&browser.get(&back).await.expect(302)), place);
        // Another browser, or a program, learns nothing.
        assert_eq!(location(&Browser::new(&app).get(&back).await.expect(302)), mismatch);
        let thief = Browser::new(&app);
        thief.set_cookie("oauth_state", &browser.cookie("oauth_state").unwrap());
        assert_eq!(location(&thief.get(&back).await.expect(302)), mismatch, "without its session");
        browser.send(Method::GET, &back, &[JSON], None).await.refused(400, "oauth_state_mismatch");
        // After the session has ended, the callback is refused.
        let id = app.get_as(&Session::of(&rotated), "/sessions").await.body["items"][0]["id"].clone();
        app.delete_as(&Session::of(&rotated), &format!("/sessions/{}", id.as_str().unwrap())).await.expect(204);
        assert_eq!(location(&browser.get(&back).await.expect(302)), mismatch);
    }
}
