//! The two pages to which mailed links lead. They need no cookie and load one stylesheet.

use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use tollgate_http::{ApiError, Form, header_text};

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyPage<'a> {
    token: &'a str,
    username: Option<&'a str>,
    is_change: bool,
}

#[derive(Template)]
#[template(path = "new_password.html")]
struct NewPasswordPage<'a> {
    token: &'a str,
    /// The address of the account, for password managers.
    email: Option<&'a str>,
    refused: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "outcome.html")]
struct OutcomePage<'a> {
    title: &'a str,
    text: &'a str,
    /// Whether it failed: then the page links the request of a new mail.
    is_failure: bool,
}

/// The purpose of a form, which decides the text of its result page.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// An address is verified.
    Verified,
    /// A password is set.
    PasswordSet,
}

/// The page of the link in a verification mail; `asked` is the account that requested it, and whether it has another
/// address so far.
pub fn verify(token: &str, asked: Option<(&str, bool)>) -> Response {
    let username = asked.map(|(username, _)| username);
    let is_change = asked.is_some_and(|(_, is_change)| is_change);
    html(StatusCode::OK, &VerifyPage { token, username, is_change })
}

/// The page of the link in a reset mail, for the account with the address `email` if the link is valid; `refused` says
/// why the submitted password is not accepted.
pub fn new_password(token: &str, email: Option<&str>, refused: Option<&str>) -> Response {
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &NewPasswordPage { token, email, refused })
}

/// The outcome in the requested form: JSON for a program, a page for a page's form.
pub fn answer<T: Serialize>(form: Form, outcome: Result<Json<T>, ApiError>, answer: Answer) -> Response {
    match (form, outcome) {
        (Form::Json, outcome) => outcome.into_response(),
        (Form::Page, Ok(_)) => {
            let (title, text) = match answer {
                Answer::Verified => ("Your e-mail address is verified", "You can sign in now."),
                Answer::PasswordSet => {
                    ("Your password is set", "All earlier sessions have ended. Sign in with the new password.")
                }
            };
            html(StatusCode::OK, &OutcomePage { title, text, is_failure: false })
        }
        (Form::Page, Err(error)) => {
            tracing::info!(code = error.code(), cause = error.cause(), "a page's form was refused");
            html(error.status(), &OutcomePage { title: "That did not work", text: &error.detail(), is_failure: true })
        }
    }
}

/// The answer to a verification that signed in: the tokens for a program, a page with only the cookies for a page's
/// form.
pub fn signed_in(form: Form, response: Response) -> Response {
    if form == Form::Json {
        return response;
    }
    let (title, text) = ("Your e-mail address is verified", "You are signed in.");
    let mut page = html(StatusCode::OK, &OutcomePage { title, text, is_failure: false });
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        page.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    page
}

/// Whether the caller asks for JSON and not for a page.
pub fn wants_json(headers: &HeaderMap) -> bool {
    let accept = header_text(headers, header::ACCEPT);
    accept.contains("json") && !accept.contains("html")
}

fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => ApiError::Internal(format!("page: {error}")).into_response(),
    }
}
