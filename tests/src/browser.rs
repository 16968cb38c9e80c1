//! A browser as far as a sign-in at a provider needs one: it keeps cookies and shows where it is sent.

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

    /// All of them, as a `cookie` header has them.
    pub fn cookies(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// One request to a path of the app or to an absolute address; what it sets is kept.
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

    /// From `GET /{provider}/login` to the address that the provider sends the browser back to.
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

    /// All of it, as a program that wants JSON.
    pub async fn sign_in(&self, provider: &str, subject: &str) -> Answer {
        let back = self.consent(provider, subject, "").await;
        self.send(Method::GET, &back, &[("accept", "application/json")], None).await
    }
}

pub fn location(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// An account at a fake; its subject.
pub async fn account(app: &TestApp, provider: &str, account: Value) -> String {
    let answer = app.post(&format!("/_local/{provider}/accounts"), account).await.expect(201);
    answer.body["subject"].as_str().unwrap().to_owned()
}

pub async fn verified_account(app: &TestApp, provider: &str, email: &str) -> String {
    account(app, provider, json!({"email": email, "email_verified": true})).await
}
