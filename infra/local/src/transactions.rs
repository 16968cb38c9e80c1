//! Transactions that are repeated with the same token, which DynamoDB remembers for ten minutes. The engine would read
//! all tokens of ten minutes in each transaction; this module reads only the oldest, and passes none to the engine.

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
/// The number of remembered transactions: a call with a lost answer is repeated within seconds.
const MOST: usize = 1000;

/// An answer that was read to the end.
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
pub(crate) struct Transactions(Mutex<StoredTransactions>);

#[derive(Default)]
struct StoredTransactions {
    by_token: HashMap<String, Transaction>,
    /// The tokens, oldest first.
    tokens: VecDeque<(Timestamp, String)>,
}

#[derive(Clone)]
struct Transaction {
    request: Arc<Value>,
    /// Empty until the answer is there.
    answer: Arc<OnceCell<Answered>>,
}

impl StoredTransactions {
    fn transaction(&mut self, token: String, request: &Value, now: Timestamp) -> Transaction {
        while let Some((at, _)) = self.tokens.front()
            && (now.duration_since(*at) >= KEPT || self.tokens.len() >= MOST)
            && let Some((_, old)) = self.tokens.pop_front()
        {
            self.by_token.remove(&old);
        }
        let stored = self.by_token.entry(token.clone()).or_insert_with(|| {
            self.tokens.push_back((now, token));
            Transaction { request: Arc::new(request.clone()), answer: Arc::default() }
        });
        stored.clone()
    }
}

impl Transactions {
    /// Makes the transaction, unless it was made under the same token: then it returns the same answer. A transaction
    /// in progress continues when its caller stops waiting, and a repeated request waits for it.
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
            let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            stored.transaction(token, &body, clock.now())
        };
        if *transaction.request != body {
            return make(request).await; // the engine reports the error
        }
        let body = body.to_string();
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        let answer = transaction.answer;
        let made = tokio::spawn(async move {
            let made = answer.get_or_try_init(|| async {
                let answered = make(request).await.map_err(Err)?;
                // A refused transaction has changed nothing: a repetition tries again.
                if answered.status.is_success() { Ok(answered) } else { Err(Ok(answered)) }
            });
            made.await.cloned().or_else(|refused| refused)
        });
        made.await.map_err(|error| ConnectorError::other(error.into(), None))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;

    const BODY: &str = r#"{"TransactItems":[1],"ClientRequestToken":"t"}"#;

    fn request(body: &str) -> HttpRequest {
        http::Request::post("http://localhost/").body(SdkBody::from(body)).unwrap().try_into().unwrap()
    }

    /// An answer that says how often it was made.
    fn made(status: u16, times: &AtomicU32) -> Result<Answered, ConnectorError> {
        let time = times.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Answered { status: status.try_into().unwrap(), headers: Headers::new(), body: time.to_string().into() })
    }

    struct Engine {
        transactions: Transactions,
        clock: LocalClock,
        times: Arc<AtomicU32>,
    }

    impl Engine {
        fn new() -> Self {
            let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
            Self { transactions: Transactions::default(), clock, times: Arc::default() }
        }

        async fn ask(&self, body: &str, status: u16) -> Bytes {
            let times = Arc::clone(&self.times);
            let make = move |request: HttpRequest| async move {
                let length = request.body().bytes().unwrap_or_default().len().to_string();
                assert!(request.headers().get("content-length").is_none_or(|given| given == length));
                made(status, &times)
            };
            self.transactions.once(request(body), &self.clock, make).await.unwrap().body
        }
    }

    #[tokio::test]
    async fn a_transaction_asked_for_again_is_made_once_in_ten_minutes() {
        let engine = Engine::new();
        assert_eq!(engine.ask(BODY, 200).await, "1");
        engine.clock.advance(KEPT - SignedDuration::from_secs(1));
        assert_eq!(engine.ask(BODY, 200).await, "1", "the same answer");
        assert_eq!(engine.ask(&BODY.replace("\"t\"", "\"u\""), 200).await, "2", "another token");
        engine.clock.advance(SignedDuration::from_secs(1));
        assert_eq!(engine.ask(BODY, 200).await, "3");
    }

    #[tokio::test]
    async fn a_transaction_that_was_refused_is_tried_again() {
        let engine = Engine::new();
        assert_eq!(engine.ask(BODY, 400).await, "1");
        assert_eq!(engine.ask(BODY, 200).await, "2");
        assert_eq!(engine.ask(BODY, 200).await, "2");
    }

    #[tokio::test]
    async fn a_reused_token_with_another_request_or_none_reaches_the_engine() {
        let engine = Engine::new();
        engine.ask(BODY, 200).await;
        assert_eq!(engine.ask(&BODY.replace("[1]", "[2]"), 400).await, "2");
        assert_eq!(engine.ask(r#"{"TransactItems":[1]}"#, 200).await, "3");
        assert_eq!(engine.ask("no JSON", 400).await, "4");
    }

    #[tokio::test]
    async fn a_running_transaction_completes_when_its_caller_gives_up() {
        let engine = Engine::new();
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (times, begins, goes) = (Arc::clone(&engine.times), Arc::clone(&begun), Arc::clone(&go));
        let make = |_| async move {
            begins.notify_one();
            goes.notified().await;
            made(200, &times)
        };
        tokio::select! {
            _ = engine.transactions.once(request(BODY), &engine.clock, make) => panic!("it was not let go"),
            () = begun.notified() => {}
        }
        go.notify_one();
        let again = engine.transactions.once(request(BODY), &engine.clock, |_| pending());
        assert_eq!(again.await.unwrap().body, "1");
    }

    // E16
    #[test]
    fn the_number_of_remembered_transactions_is_bounded() {
        let mut stored = StoredTransactions::default();
        for n in 0..2 * MOST {
            stored.transaction(n.to_string(), &Value::Null, Timestamp::UNIX_EPOCH);
        }
        assert_eq!((stored.by_token.len(), stored.tokens.len()), (MOST, MOST));
    }
}
