//! The two pages to which mailed links lead, in the language of the browser. They need no cookie and load one stylesheet.

use crate::link_texts::Texts;
use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use tollgate_domain::Username;
use tollgate_domain::password::WeakPasswordError;
use tollgate_http::{ApiError, Form, header_text};

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyPage<'a> {
    t: &'static Texts,
    token: &'a str,
    /// The name of the account, between the words before and after it.
    account: Option<(&'a str, &'a str, &'a str)>,
    is_change: bool,
}

#[derive(Template)]
#[template(path = "new_password.html")]
struct NewPasswordPage<'a> {
    t: &'static Texts,
    token: &'a str,
    /// The address of the account, for password managers.
    email: Option<&'a str>,
    refused: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "outcome.html")]
struct OutcomePage<'a> {
    t: &'static Texts,
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
pub fn verify(languages: &str, token: &str, asked: Option<(&Username, bool)>) -> Response {
    let t = Texts::of(languages);
    let is_change = asked.is_some_and(|(_, is_change)| is_change);
    let text = if is_change { t.verify_change } else { t.verify_account };
    let (before, after) = text.split_once("{username}").unwrap_or((text, ""));
    let account = asked.map(|(username, _)| (before, username.as_str(), after));
    html(StatusCode::OK, &VerifyPage { t, token, account, is_change })
}

/// The page of the link in a reset mail, for the account with the address `email` if the link is valid; `refused` says
/// why the submitted password is not accepted.
pub fn new_password(languages: &str, token: &str, email: Option<&str>, refused: Option<WeakPasswordError>) -> Response {
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let t = Texts::of(languages);
    let refused = refused.map(|reason| t.weak_password(reason));
    html(status, &NewPasswordPage { t, token, email, refused: refused.as_deref() })
}

/// The outcome in the requested form: JSON for a program, a page for a page's form.
pub fn answer<T: Serialize>(
    languages: &str,
    form: Form,
    outcome: Result<Json<T>, ApiError>,
    answer: Answer,
) -> Response {
    let t = Texts::of(languages);
    match (form, outcome) {
        (Form::Json, outcome) => outcome.into_response(),
        (Form::Page, Ok(_)) => {
            let (title, text) = match answer {
                Answer::Verified => (t.verified, t.verified_text),
                Answer::PasswordSet => (t.password_set, t.password_set_text),
            };
            html(StatusCode::OK, &OutcomePage { t, title, text, is_failure: false })
        }
        (Form::Page, Err(error)) => {
            tracing::info!(code = error.code(), cause = error.cause(), "a page's form was refused");
            html(error.status(), &OutcomePage { t, title: t.failed, text: &t.problem(&error), is_failure: true })
        }
    }
}

/// The answer to a verification that signed in: the tokens for a program, a page with only the cookies for a page's
/// form.
pub fn signed_in(languages: &str, form: Form, response: Response) -> Response {
    if form == Form::Json {
        return response;
    }
    let t = Texts::of(languages);
    let mut page = html(StatusCode::OK, &OutcomePage { t, title: t.verified, text: t.signed_in, is_failure: false });
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
