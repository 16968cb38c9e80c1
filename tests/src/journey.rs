//! A user's journey through a deployment, only over HTTP and the mailbox. The same journey runs against the stack of a
//! test, a stack in an AWS emulator, and a deployed one.

pub mod billing;

use crate::app::{Answer, PASSWORD};
use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// A deployment and the mailbox that its mails arrive in.
pub struct Deployment {
    client: Client,
    base_url: String,
    mailbox: String,
}

/// The timeout for asynchronous effects. No test measures their speed.
const DEADLINE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(100);

/// The default of `RATE_LIMIT_PER_MINUTE`.
const CALLS_PER_MINUTE: u64 = 5;

pub const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";
pub const NEW_PASSWORD: &str = "another horse staple";

impl Deployment {
    /// `mailbox` answers a GET with JSON that contains all mails, in any shape: the dev console's inbox, or an
    /// emulator's.
    pub fn new(base_url: &str, mailbox: &str) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, base_url: base_url.trim_end_matches('/').to_owned(), mailbox: mailbox.to_owned() }
    }

    /// Runs the journey on a new deployment.
    pub async fn walk(&self) {
        self.every_path_of_the_document_leads_to_its_function().await;
        self.check_unknown_paths_and_objects().await;
        let refresh_token = self.ann_registers_verifies_and_signs_in().await;
        self.she_refreshes_signs_out_and_is_out(&refresh_token).await;
        self.she_signs_in_by_a_mailed_code().await;
        self.she_sets_a_new_password_by_a_mailed_link().await;
        self.a_stranger_who_guesses_is_held_back().await;
    }

    /// Continues after Ann was made an admin: every list, a decision of each kind, and a deleted account for the
    /// schedules to erase.
    pub async fn walk_the_admin_api(&self) {
        let signed_in = self.patiently("/login", json!({"email": ANN, "password": NEW_PASSWORD})).await.expect(200);
        let ann = signed_in.body["access_token"].as_str().unwrap();
        let register = json!({"email": BOB, "username": "bob", "password": PASSWORD});
        self.patiently("/register", register).await.expect(202);
        let bob = self.every_list_answers_and_bob_is_found(ann).await;
        self.reports_are_run_and_downloaded(ann).await;
        let decide = async |act: &str, body: Value| {
            let bearer = format!("Bearer {ann}");
            let path = format!("/admin/users/{bob}/{act}");
            self.send(Method::PATCH, &path, &[("authorization", &bearer)], Some(body)).await.expect(200).body
        };
        assert_eq!(decide("verify", json!({})).await["email_verified"], true);
        assert_eq!(decide("role", json!({"is_admin": true})).await["is_admin"], true);
        assert_eq!(decide("role", json!({"is_admin": false})).await["is_admin"], false);
        assert_eq!(decide("status", json!({"is_active": false})).await["is_active"], false);
        assert_eq!(decide("status", json!({"is_active": true})).await["is_active"], true);
        // The password from before the verification is not valid: Bob sets one by mail.
        self.patiently("/login", json!({"email": BOB, "password": PASSWORD})).await.refused(401, "invalid_credentials");
        self.patiently("/forget-password", json!({"email": BOB})).await.expect(202);
        let mail = self.mail(BOB, "/new-password?token=").await;
        let reset = json!({"token": after(&mail, "/new-password?token="), "password": PASSWORD});
        self.patiently("/new-password", reset).await.expect(200);
        let signed_in = self.patiently("/login", json!({"email": BOB, "password": PASSWORD})).await.expect(200);
        let own = signed_in.body["access_token"].as_str().unwrap();
        assert_eq!(self.get_as(own, "/me/export").await.expect(200).body["user"]["id"], bob);
        let bearer = format!("Bearer {own}");
        let password = Some(json!({"password": PASSWORD}));
        self.send(Method::POST, "/me/delete", &[("authorization", &bearer)], password).await.expect(202);
        self.get_as(own, "/me").await.refused(401, "unauthenticated");
        self.get_as(ann, &format!("/admin/users/{bob}")).await.refused(404, "not_found");
    }

    /// Bob's id.
    async fn every_list_answers_and_bob_is_found(&self, ann: &str) -> String {
        let found = self.get_as(ann, &format!("/admin/users?q={BOB}")).await.expect(200).body;
        let bob = found["items"][0]["id"].as_str().unwrap().to_owned();
        for path in [
            "users",
            "users?is_admin=true",
            "users?is_active=false",
            "users?email_verified=false&is_active=true",
            "subscriptions",
            "subscriptions?status=active",
            "payments",
            "payments?status=failed",
            "audit-logs?action=user.registered",
            "audit-logs",
        ] {
            self.get_as(ann, &format!("/admin/{path}")).await.expect(200);
        }
        for list in ["subscriptions", "payments", "sessions"] {
            self.get_as(ann, &format!("/admin/users/{bob}/{list}")).await.expect(200);
        }
        for filter in [format!("target_id={bob}"), format!("actor_id={bob}")] {
            let entries = self.get_as(ann, &format!("/admin/audit-logs?{filter}")).await.expect(200).body;
            assert_eq!(entries["items"][0]["action"], "user.registered", "{filter}");
        }
        self.get_as(ann, "/admin/stats").await.expect(200);
        bob
    }

    /// A preview, a file from the bucket and a statement that fails, each run by its function.
    async fn reports_are_run_and_downloaded(&self, ann: &str) {
        let sql = "SELECT email, username FROM users ORDER BY email";
        let preview = self.report(ann, json!({"sql": sql, "format": "preview"})).await;
        assert_eq!(preview["rows"], json!([[ANN, "ann"], [BOB, "bob"]]), "{preview}");
        let file = self.report(ann, json!({"sql": sql, "format": "csv"})).await;
        let url = file["download_url"].as_str().unwrap_or_else(|| panic!("{file}"));
        let csv = self.client.get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
        assert_eq!(csv, format!("email,username\r\n{ANN},ann\r\n{BOB},bob\r\n"));
        let malformed = "SELECT json_extract('{', '$') FROM users";
        let failed = self.report(ann, json!({"sql": malformed, "format": "preview"})).await;
        assert_eq!(failed["status"], "failed", "{failed}");
    }

    /// A report that has ended.
    async fn report(&self, ann: &str, body: Value) -> Value {
        let bearer = format!("Bearer {ann}");
        let queued = self.patiently_as(Method::POST, "/admin/reports", &[("authorization", &bearer)], body).await;
        let path = format!("/admin/reports/{}", queued.expect(202).body["id"].as_str().unwrap());
        let ended = async || {
            let report = self.get_as(ann, &path).await.expect(200).body;
            ["succeeded", "failed"].contains(&report["status"].as_str().unwrap()).then_some(report)
        };
        self.until("the end of a report", ended).await
    }

    /// A POST that is retried when it is rate limited: this client is faster than a user.
    async fn patiently(&self, path: &str, body: Value) -> Answer {
        self.patiently_as(Method::POST, path, &[], body).await
    }

    async fn patiently_as(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        loop {
            let answer = self.send(method.clone(), path, headers, Some(body.clone())).await;
            if answer.status != 429 {
                return answer;
            }
            let wait = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base_url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = Answer::read(request.send().await.unwrap()).await;
        let id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        assert!(id.starts_with("req_"), "{path}: {} {:?} {}", answer.status, answer.headers, answer.text);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    async fn get_as(&self, access_token: &str, path: &str) -> Answer {
        self.send(Method::GET, path, &[("authorization", &format!("Bearer {access_token}"))], None).await
    }

    /// Waits for the mail to `to` that has `mark` in its text, and returns it.
    async fn mail(&self, to: &str, mark: &str) -> String {
        let is_it = |mail: &String| mail.contains(to) && mail.contains(mark);
        let what = format!("a mail to {to} that says {mark:?}");
        self.until(&what, async || self.mailbox().await.into_iter().find(is_it)).await
    }

    /// All mails as texts.
    async fn mailbox(&self) -> Vec<String> {
        mails_of(&self.client.get(&self.mailbox).send().await.unwrap().json().await.unwrap())
    }

    /// Waits for an asynchronous effect.
    async fn until<T>(&self, what: &str, find: impl AsyncFn() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = find().await {
                return found;
            }
            assert!(started.elapsed() < DEADLINE, "it has not come: {what}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn every_path_of_the_document_leads_to_its_function(&self) {
        let document = self.get("/openapi.json").await.expect(200).body;
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() > 20);
        for (path, operations) in paths {
            let path = path.replace("{provider}", "google").replace("{id}", "ses_0");
            let allowed: BTreeSet<_> = operations.as_object().unwrap().keys().map(|name| name.to_uppercase()).collect();
            let refused = self.send(Method::PUT, &path, &[], None).await.refused(405, "method_not_allowed");
            let allow = refused.headers["allow"].to_str().unwrap().split(',').map(|method| method.trim().to_owned());
            let allow: BTreeSet<_> = allow.filter(|method| method != "HEAD").collect();
            assert_eq!(allow, allowed, "{path}");
        }
    }

    async fn check_unknown_paths_and_objects(&self) {
        self.get("/nothing").await.refused(404, "not_found");
        self.get("/me").await.refused(401, "unauthenticated");
        self.get_as("not.a.token", "/sessions").await.refused(401, "unauthenticated");
        self.get("/google/login").await.refused(503, "provider_not_configured");
        self.post("/register", json!({"email": "nobody"})).await.expect(422);
        let account = self.get("/account").await.expect(200);
        assert!(account.headers["content-security-policy"].to_str().unwrap().contains("default-src"));
        let head = self.send(Method::HEAD, "/healthz", &[], None).await.expect(200);
        assert_eq!(head.text, "");
        let keys = self.get("/.well-known/jwks.json").await.expect(200);
        assert_eq!(
            (&keys.body["keys"][0]["crv"], &keys.headers["cache-control"]),
            (&json!("P-256"), &"public, max-age=300".parse().unwrap())
        );
    }

    async fn ann_registers_verifies_and_signs_in(&self) -> String {
        let register = json!({"email": ANN, "username": "ann", "password": PASSWORD});
        self.post("/register", register).await.expect(202);
        let mail = self.mail(ANN, "/verify?token=").await;
        self.login(PASSWORD).await.refused(401, "invalid_credentials");
        self.post("/verify", json!({"token": after(&mail, "/verify?token=")})).await.expect(200);
        let signed_in = self.login(PASSWORD).await.expect(200).body;
        let me = self.get_as(signed_in["access_token"].as_str().unwrap(), "/me").await.expect(200).body;
        assert_eq!((&me["username"], &me["email_verified"]), (&json!("ann"), &json!(true)));
        signed_in["refresh_token"].as_str().unwrap().to_owned()
    }

    async fn login(&self, password: &str) -> Answer {
        self.post("/login", json!({"email": ANN, "password": password, "token_delivery": "body"})).await
    }

    async fn she_refreshes_signs_out_and_is_out(&self, refresh_token: &str) {
        let with = |token: &str| json!({"refresh_token": token, "token_delivery": "body"});
        let refreshed = self.post("/refresh-token", with(refresh_token)).await.expect(200).body;
        let access_token = refreshed["access_token"].as_str().unwrap();
        let sessions = self.get_as(access_token, "/sessions").await.expect(200).body;
        assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
        let refresh_token = refreshed["refresh_token"].as_str().unwrap();
        self.post("/logout", with(refresh_token)).await.expect(204);
        self.get_as(access_token, "/me").await.refused(401, "unauthenticated");
        self.post("/refresh-token", with(refresh_token)).await.refused(401, "invalid_refresh_token");
    }

    async fn she_signs_in_by_a_mailed_code(&self) {
        self.post("/request/login-code", json!({"email": ANN})).await.expect(202);
        let mail = self.mail(ANN, "sign-in code").await;
        let code = six_digits(&mail);
        let signed_in = self.post("/login/code", json!({"email": ANN, "code": code})).await.expect(200);
        let names = ["refresh_token", "__Host-refresh_token"];
        assert!(names.iter().any(|name| signed_in.cookie(name).is_some()));
        self.post("/login/code", json!({"email": ANN, "code": code})).await.refused(401, "invalid_code");
    }

    async fn she_sets_a_new_password_by_a_mailed_link(&self) {
        self.post("/forget-password", json!({"email": ANN})).await.expect(202);
        let mail = self.mail(ANN, "/new-password?token=").await;
        let token = after(&mail, "/new-password?token=");
        self.post("/new-password", json!({"token": token, "password": NEW_PASSWORD})).await.expect(200);
        self.login(PASSWORD).await.refused(401, "invalid_credentials");
        self.login(NEW_PASSWORD).await.expect(200);
    }

    // S7
    async fn a_stranger_who_guesses_is_held_back(&self) {
        let guess = json!({"email": "nobody@example.com", "code": "000000"});
        let started = Instant::now();
        let mut admitted = 0;
        let refused = loop {
            let answer = self.post("/login/code", guess.clone()).await;
            if answer.status == 429 {
                break answer;
            }
            admitted += 1;
            // Each share of a minute admits one more call: on a slow machine the sixth guess may be one of them.
            let quota = CALLS_PER_MINUTE + started.elapsed().as_secs() * CALLS_PER_MINUTE / 60;
            assert!(admitted <= quota, "{admitted} guesses in {:?}", started.elapsed());
        };
        let refused = refused.refused(429, "rate_limited");
        assert!(refused.headers.contains_key("retry-after") && refused.headers.contains_key("ratelimit"));
    }
}

/// The mails in a mailbox's answer as texts: the entries of the first list in it.
fn mails_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(mails) => mails.iter().map(|mail| mail.to_string()).collect(),
        Value::Object(fields) => fields.values().map(mails_of).find(|mails| !mails.is_empty()).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The token after `mark`.
fn after<'m>(mail: &'m str, mark: &str) -> &'m str {
    let rest = mail.split_once(mark).unwrap().1;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))).unwrap_or(rest.len());
    &rest[..end]
}

/// The code in a mail: the only six digits between other characters. A colour such as `#006644` is not one.
fn six_digits(mail: &str) -> &str {
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    mail.split(|c: char| !c.is_ascii_alphanumeric() && c != '#').find(is_code).unwrap()
}
