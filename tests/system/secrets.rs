//! The contents of tables, queues and logs give no access.

use serde_json::json;
use tollgate_store::schema::TABLES;
use tollgate_tests::app::{PASSWORD, Session, TestApp};
use tollgate_tests::browser::{Browser, verified_account};
use tollgate_tests::request::Request;

const NEW: &str = "another horse staple";

/// A scenario with every feature; returns every secret that it issued.
async fn full_run(app: &TestApp) -> Vec<String> {
    let (email, session) = app.person("secretive").await;
    app.make_admins(&[&session]).await;
    let service = app.post_as(&session, "/admin/service-credentials", json!({"name": "the API"})).await.expect(201);
    let service = service.body["secret"].as_str().unwrap().to_owned();
    let introspect = Request::post_form("/introspect", &format!("token={}", session.access)).bearing(&service);
    assert_eq!(introspect.send(app).await.expect(200).body["active"], true);
    let mut secrets = vec![PASSWORD.to_owned(), NEW.to_owned(), session.access.clone(), session.refresh.clone()];
    secrets.extend([service.rsplit('_').next().unwrap().to_owned(), service]);
    let (_, invitation) = app.invite(&session, "secretive.invited@example.com").await;
    secrets.push(invitation);
    let verify = app.mail(&email, "verify").await;
    secrets.push(verify["code"].as_str().unwrap().to_owned());
    secrets.push(app.link_token(&email, "verify").await);
    let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
    secrets.extend([next.access.clone(), next.refresh.clone()]);
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let reset = app.link_token(&email, "reset").await;
    app.post("/new-password", json!({"token": reset, "password": NEW})).await.expect(200);
    secrets.push(reset);
    app.login(&email, "a wrong password").await.refused(401, "invalid_credentials");
    app.register("waiting").await.expect(202);
    app.drain().await;
    let waiting = app.mail("waiting@example.com", "verify").await;
    secrets.push(waiting["code"].as_str().unwrap().to_owned());
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    let code = app.code(&email, "login_code").await;
    let by_code = app.post("/login/code", json!({"email": email, "code": code})).await.expect(200);
    let session = Session::of(&by_code);
    secrets.extend([code, session.access.clone(), by_code.cookie("device").unwrap()]);
    app.post_as(&session, "/change-email", json!({"new_email": "secretive.new@example.com"})).await.expect(202);
    secrets.push(app.link_token("secretive.new@example.com", "verify").await);
    for provider in ["google", "github"] {
        let subject = verified_account(app, provider, &format!("secretive.{provider}@example.com")).await;
        let browser = Browser::new(app);
        let back = browser.consent(provider, &subject, "").await;
        let parameters: Vec<_> =
            back.split(['?', '&']).skip(1).map(|pair| pair.split_once('=').unwrap().1.to_owned()).collect();
        secrets.extend(parameters);
        secrets.push(browser.cookie("oauth_state").unwrap());
        browser.get(&back).await.expect(302);
        secrets.push(browser.cookie("refresh_token").unwrap());
        // Started and not completed: the row is stored.
        browser.consent(provider, &subject, "").await;
    }
    secrets
}

/// The parts of a secret that would be enough to use it: its last part, its signature.
fn uses(secret: &str) -> [&str; 2] {
    [secret, secret.rsplit('.').next().unwrap()]
}

// S19
#[tokio::test]
async fn a_dump_of_every_table_and_stream_grants_no_access() {
    let app = TestApp::start().await;
    let secrets = full_run(&app).await;
    let mut dump = String::new();
    for table in TABLES {
        for item in app.table(table.name).await {
            dump.push_str(&item.to_string());
        }
    }
    dump.push_str(&app.stack.stream_dump().unwrap());
    assert!(dump.contains("secretive@example.com"), "the dump is one");
    for secret in &secrets {
        for part in uses(secret) {
            // Six digits may occur by chance in an id: they only count as a whole word.
            let found = if part.len() == 6 { dump.contains(&format!("\"{part}\"")) } else { dump.contains(part) };
            assert!(!found, "{secret}");
        }
    }
}

// S28
#[tokio::test]
async fn the_logs_of_a_full_run_hold_no_password_code_token_or_address() {
    let app = TestApp::start().await;
    let secrets = full_run(&app).await;
    let logs = tollgate_tests::logs::text();
    assert!(logs.contains("\"route\":\"/login\"") && logs.contains("mail sent"), "the logs are there");
    for secret in &secrets {
        for part in uses(secret) {
            let found = if part.len() == 6 { logs.contains(&format!("\"{part}\"")) } else { logs.contains(part) };
            assert!(!found, "{secret}");
        }
    }
    assert!(!logs.contains("secretive@") && !logs.contains("waiting@"));
}
