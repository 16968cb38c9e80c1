//! Scans in segments as fast as DynamoDB answers them. The embedded engine reads a segment whole for each of its pages; this
//! listener reads the table page by page instead, all of it as the first segment, and keeps each page: a report that is
//! made again waits for no engine. Every other call goes to the stack.

use crate::endpoint::{Answer, send};
use crate::error::{BenchError, While};
use aws_smithy_http_client::Connector;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// The items that one page reads: about 1 MB of them.
const PAGE_ITEMS: usize = 1_000;

/// The listener.
#[derive(Clone)]
struct Segments {
    tables: String,
    connector: Arc<Connector>,
    /// The pages that were read, by their requests.
    pages: Arc<Mutex<HashMap<String, Answer>>>,
}

/// Starts one before the tables at `tables`, and returns its address. It ends with the runtime.
///
/// # Errors
/// When there is no free port.
pub async fn start(tables: &str) -> Result<String, BenchError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.doing("the listener of scans")?;
    let address = listener.local_addr().doing("the listener of scans")?;
    let segments = Segments {
        tables: tables.to_owned(),
        connector: Arc::new(Connector::builder().build_http()),
        pages: Arc::default(),
    };
    let router = Router::new().fallback(answer).with_state(segments);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}"))
}

async fn answer(State(segments): State<Segments>, headers: HeaderMap, body: Bytes) -> Response {
    match segments.call(headers, body).await {
        Ok(answer) => answer.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

impl Segments {
    async fn call(&self, headers: HeaderMap, body: Bytes) -> Result<Answer, BenchError> {
        let mut request: Value = serde_json::from_slice(&body).unwrap_or_default();
        let Some(segment) = request["Segment"].as_u64() else { return self.forward(headers, body).await };
        if segment > 0 {
            return Ok(Answer::json(&json!({"Items": [], "Count": 0, "ScannedCount": 0})));
        }
        if let Some(fields) = request.as_object_mut() {
            fields.remove("Segment");
            fields.remove("TotalSegments");
            fields.insert("Limit".to_owned(), json!(PAGE_ITEMS));
        }
        let key = request.to_string();
        let kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(page) = kept {
            return Ok(page);
        }
        let page = self.forward(headers, key.clone().into()).await?;
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(key, page.clone());
        Ok(page)
    }

    async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> Result<Answer, BenchError> {
        headers.remove(header::CONTENT_LENGTH);
        send(&self.connector, Method::POST, &self.tables, headers, body).await
    }
}
