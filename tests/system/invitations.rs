//! Invitations: an admin invites an address, its owner creates the account by the mailed link (S6, S10, S12).

use serde_json::{Value, json};
use tollgate_local::Options;
use tollgate_platform::Secret;
use tollgate_tests::app::{ADMIN, Answer, PASSWORD, Session, TestApp, limited, options};
use tollgate_tests::browser::{Browser, location, verified_account};

const PATH: &str = "/admin/invitations";
const EMAIL: &str = "ann@example.com";
const DAY: i64 = 86_400;

/// A stack with an admin and this value of `SIGN_UP`.
async fn start(sign_up: &str, options: Options) -> (TestApp, Session) {
    let mut options = Options { admin: Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned()))), ..options };
    options.env.push(("SIGN_UP".to_owned(), sign_up.to_owned()));
    let app = TestApp::start_with(options).await;
    let admin = admin_of(&app).await;
    (app, admin)
}

async fn admin_of(app: &TestApp) -> Session {
    Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200))
}

async fn register(app: &TestApp, token: &str, name: &str) -> Answer {
    app.post("/register", json!({"invitation": token, "username": name, "password": PASSWORD})).await
}

async fn open(app: &TestApp, admin: &Session) -> Vec<Value> {
    app.get_as(admin, PATH).await.expect(200).body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_invited_person_registers_signed_in_with_a_verified_address() {
    for sign_up in ["open", "invite"] {
        let (app, admin) = start(sign_up, options()).await;
        let (invitation, token) = app.invite(&admin, "Ann@example.com").await;
        assert_eq!(open(&app, &admin).await, std::slice::from_ref(&invitation));
        assert_eq!((&invitation["email"], &invitation["created_by"]), (&json!("Ann@example.com"), &admin.user["id"]));
        let mail = app.mail("Ann@example.com", "invitation").await;
        assert_eq!(mail["code"], Value::Null);
        let session = Session::of(&register(&app, &token, "ann").await.expect(200));
        let me = app.get_as(&session, "/me").await.expect(200).body;
        assert_eq!(
            (&me["email"], &me["email_verified"], &me["has_password"], &me["amr"]),
            (&json!("Ann@example.com"), &json!(true), &json!(true), &json!(["otp"])),
        );
        app.refresh(&session.refresh).await.expect(200);
        app.login(EMAIL, PASSWORD).await.expect(200);
        assert_eq!(open(&app, &admin).await, [] as [Value; 0]);
        assert!(app.mails(EMAIL).await.iter().all(|mail| mail["kind"] == "invitation"), "no verification is mailed");
    }
}

// S10
#[tokio::test]
async fn an_invitation_is_used_once_and_expires_after_seven_days() {
    let (app, admin) = start("invite", options()).await;
    let (_, token) = app.invite(&admin, EMAIL).await;
    app.advance(7 * DAY - 1);
    register(&app, &token, "ann").await.expect(200);
    register(&app, &token, "bob").await.refused(400, "invalid_token");

    let admin = admin_of(&app).await;
    let (invitation, token) = app.invite(&admin, "bob@example.com").await;
    app.advance(7 * DAY - 1);
    let admin = admin_of(&app).await;
    assert_eq!(open(&app, &admin).await.len(), 1);
    app.advance(1);
    assert_eq!(open(&app, &admin).await.len(), 0);
    register(&app, &token, "bob").await.refused(400, "token_expired");
    let path = format!("{PATH}/{}", invitation["id"].as_str().unwrap());
    app.delete_as(&admin, &path).await.refused(404, "not_found");
    let (_, token) = app.invite(&admin, "bob@example.com").await;
    register(&app, &token, "bob").await.expect(200);
}

#[tokio::test]
async fn a_second_invitation_of_an_address_replaces_the_first() {
    let (app, admin) = start("invite", options()).await;
    let (_, first) = app.invite(&admin, EMAIL).await;
    app.advance(60);
    let (second, token) = app.invite(&admin, "ANN@example.com").await;
    assert_ne!(first, token);
    assert_eq!(open(&app, &admin).await, [second]);
    register(&app, &first, "ann").await.refused(400, "invalid_token");
    register(&app, &token, "ann").await.expect(200);
    // The registration of another address leaves no trace of the first link.
    assert!(!app.table("sessions").await.iter().any(|row| row["sk"]["S"] == "INVITATION"));
}

#[tokio::test]
async fn a_revoked_invitation_creates_no_account() {
    let (app, admin) = start("invite", options()).await;
    let (invitation, token) = app.invite(&admin, EMAIL).await;
    let path = format!("{PATH}/{}", invitation["id"].as_str().unwrap());
    app.delete_as(&admin, &path).await.expect(204);
    app.delete_as(&admin, &path).await.refused(404, "not_found");
    register(&app, &token, "ann").await.refused(400, "invalid_token");
    assert_eq!(open(&app, &admin).await.len(), 0);
}

// S12
#[tokio::test]
async fn an_invitation_is_valid_for_its_address_and_purpose_only() {
    let (app, admin) = start("invite", options()).await;
    let (_, token) = app.invite(&admin, EMAIL).await;
    let (_, other) = app.invite(&admin, "bob@example.com").await;
    let body = |email: &str, token: &str| json!({"email": email, "invitation": token, "username": "ann", "password": PASSWORD});
    app.post("/register", body("eve@example.com", &token)).await.refused(400, "invalid_token");
    let mixed = format!("{}.{}", token.split_once('.').unwrap().0, other.split_once('.').unwrap().1);
    for wrong in [mixed.as_str(), "x", "", &format!("{token}x"), &admin.access] {
        app.post("/register", body(EMAIL, wrong)).await.refused(400, "invalid_token");
    }
    app.post("/verify", json!({"token": token})).await.refused(400, "invalid_token");
    app.post("/new-password", json!({"token": token, "password": PASSWORD})).await.refused(400, "invalid_token");
    app.post("/forget-password", json!({"email": ADMIN.0})).await.expect(202);
    let reset = app.link_token(ADMIN.0, "reset").await;
    app.post("/register", body(ADMIN.0, &reset)).await.refused(400, "invalid_token");
    // A weak password and a taken name do not use it up.
    let weak = json!({"invitation": token, "username": "ann", "password": "ann@example.com"});
    app.post("/register", weak).await.refused(422, "weak_password");
    register(&app, &token, "admin").await.refused(409, "username_taken");
    app.post("/register", body(" Ann@EXAMPLE.com ", &token)).await.expect(200);
}

// S6
#[tokio::test]
async fn without_an_invitation_known_and_unknown_addresses_are_refused_alike() {
    let (app, admin) = start("invite", limited()).await;
    app.invite(&admin, "invited@example.com").await;
    let mut seen = Vec::new();
    for email in [ADMIN.0, "invited@example.com", "new@example.com"] {
        for token in [None, Some("019ca945f4607c7b9c59379e3f571f07.AAAA")] {
            app.drain().await;
            app.advance(60);
            let _before = app.calls();
            let mut body = json!({"email": email, "username": "somebody", "password": PASSWORD});
            body["invitation"] = json!(token);
            let answer = app.post("/register", body).await;
            let mut calls: Vec<_> = app.calls().into_iter().map(|call| (call.depth, call.operation)).collect();
            calls.sort();
            let headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            let code = answer.body["code"].as_str().unwrap().to_owned();
            assert_eq!(code, if token.is_some() { "invalid_token" } else { "invitation_required" });
            seen.push((token, answer.status, code, answer.body["detail"].clone(), headers, calls));
        }
    }
    assert!(seen.chunks(2).all(|pair| pair == &seen[..2]), "{seen:#?}");
    let mails = app.mails("new@example.com").await.len() + app.mails(ADMIN.0).await.len();
    assert_eq!((mails, app.mails("invited@example.com").await.len()), (0, 1));
}

#[tokio::test]
async fn an_address_with_an_account_is_not_invited() {
    let (app, admin) = start("open", options()).await;
    let body = |email: &str| json!({"email": email});
    app.post_as(&admin, PATH, body(ADMIN.0)).await.refused(409, "email_taken");
    app.register("ann").await.expect(202);
    app.post_as(&admin, PATH, body("Ann@example.com")).await.refused(409, "email_taken");
    app.post_as(&admin, PATH, body("not an address")).await.refused(422, "invalid_email");
    for wrong in ["tlh", "", "de,fr", "de;q=1", "*"] {
        let body = json!({"email": "new@example.com", "locale": wrong});
        app.post_as(&admin, PATH, body).await.refused(422, "validation_failed");
    }
    assert_eq!(open(&app, &admin).await.len(), 0);
    // A registration without the invitation does not end it, but then the address has an account.
    let (_, token) = app.invite(&admin, "bob@example.com").await;
    app.register("bob").await.expect(202);
    register(&app, &token, "bob-2").await.refused(400, "invalid_token");
}

#[tokio::test]
async fn an_address_gets_ten_invitations_an_hour() {
    let (app, admin) = start("invite", limited()).await;
    for _ in 0..10 {
        app.post_as(&admin, PATH, json!({"email": EMAIL})).await.expect(201);
    }
    app.post_as(&admin, PATH, json!({"email": " ANN@example.com"})).await.refused(429, "rate_limited");
    app.post_as(&admin, PATH, json!({"email": "bob@example.com"})).await.expect(201);
    assert_eq!(app.mails(EMAIL).await.len(), 10);
}

#[tokio::test]
async fn invitations_are_listed_page_by_page_newest_first() {
    let (app, admin) = start("invite", options()).await;
    for n in 0..5 {
        app.advance(1);
        app.post_as(&admin, PATH, json!({"email": format!("n{n}@example.com")})).await.expect(201);
    }
    let (mut found, mut path) = (Vec::new(), format!("{PATH}?limit=2"));
    loop {
        let page = app.get_as(&admin, &path).await.expect(200).body;
        found.extend(page["items"].as_array().unwrap().iter().map(|item| item["email"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{PATH}?limit=2&cursor={cursor}");
    }
    assert_eq!(found, [4, 3, 2, 1, 0].map(|n| json!(format!("n{n}@example.com"))));
    app.get_as(&admin, &format!("{PATH}?status=open")).await.refused(400, "invalid_filter");
}

#[tokio::test]
async fn the_mail_is_in_the_requested_language() {
    let (app, admin) = start("invite", options()).await;
    for (locale, subject) in [(json!("de-AT"), "Sie sind zu"), (Value::Null, "You're invited to")] {
        app.post_as(&admin, PATH, json!({"email": EMAIL, "locale": locale})).await.expect(201);
        let mail = app.mail(EMAIL, "invitation").await;
        assert!(mail["subject"].as_str().unwrap().starts_with(subject), "{mail}");
        let link = mail["links"][0].as_str().unwrap();
        assert!(link.contains("/account/register?email=ann%40example.com&invitation="), "{link}");
    }
}

// S22
#[tokio::test]
async fn a_provider_signs_up_invited_addresses_only() {
    let (app, admin) = start("invite", options()).await;
    app.invite(&admin, EMAIL).await;
    for (email, end) in [("eve@example.com", "?error=invitation_required"), (EMAIL, "/account")] {
        let person = verified_account(&app, "google", email).await;
        let browser = Browser::new(&app);
        let back = browser.consent("google", &person, "").await;
        let place = location(&browser.get(&back).await.expect(302)).to_owned();
        assert!(place.ends_with(end), "{place}");
    }
    let known = app.table("identity").await.into_iter().filter(|item| item["provider"]["S"] == "google");
    assert_eq!(known.map(|item| item["email"]["S"].clone()).collect::<Vec<_>>(), [EMAIL]);
    assert_eq!(open(&app, &admin).await.len(), 0, "the invitation is accepted");
    app.invite(&admin, "bob@example.com").await;
    app.advance(7 * DAY);
    let bob = verified_account(&app, "github", "bob@example.com").await;
    let browser = Browser::new(&app);
    let back = browser.consent("github", &bob, "").await;
    assert!(location(&browser.get(&back).await.expect(302)).ends_with("?error=invitation_required"));
}

#[tokio::test]
async fn without_passwords_an_invitation_creates_an_account_without_one() {
    let mut options = options();
    options.admin = Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned())));
    options.env.push(("PASSWORD_SIGN_IN".to_owned(), "off".to_owned()));
    options.env.push(("SIGN_UP".to_owned(), "invite".to_owned()));
    let app = TestApp::start_with(options).await;
    let sign_in = async |email: &str| {
        app.post("/request/login-code", json!({"email": email})).await.expect(202);
        let code = app.code(email, "login_code").await;
        Session::of(&app.post("/login/code", json!({"email": email, "code": code})).await.expect(200))
    };
    let admin = sign_in(ADMIN.0).await;
    let (_, token) = app.invite(&admin, EMAIL).await;
    let ann = Session::of(&app.post("/register", json!({"invitation": token, "username": "ann"})).await.expect(200));
    assert_eq!(app.get_as(&ann, "/me").await.expect(200).body["has_password"], false);
    assert_eq!(sign_in(EMAIL).await.user["id"], ann.user["id"]);
}

#[tokio::test]
async fn the_audit_trail_names_the_invitation_and_not_its_address() {
    let (app, admin) = start("invite", options()).await;
    let (first, _) = app.invite(&admin, EMAIL).await;
    let (second, token) = app.invite(&admin, EMAIL).await;
    // Entries of one millisecond have no order.
    app.advance(1);
    let ann = Session::of(&register(&app, &token, "ann").await.expect(200));
    let (third, _) = app.invite(&admin, "bob@example.com").await;
    app.advance(1);
    app.delete_as(&admin, &format!("{PATH}/{}", third["id"].as_str().unwrap())).await.expect(204);
    let of = async |id: &Value| {
        let path = format!("/admin/audit-logs?target_id={}", id.as_str().unwrap());
        app.get_as(&admin, &path).await.expect(200).body["items"].as_array().unwrap().clone()
    };
    let actions = |entries: &[Value]| entries.iter().map(|entry| entry["action"].clone()).collect::<Vec<_>>();
    assert_eq!(actions(&of(&first["id"]).await), ["invitation.created"]);
    let of_second = of(&second["id"]).await;
    assert_eq!(actions(&of_second), ["invitation.accepted", "invitation.created"]);
    assert_eq!((&of_second[0]["actor_id"], &of_second[0]["after"]["user_id"]), (&ann.user["id"], &ann.user["id"]));
    assert_eq!(
        (&of_second[1]["actor_id"], &of_second[1]["before"]["invitation_id"]),
        (&admin.user["id"], &first["id"])
    );
    let of_third = of(&third["id"]).await;
    assert_eq!(actions(&of_third), ["invitation.revoked", "invitation.created"]);
    for entry in of_second.iter().chain(&of_third) {
        assert!(!entry.to_string().contains("@example.com"), "{entry}");
    }
    let of_ann = of(&ann.user["id"]).await;
    let signed_in = of_ann.iter().find(|entry| entry["action"] == "user.signed_in").unwrap();
    assert!(actions(&of_ann).contains(&json!("user.registered")) && of_ann.len() == 2);
    assert_eq!(signed_in["after"]["method"], "invitation");
}

#[tokio::test]
async fn an_open_invitation_is_exported_and_erased_with_the_account() {
    let (app, admin) = start("open", options()).await;
    let (invitation, _) = app.invite(&admin, EMAIL).await;
    let (_, ann) = app.person("ann").await;
    let export = app.get_as(&ann, "/me/export").await.expect(200).body;
    let expected = json!({"created_at": invitation["created_at"], "expires_at": invitation["expires_at"]});
    assert_eq!(export["invitation"], expected);
    let id = ann.user["id"].as_str().unwrap();
    let export = app.get_as(&admin, &format!("/admin/users/{id}/export")).await.expect(200).body;
    assert_eq!(export["invitation"], expected);
    app.post_as(&ann, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.drain().await;
    app.sweep("accounts").await.expect(200);
    for table in ["identity", "credentials", "sessions", "audit", "outbox"] {
        let rows = Value::from(app.table(table).await).to_string();
        assert!(!rows.contains(EMAIL), "{table}: {rows}");
    }
    assert_eq!(open(&app, &admin).await.len(), 0);
    app.invite(&admin, EMAIL).await;
}
