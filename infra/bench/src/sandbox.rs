//! One process of a function, behind a Lambda Runtime API of its own, which handles one event at a time.

use crate::error::{BenchError, While};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use http::StatusCode;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tollgate_platform::Clock;

/// The timeout of each operation.
const DEADLINE: Duration = Duration::from_secs(30);

/// A function to run: a binary and its environment.
#[derive(Clone)]
pub struct Function {
    /// The binary.
    pub path: PathBuf,
    /// Its own variables; those that Lambda sets are added.
    pub env: Vec<(String, String)>,
    /// Where its log is appended.
    pub log: Option<PathBuf>,
}

/// A process that has started and waits for an event.
pub struct Sandbox {
    child: Child,
    pid: u32,
    said: mpsc::UnboundedReceiver<Said>,
    next: Option<oneshot::Sender<Bytes>>,
    server: JoinHandle<()>,
    /// From the start of the process to its first request for an event.
    pub init: Duration,
}

/// What the process sent to the Runtime API, and when.
enum Said {
    /// It asks for the next event.
    Next(Instant, oneshot::Sender<Bytes>),
    /// It has an answer.
    Answer(Instant, Bytes),
    /// It reports an error.
    Failure(Bytes),
}

type Ear = mpsc::UnboundedSender<Said>;

impl Sandbox {
    /// Starts a process and waits until it asks for an event.
    ///
    /// # Errors
    /// When it ends or does not ask in time.
    pub async fn start(function: &Function) -> Result<Self, BenchError> {
        let name = function.path.display().to_string();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.doing("the Runtime API")?;
        let address = listener.local_addr().doing("the Runtime API")?;
        let (ear, said) = mpsc::unbounded_channel();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed))
            .with_state(ear);
        let listener = listener.tap_io(|stream| {
            let _as_it_comes = stream.set_nodelay(true);
        });
        let server = tokio::spawn(async move {
            let _ends_with_the_sandbox = axum::serve(listener, router).await;
        });

        let mut command = Command::new(&function.path);
        command.env_clear().envs(lambda_variables(&address.to_string())).envs(function.env.iter().cloned());
        command.stdin(Stdio::null()).kill_on_drop(true);
        let out = || match &function.log {
            Some(log) => File::options().create(true).append(true).open(log).map(Stdio::from),
            None => Ok(Stdio::null()),
        };
        command.stdout(out().doing("the log")?).stderr(out().doing("the log")?);
        let begun = Instant::now();
        let child = command.spawn().doing(&name)?;
        let pid = child.id().ok_or_else(|| BenchError::new(&name, "it ended at once"))?;
        let mut sandbox = Self { child, pid, said, next: None, server, init: Duration::ZERO };
        sandbox.init = sandbox.wait_for_next().await.doing(&name)?.duration_since(begun);
        Ok(sandbox)
    }

    /// Gives it an event and returns how long its answer took, and the answer, once the process asks for another event.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn invoke(&mut self, event: &Bytes) -> Result<(Duration, Bytes), BenchError> {
        self.invoke_within(event, DEADLINE).await
    }

    /// The same, with another timeout.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn invoke_within(&mut self, event: &Bytes, deadline: Duration) -> Result<(Duration, Bytes), BenchError> {
        let next = self.next.take().ok_or_else(|| BenchError::new("an event", "the process is busy"))?;
        let begun = Instant::now();
        next.send(event.clone()).map_err(|_| BenchError::new("an event", "the process is gone"))?;
        let (at, answer) = match self.hear(deadline).await? {
            Said::Answer(at, answer) => (at, answer),
            Said::Failure(text) => return Err(BenchError::new("an event", String::from_utf8_lossy(&text))),
            Said::Next(..) => return Err(BenchError::new("an event", "another one was asked for before its answer")),
        };
        self.wait_for_next().await?;
        Ok((at.duration_since(begun), answer))
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The CPU time of all its threads.
    ///
    /// # Errors
    /// When the system does not report it.
    pub fn cpu(&self) -> Result<Duration, BenchError> {
        let tasks = format!("/proc/{}/task", self.pid);
        let mut nanos = 0;
        for task in fs::read_dir(&tasks).doing(&tasks)? {
            let file = task.doing(&tasks)?.path().join("schedstat");
            let text = fs::read_to_string(&file).doing(file.display())?;
            let on_cpu = text.split(' ').next().unwrap_or_default().parse::<u64>();
            nanos += on_cpu.doing(file.display())?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// The highest memory that it has used, in bytes.
    ///
    /// # Errors
    /// When the system does not report it.
    pub fn peak_memory_bytes(&self) -> Result<u64, BenchError> {
        let file = format!("/proc/{}/status", self.pid);
        let text = fs::read_to_string(&file).doing(&file)?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
        let kib: u64 = line.unwrap_or_default().trim().parse().doing(&file)?;
        Ok(kib * 1024)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn end(mut self) -> Result<(), BenchError> {
        self.child.kill().await.doing("the end of a process")
    }

    async fn wait_for_next(&mut self) -> Result<Instant, BenchError> {
        match self.hear(DEADLINE).await? {
            Said::Next(at, reply) => {
                self.next = Some(reply);
                Ok(at)
            }
            Said::Failure(text) => Err(BenchError::new("it failed", String::from_utf8_lossy(&text))),
            Said::Answer(..) => Err(BenchError::new("it answered", "it was not asked")),
        }
    }

    async fn hear(&mut self, deadline: Duration) -> Result<Said, BenchError> {
        tokio::select! {
            Some(said) = self.said.recv() => Ok(said),
            ended = self.child.wait() => Err(BenchError::new("the process ended", ended.doing("the process")?)),
            () = tokio::time::sleep(deadline) => Err(BenchError::new("the process did not answer in time", format!("{deadline:?}"))),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The variables that Lambda sets.
fn lambda_variables(api: &str) -> Vec<(&'static str, String)> {
    let fixed = [
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAAAAAAAAAAAAAAAAA"),
        ("AWS_SECRET_ACCESS_KEY", "a-key-that-signs-for-nobody-at-all-00000"),
        ("_HANDLER", "bootstrap"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("TZ", ":UTC"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ];
    let mut variables: Vec<_> = fixed.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    // A session token of Lambda is long, and is signed and sent with every call.
    variables.push(("AWS_SESSION_TOKEN", "t".repeat(800)));
    variables.push(("AWS_LAMBDA_RUNTIME_API", api.to_owned()));
    variables
}

async fn next(State(ear): State<Ear>) -> Response {
    let (reply, event) = oneshot::channel();
    let _nobody_listens_at_the_end = ear.send(Said::Next(Instant::now(), reply));
    let Ok(event) = event.await else { return StatusCode::GONE.into_response() };
    let deadline = Clock::system().now().as_millisecond() + 30_000;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", "3f1c2b5e-6a3e-4c57-9d2f-1b8f6c1d0a11".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5e6722a7-cc56a1b2c3d4e5f6a7b8c9d0;Sampled=0".to_owned()),
    ];
    (headers, event).into_response()
}

async fn answered(State(ear): State<Ear>, body: Bytes) -> StatusCode {
    let _nobody_listens_at_the_end = ear.send(Said::Answer(Instant::now(), body));
    StatusCode::ACCEPTED
}

async fn failed(State(ear): State<Ear>, body: Bytes) -> StatusCode {
    let _nobody_listens_at_the_end = ear.send(Said::Failure(body));
    StatusCode::ACCEPTED
}

/// The binary `name` in `folder`.
///
/// # Errors
/// When it is not there.
pub fn binary(folder: &Path, name: &str) -> Result<PathBuf, BenchError> {
    let path = folder.join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(BenchError::new(path.display(), "it is not built; `cargo build --release --workspace` does it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_exits_before_its_first_event_is_reported_with_status() {
        let path = binary(Path::new("/bin"), "false").unwrap();
        let function = Function { path, env: Vec::new(), log: None };
        let error = Sandbox::start(&function).await.err().unwrap().to_string();
        assert!(error.contains("/bin/false") && error.contains("exit status: 1"), "{error}");
    }

    #[test]
    fn a_missing_binary_is_an_error_that_names_the_build_command() {
        let error = binary(Path::new("/bin"), "no-such-function").unwrap_err().to_string();
        assert!(error.contains("/bin/no-such-function") && error.contains("cargo build"), "{error}");
    }
}
