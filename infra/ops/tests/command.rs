//! The command itself: its exit codes and messages. This file also makes `cargo test --no-run` build the command, which
//! `tests/aws/run.sh` runs.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails there

use std::net::TcpListener;
use std::process::{Command, Output};

/// Runs the command with no settings of this process.
fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate-ops")).env_clear().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn help_lists_every_command() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for command in ["rotate-keys", "redrive", "make-admin"] {
        assert!(text(&output.stdout).contains(command), "{command}: {output:?}");
    }
}

#[test]
fn wrong_arguments_end_with_exit_code_2() {
    for arguments in [
        &[][..],
        &["nothing"],
        &["make-admin"],
        &["make-admin", "--email", "ann@example.com"],
        &["make-admin", "--stage", "test"],
        &["make-admin", "--stage", "test", "--local", "http://127.0.0.1:1", "--email", "ann@example.com"],
        &["redrive"],
        &["redrive", "--queue", "mail"],
        &["redrive", "--stage", "test", "--queue", "relay-failures"],
        &["rotate-keys"],
        &["rotate-keys", "--stage", "test", "--secret", "google"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains("--help"), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_command_names_the_stack_that_does_not_answer() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    for arguments in [&["make-admin", "--local", &url, "--email", "ann@example.com"][..], &["redrive", "--local", &url]]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let error = text(&output.stderr);
        assert!(error.starts_with("tollgate-ops: ") && error.contains(&url), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
