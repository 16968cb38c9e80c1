//! The parts of a browser that a sign-in at a provider needs: it keeps cookies and returns redirects.

use crate::app::{Answer, TestApp};
use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;

pub struct Browser<'a> {
    app: &'a TestApp,
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { app, client, cookies: Mutex::default() }
    }

    pub fn app(&self) -> &TestApp {
        self.app
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// The `cookie` header with all of them.
    pub fn cookies(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Sends a request to a path of the app or to an absolute address, and keeps the cookies of the answer.
    pub async fn send(&self, method: Method, place: &str, headers: &[(&str, &str)], form: Option<String>) -> Answer {
        let path = place.strip_prefix(&self.app.stack.base_url()).unwrap_or(place);
        let address =
            if path.starts_with('/') { format!("{}{path}", self.app.stack.origin()) } else { path.to_owned() };
        let cookies = self.cookies();
        let mut request = self.client.request(method, address);
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let answer = Answer::read(request.send().await.unwrap()).await;
        for line in answer.headers.get_all("set-cookie") {
            let pair = line.to_str().unwrap().split(';').next().unwrap().to_owned();
            let (name, value) = pair.split_once('=').unwrap();
            self.set_cookie(name, value);
        }
        answer
    }

    pub async fn get(&self, place: &str) -> Answer {
        self.send(Method::GET, place, &[], None).await
    }

    /// From `GET /{provider}/login` to the address to which the provider redirects.
    pub async fn consent(&self, provider: &str, subject: &str, query: &str) -> String {
        let begun = self.get(&format!("/{provider}/login{query}")).await.expect(302);
        self.consent_at(location(&begun), subject).await
    }

    /// The same from the provider's page on.
    pub async fn consent_at(&self, authorize: String, subject: &str) -> String {
        self.get(&authorize).await.expect(200);
        let (page, query) = authorize.split_once('?').unwrap();
        let substitute = if page.contains("/_google/") { "google" } else { "github" };
        let form = format!("{query}&account={subject}");
        let answer = self.send(Method::POST, &format!("/_{substitute}/consent"), &[], Some(form)).await.expect(302);
        location(&answer)
    }

    /// The whole sign-in, as a program that accepts JSON.
    pub async fn sign_in(&self, provider: &str, subject: &str) -> Answer {
        let back = self.consent(provider, subject, "").await;
        self.send(Method::GET, &back, &[("accept", "application/json")], None).await
    }
}

pub fn location(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// Creates an account at a fake and returns its subject.
pub async fn account(app: &TestApp, provider: &str, account: Value) -> String {
    let answer = app.post(&format!("/_local/{provider}/accounts"), account).await.expect(201);
    answer.body["subject"].as_str().unwrap().to_owned()
}

pub async fn verified_account(app: &TestApp, provider: &str, email: &str) -> String {
    account(app, provider, json!({"email": email, "email_verified": true})).await
}
