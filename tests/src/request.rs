//! A request that can be repeated unchanged.

use crate::app::{Answer, Session, TestApp};
use crate::browser::Browser;
use reqwest::{Client, Method};
use serde_json::Value;

#[derive(Clone)]
pub struct Request {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Request {
    pub fn post(path: &str, body: Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { method: Method::POST, path: path.to_owned(), headers, body: Some(body.to_string()) }
    }

    /// A submitted form.
    pub fn post_form(path: &str, form: &str) -> Self {
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        Self { method: Method::POST, path: path.to_owned(), headers, body: Some(form.to_owned()) }
    }

    pub fn post_as(session: &Session, path: &str, body: Value) -> Self {
        Self::post(path, body).bearing(&session.access)
    }

    /// Without authentication.
    pub fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), headers: Vec::new(), body: None }
    }

    /// The same with a bearer token.
    pub fn bearing(mut self, token: &str) -> Self {
        self.headers.push(("authorization", format!("Bearer {token}")));
        self
    }

    pub fn patch_as(session: &Session, path: &str, body: Value) -> Self {
        Self { method: Method::PATCH, ..Self::post_as(session, path, body) }
    }

    pub fn get_as(session: &Session, path: &str) -> Self {
        Self { method: Method::GET, ..Self::delete_as(session, path) }
    }

    pub fn delete_as(session: &Session, path: &str) -> Self {
        let headers = vec![("authorization", format!("Bearer {}", session.access))];
        Self { method: Method::DELETE, path: path.to_owned(), headers, body: None }
    }

    pub fn post_with_cookie(path: &str, refresh: &str) -> Self {
        let headers = vec![("cookie", format!("refresh_token={refresh}"))];
        Self { method: Method::POST, path: path.to_owned(), headers, body: None }
    }

    /// The same with this body.
    pub fn with_body(mut self, body: &Value) -> Self {
        self.headers.push(("content-type", "application/json".to_owned()));
        self.body = Some(body.to_string());
        self
    }

    /// The same with another header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// A GET of an address of this app, in this browser, by a program that accepts JSON.
    pub fn get_in(browser: &Browser<'_>, address: &str) -> Self {
        let path = address.strip_prefix(&browser.app().stack.base_url()).unwrap_or(address).to_owned();
        let headers = vec![("cookie", browser.cookies()), ("accept", "application/json".to_owned())];
        Self { method: Method::GET, path, headers, body: None }
    }

    /// Whether it is this operation of the OpenAPI document: a method and a path with `{parameters}`.
    pub fn is_of(&self, method: &str, path: &str) -> bool {
        let own = self.path.split('?').next().unwrap_or_default();
        let (own, path): (Vec<_>, Vec<_>) = (own.split('/').collect(), path.split('/').collect());
        let is_same = |(own, step): (&&str, &&str)| own == step || (step.starts_with('{') && !own.is_empty());
        self.method.as_str() == method && own.len() == path.len() && own.iter().zip(&path).all(is_same)
    }

    /// Method and path.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub async fn send(&self, app: &TestApp) -> Answer {
        self.send_by(&app.client, &app.stack.origin()).await
    }

    /// Sends it from `client` to the app at `origin`.
    pub async fn send_by(&self, client: &Client, origin: &str) -> Answer {
        let mut request = client.request(self.method.clone(), format!("{origin}{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        Answer::read(request.send().await.unwrap()).await
    }
}
