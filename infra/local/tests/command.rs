//! The command itself: what it prints, how it ends, and what a `kill -9` leaves.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on fails there

use reqwest::Client;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tollgate-command-{name}-{}", std::process::id()));
        let _old = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// The command without settings of this process, run in `folder`.
fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.current_dir(&folder.0).env_clear().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

struct Running {
    child: Child,
    lines: Vec<String>,
}

impl Running {
    /// Starts it and reads what it prints until it is ready.
    fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &["--port", "0", "--no-rate-limits"])
    }

    fn start_with(folder: &Folder, arguments: &[&str]) -> Self {
        let mut child = command(folder, arguments).spawn().unwrap();
        let mut lines = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            lines.push(line.unwrap());
            if lines.last().unwrap().starts_with("ready") {
                break;
            }
        }
        Self { child, lines }
    }

    fn base_url(&self) -> &str {
        let line = self.lines.iter().find(|line| line.starts_with("account")).unwrap();
        line.split_whitespace().last().unwrap().strip_suffix("/account").unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn refused(output: Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn a_bad_option_port_or_setting_prints_one_line_and_exits_with_code_2() {
    let folder = Folder::new("refused");
    assert!(refused(command(&folder, &["--nonsense"]).output().unwrap()).contains("--nonsense"));
    assert!(refused(command(&folder, &["--port", "x"]).output().unwrap()).contains("--port"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(refused(command(&folder, &["--port", &port]).output().unwrap()).contains(&port));
    let secret = command(&folder, &["--port", "0"]).env("AUTH_SECRET", "tiny").output().unwrap();
    assert!(refused(secret).contains("AUTH_SECRET"));
    // E1
    let stripe = command(&folder, &["--port", "0"]).env("STRIPE_SECRET_KEY", "sk_test_1").output().unwrap();
    assert!(refused(stripe).contains("STRIPE_WEBHOOK_SECRET"));
    std::fs::write(folder.0.join(".env"), "ACCESS_TOKEN_EXPIRE=soon\n").unwrap();
    assert!(refused(command(&folder, &["--port", "0"]).output().unwrap()).contains("ACCESS_TOKEN_EXPIRE"));
}

#[tokio::test]
async fn data_and_mails_survive_a_kill_and_the_password_is_printed_once() {
    let folder = Folder::new("killed");
    let client = Client::new();
    let mut first = Running::start(&folder);
    let admin = first.lines.iter().find(|line| line.starts_with("admin")).unwrap();
    let password = admin.split_whitespace().last().unwrap().to_owned();
    let body = json!({"email": "admin@localhost.test", "password": password});
    let answer = client.post(format!("{}/login", first.base_url())).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut accepted = Vec::new();
    for n in 0..8 {
        let email = format!("k{n}@example.com");
        let body = json!({"email": email, "username": format!("kill{n}"), "password": "correct horse battery"});
        let answer = client.post(format!("{}/register", first.base_url())).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        accepted.push(email);
    }
    first.child.kill().unwrap();
    first.child.wait().unwrap();

    let second = Running::start(&folder);
    assert!(!second.lines.iter().any(|line| line.starts_with("admin")));
    let base = second.base_url();
    client.post(format!("{base}/_local/drain")).send().await.unwrap().error_for_status().unwrap();
    for email in accepted {
        let mails = client.get(format!("{base}/_local/emails?to={email}")).send().await.unwrap();
        let mails: Value = mails.json().await.unwrap();
        let mails = mails["items"].as_array().unwrap();
        // A kill between SES's answer and the mark may send the same mail twice.
        assert!((1..=2).contains(&mails.len()) && mails.iter().all(|mail| mail["code"] == mails[0]["code"]), "{email}");
        let verification = json!({"email": email, "code": mails[0]["code"]});
        let answer = client.post(format!("{base}/verify")).json(&verification).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{email}");
    }
}

// E2
#[tokio::test]
async fn a_start_prints_how_far_the_clock_was_moved() {
    let folder = Folder::new("clock");
    let first = Running::start(&folder);
    let clock = |running: &Running| running.lines.iter().find(|line| line.starts_with("clock")).cloned();
    assert_eq!(clock(&first), None);
    let path = format!("{}/_local/clock", first.base_url());
    let moved = Client::new().post(path).json(&json!({"advance_seconds": 86_400})).send().await.unwrap();
    assert_eq!(moved.status(), 200);
    drop(first);
    let line = clock(&Running::start(&folder)).unwrap();
    assert!(line.contains("1 day ahead of this machine's") && line.contains("/_local#clock"), "{line}");
}

#[test]
fn a_second_process_on_a_data_folder_is_refused_and_its_files_are_private() {
    let folder = Folder::new("shared");
    let _first = Running::start(&folder);
    assert!(refused(command(&folder, &["--port", "0"]).output().unwrap()).contains("another tollgate"));
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o077;
    let data = folder.0.join(".tollgate");
    for file in std::fs::read_dir(&data).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(file.clone()), 0, "{}", file.display());
    }
    assert_eq!(mode(data), 0);
}

#[test]
fn an_interrupt_ends_it_cleanly() {
    let folder = Folder::new("interrupted");
    let mut running = Running::start(&folder);
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_aws_endpoints_serve_the_sample_rows_on_two_ports_and_store_nothing() {
    let folder = Folder::new("aws");
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let address = format!("127.77.{high}.{low}:4566"); // used by no other test
    let running = Running::start_with(&folder, &["--serve-aws", &address]);
    let said = |word: &str| -> Vec<String> {
        let lines = running.lines.iter().filter(|line| line.starts_with(word));
        lines.map(|line| line.split_whitespace().last().unwrap().to_owned()).collect()
    };
    let variables = said("variable");
    let tables = address.replace("4566", "4567");
    assert_eq!(
        variables,
        [format!("AWS_ENDPOINT_URL=http://{address}"), format!("AWS_ENDPOINT_URL_DYNAMODB=http://{tables}")]
    );
    let contents = Client::new().get(&said("contents")[0]).send().await.unwrap();
    let contents: Value = contents.json().await.unwrap();
    assert_eq!((&contents["emails"], &contents["queues"][0]["depth"]), (&json!([]), &json!(0)));
    assert!(contents["tables"]["outbox"].as_array().unwrap().len() > 5);
    assert_eq!(contents["tables"]["credentials"], json!([]));
    assert!(!folder.0.join(".tollgate").exists());
    let again = command(&folder, &["--serve-aws", &address]).output().unwrap();
    assert!(refused(again).contains(&address));
}
