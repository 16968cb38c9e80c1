//! Transactions that are asked for again under their token, as DynamoDB knows them for ten minutes. The engine would look at
//! all tokens of ten minutes in each transaction; here the oldest alone is looked at, and the engine sees none.

use crate::clock::LocalClock;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::{Headers, StatusCode};
use aws_smithy_types::body::SdkBody;
use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

const TOKEN: &str = "ClientRequestToken";
const KEPT: SignedDuration = SignedDuration::from_mins(10);
/// So many are kept at the most: a lost answer is asked for again within seconds.
const MOST: usize = 1000;

/// An answer that was read to its end.
#[derive(Clone)]
pub(crate) struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Bytes,
}

/// The transactions of the last ten minutes, by their token.
#[derive(Default)]
pub(crate) struct Transactions(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_token: HashMap<String, Transaction>,
    /// The tokens, oldest first.
    tokens: VecDeque<(Timestamp, String)>,
}

#[derive(Clone)]
struct Transaction {
    request: Arc<Value>,
    /// Empty until it is made.
    answer: Arc<OnceCell<Answered>>,
}

impl Kept {
    fn transaction(&mut self, token: String, request: &Value, now: Timestamp) -> Transaction {
        while let Some((at, _)) = self.tokens.front()
            && (now.duration_since(*at) >= KEPT || self.tokens.len() >= MOST)
            && let Some((_, old)) = self.tokens.pop_front()
        {
            self.by_token.remove(&old);
        }
        let kept = self.by_token.entry(token.clone()).or_insert_with(|| {
            self.tokens.push_back((now, token));
            Transaction { request: Arc::new(request.clone()), answer: Arc::default() }
        });
        kept.clone()
    }
}

impl Transactions {
    /// Makes the transaction, unless it was made under the same token: then its answer is given again. One that is under
    /// way goes on when its caller gives up, and who asks again waits for it.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn once<F, W>(
        &self,
        mut request: HttpRequest,
        clock: &LocalClock,
        make: F,
    ) -> Result<Answered, ConnectorError>
    where
        F: FnOnce(HttpRequest) -> W + Send + 'static,
        W: Future<Output = Result<Answered, ConnectorError>> + Send + 'static,
    {
        let parsed = request.body().bytes().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let token = parsed.as_ref().and_then(|body| body[TOKEN].as_str().map(str::to_owned));
        let (Some(mut body), Some(token)) = (parsed, token) else { return make(request).await };
        let fields = body.as_object_mut();
        fields.map(|fields| fields.remove(TOKEN));
        let transaction = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.transaction(token, &body, clock.now())
        };
        if *transaction.request != body {
            return make(request).await; // the engine says what is wrong with it
        }
        let body = body.to_string();
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        let answer = transaction.answer;
        let made = tokio::spawn(async move {
            let made = answer.get_or_try_init(|| async {
                let answered = make(request).await.map_err(Err)?;
                // What is refused has not happened: asked for again, it is tried again.
                if answered.status.is_success() { Ok(answered) } else { Err(Ok(answered)) }
            });
            made.await.cloned().or_else(|refused| refused)
        });
        made.await.map_err(|error| ConnectorError::other(error.into(), None))?
    }
}
