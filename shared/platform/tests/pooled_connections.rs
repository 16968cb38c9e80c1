//! Pooled connections that the other side ends while the process is frozen, as Lambda freezes it between two
//! invocations, or at the moment of the next request (D8). The server is a real one on loopback.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails there

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tollgate_platform::{Env, Outbound, OutboundError, aws};

/// How the server ends a connection after its first answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It does not end it: the next request is answered.
    Never,
    /// It closes it at once.
    Fin,
    /// It resets it at once.
    Rst,
    /// It closes its own half, and continues reading.
    HalfClosed,
    /// It reads the next request and closes the connection without an answer.
    FinAfterRequest,
    /// It reads the next request and resets the connection.
    RstAfterRequest,
    /// It resets the connection when the next request arrives, without reading it.
    RstBeforeRequest,
}

const IDLE: [Ending; 3] = [Ending::Fin, Ending::Rst, Ending::HalfClosed];
const AT_REQUEST: [Ending; 2] = [Ending::FinAfterRequest, Ending::RstAfterRequest];

/// A server in its own thread, which continues while the client is frozen.
struct Server {
    address: SocketAddr,
    /// The requests that it has read.
    requests: Arc<AtomicUsize>,
    /// One message for each connection that it has ended without a pending request.
    ended: mpsc::Receiver<()>,
}

impl Server {
    /// The first `endings` connections end in this way, each after one answer; the following ones do not end.
    fn start(endings: Vec<Ending>) -> Self {
        let (sender, receiver) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                let mut endings = endings.into_iter();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let ending = endings.next().unwrap_or(Ending::Never);
                    tokio::spawn(serve(stream, ending, Arc::clone(&count), end.clone()));
                }
            });
        });
        Self { address: receiver.recv().unwrap(), requests, ended }
    }

    fn seen(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Freezes the process, so that its runtime stops, until the server has ended `connections`.
    fn freeze_until_ended(&self, connections: usize) {
        for _ in 0..connections {
            self.ended.recv().unwrap();
        }
    }
}

/// Reads one request; `false` at the end of the stream.
async fn read(stream: &mut TcpStream, requests: &AtomicUsize) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte).await, Ok(1)) {
            return false;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    requests.fetch_add(1, Ordering::SeqCst);
    true
}

async fn serve(mut stream: TcpStream, ending: Ending, requests: Arc<AtomicUsize>, ended: mpsc::Sender<()>) {
    const BODY: &str = r#"{"Name":"a","SecretString":"b"}"#;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{BODY}", BODY.len());
    let mut answered = 0;
    loop {
        if answered == 1 {
            match ending {
                Ending::Never | Ending::FinAfterRequest | Ending::RstAfterRequest => {}
                Ending::Fin => {
                    drop(stream);
                    return ended.send(()).unwrap();
                }
                Ending::Rst => {
                    stream.set_zero_linger().unwrap();
                    drop(stream);
                    return ended.send(()).unwrap();
                }
                Ending::HalfClosed => {
                    stream.shutdown().await.unwrap();
                    ended.send(()).unwrap();
                }
                Ending::RstBeforeRequest => {
                    stream.readable().await.unwrap();
                    return stream.set_zero_linger().unwrap();
                }
            }
        }
        if !read(&mut stream, &requests).await {
            return;
        }
        match ending {
            Ending::FinAfterRequest if answered == 1 => return,
            Ending::RstAfterRequest if answered == 1 => return stream.set_zero_linger().unwrap(),
            Ending::HalfClosed if answered == 1 => {}
            _ => stream.write_all(answer.as_bytes()).await.unwrap(),
        }
        answered += 1;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Get,
    PostWithKey,
    Post,
}

async fn send(client: &Outbound, server: &Server, kind: Kind) -> Result<u16, OutboundError> {
    let method = if kind == Kind::Get { "GET" } else { "POST" };
    let mut request = http::Request::builder().method(method).uri(format!("http://{}/v1/x", server.address));
    if kind == Kind::PostWithKey {
        request = request.header("idempotency-key", "one");
    }
    let body = if kind == Kind::Get { Vec::new() } else { b"a=b".to_vec() };
    client.send(request.body(body).unwrap()).await.map(|answer| answer.status().as_u16())
}

// D8
#[tokio::test]
async fn a_connection_that_ended_while_frozen_costs_no_request() {
    for ending in IDLE {
        for kind in [Kind::Get, Kind::PostWithKey, Kind::Post] {
            let (client, server) = (Outbound::system(), Server::start(vec![ending]));
            assert_eq!(send(&client, &server, Kind::Get).await.unwrap(), 200);
            server.freeze_until_ended(1);
            assert_eq!(send(&client, &server, kind).await.unwrap(), 200, "{ending:?} {kind:?}");
            assert_eq!(server.seen(), 2, "{ending:?} {kind:?}");
        }
    }
}

// D8
#[tokio::test]
async fn a_request_on_a_closed_connection_is_repeated_if_that_is_safe() {
    for ending in AT_REQUEST {
        for kind in [Kind::Get, Kind::PostWithKey] {
            let (client, server) = (Outbound::system(), Server::start(vec![ending]));
            assert_eq!(send(&client, &server, Kind::Get).await.unwrap(), 200);
            assert_eq!(send(&client, &server, kind).await.unwrap(), 200, "{ending:?} {kind:?}");
            assert_eq!(server.seen(), 3, "{ending:?} {kind:?}: the first, the one that was lost, the second try");
        }
        // The server may have executed the request: a provider's code is exchanged once.
        let (client, server) = (Outbound::system(), Server::start(vec![ending]));
        assert_eq!(send(&client, &server, Kind::Get).await.unwrap(), 200);
        assert!(send(&client, &server, Kind::Post).await.is_err(), "{ending:?}");
        assert_eq!(server.seen(), 2, "{ending:?}");
        assert_eq!(send(&client, &server, Kind::Post).await.unwrap(), 200, "{ending:?}: the next one is sent");
    }
    for kind in [Kind::Get, Kind::PostWithKey] {
        let (client, server) = (Outbound::system(), Server::start(vec![Ending::RstBeforeRequest]));
        assert_eq!(send(&client, &server, Kind::Get).await.unwrap(), 200);
        assert_eq!(send(&client, &server, kind).await.unwrap(), 200, "{kind:?}");
        assert_eq!(server.seen(), 2, "{kind:?}");
    }
}

// D8
#[tokio::test]
async fn a_request_is_sent_twice_at_the_most() {
    for ending in AT_REQUEST {
        let (client, server) = (Outbound::system(), Server::start(vec![ending; 2]));
        // Two connections are pooled, and each ends at its next request.
        let (one, two) = tokio::join!(send(&client, &server, Kind::Get), send(&client, &server, Kind::Get));
        assert_eq!((one.unwrap(), two.unwrap()), (200, 200));
        assert!(send(&client, &server, Kind::PostWithKey).await.is_err(), "{ending:?}");
        assert_eq!(server.seen(), 4, "{ending:?}");
        assert_eq!(send(&client, &server, Kind::Post).await.unwrap(), 200, "{ending:?}");
    }
}

// D8
#[tokio::test]
async fn several_connections_that_ended_while_frozen_cost_no_request() {
    for ending in IDLE {
        let (client, server) = (Outbound::system(), Server::start(vec![ending; 4]));
        let get = || send(&client, &server, Kind::Get);
        let (a, b, c, d) = tokio::join!(get(), get(), get(), get());
        assert!([a, b, c, d].into_iter().all(|answer| answer.unwrap() == 200));
        server.freeze_until_ended(4);
        for n in 1..=3 {
            assert_eq!(send(&client, &server, Kind::Post).await.unwrap(), 200, "{ending:?}");
            assert_eq!(server.seen(), 4 + n, "{ending:?}");
        }
    }
}

// D8
#[tokio::test]
async fn an_aws_client_repeats_a_call_whose_connection_ended() {
    let endings = IDLE.into_iter().chain(AT_REQUEST).chain([Ending::RstBeforeRequest]);
    for ending in endings {
        let server = Server::start(vec![ending]);
        let env = Env::from_pairs([
            ("AWS_ENDPOINT_URL", format!("http://{}", server.address)),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]);
        let credentials = aws_sdk_secretsmanager::config::Credentials::new("a", "b", None, None, "test");
        let config = aws_sdk_secretsmanager::config::Builder::from(&aws::load(&env).unwrap());
        let config = config.credentials_provider(credentials).build();
        let client = aws_sdk_secretsmanager::Client::from_conf(config);
        for call in 0..2 {
            let answer = client.get_secret_value().secret_id("a").send().await;
            assert_eq!(answer.unwrap().secret_string(), Some("b"), "{ending:?} {call}");
            server.freeze_until_ended(usize::from(call == 0 && IDLE.contains(&ending)));
        }
        // The SDK may send a call over a connection before it notices its end; it repeats the call.
        let lost = match AT_REQUEST.contains(&ending) {
            true => 1..=1,
            false => 0..=1,
        };
        assert!(lost.contains(&(server.seen() - 2)), "{ending:?}: {}", server.seen());
    }
}
