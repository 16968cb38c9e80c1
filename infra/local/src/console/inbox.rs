//! The inbox of the dev console: a search by recipient and subject, one mail, and its HTML part as a document of its own.

use super::error::{Answer, ConsoleError};
use super::state::Console;
use crate::fakes::{MAILS_KEPT, Mail};
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_http::ApiError;

/// The number of mails that the list shows.
const LISTED: usize = 100;
/// A mail's HTML is shown in a frame without scripts, and loads no resources. Its links open in a new tab.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/emails", get(mails).delete(clear_mails))
        .route("/_local/inbox", get(list))
        .route("/_local/inbox/{id}", get(show))
        .route("/_local/inbox/{id}/html", get(show_html))
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

/// The newest mails whose recipient or subject contains `q`, without their texts.
async fn list(State(console): State<Console>, Query(Search { q }): Query<Search>) -> Answer {
    let q = q.trim().to_lowercase();
    let mails = match q.is_empty() {
        true => console.fakes.newest_mails(LISTED as u64)?,
        false => console.fakes.mails()?,
    };
    let matches = |mail: &Mail| mail.to.to_lowercase().contains(&q) || mail.subject.to_lowercase().contains(&q);
    let found = mails.iter().filter(|mail| matches(mail)).take(LISTED);
    let items: Vec<_> = found
        .map(|Mail { id, to, subject, kind, code, created_at, .. }| {
            json!({"id": id, "to": to, "subject": subject, "kind": kind, "code": code, "created_at": created_at})
        })
        .collect();
    Ok(Json(json!({"items": items, "kept": MAILS_KEPT})))
}

fn find(console: &Console, id: &str) -> Result<Mail, ConsoleError> {
    Ok(console.fakes.mail(id)?.ok_or(ApiError::NotFound)?)
}

async fn show(State(console): State<Console>, Path(id): Path<String>) -> Answer<Json<Value>> {
    Ok(Json(json!(find(&console, &id)?)))
}

async fn show_html(State(console): State<Console>, Path(id): Path<String>) -> Answer<Response> {
    let html = with_new_tabs(&find(&console, &id)?.html);
    Ok(([(header::CONTENT_SECURITY_POLICY, MAIL_POLICY)], Html(html)).into_response())
}

/// The same document with links that open in a new tab.
fn with_new_tabs(html: &str) -> String {
    html.replace("<a ", "<a target=\"_blank\" rel=\"noopener\" ")
}

#[derive(Deserialize)]
struct MailQuery {
    to: Option<String>,
}

async fn mails(State(console): State<Console>, Query(query): Query<MailQuery>) -> Answer {
    let mails = match &query.to {
        Some(to) => console.fakes.mails_to(to)?,
        None => console.fakes.mails()?,
    };
    Ok(Json(json!({"items": mails})))
}

async fn clear_mails(State(console): State<Console>) -> Answer<StatusCode> {
    console.fakes.clear_mails()?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_a_mail_opens_in_a_new_tab() {
        let html = with_new_tabs("<p><a href=\"/1\">1</a> <a class=\"b\" href=\"/2\">2</a> <abbr>3</abbr></p>");
        assert_eq!(html.matches("<a target=\"_blank\" rel=\"noopener\" ").count(), 2);
        assert!(html.contains("<abbr>3</abbr>"));
    }
}
