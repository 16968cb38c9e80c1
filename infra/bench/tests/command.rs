//! The command itself, with the bare functions that are built with it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

/// The exit code of a run without figures.
const REFUSED: i32 = 2;

#[test]
fn a_run_without_the_functions_says_which_is_missing_and_how_to_build_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let run = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--full-speed-alone", "--folder"])
        .arg(folder)
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(REFUSED), "{said}");
    assert!(said.contains("auth") && said.contains("cargo build --release --workspace"), "{said}");
    assert!(run.stdout.is_empty());
}

#[test]
fn the_help_names_every_option() {
    let run = Command::new(env!("CARGO_BIN_EXE_bench")).arg("--help").output().unwrap();
    let help = String::from_utf8(run.stdout).unwrap();
    for option in [
        "--part",
        "--people",
        "--objects",
        "--folder",
        "--rounds",
        "--events",
        "--warm-up",
        "--full-speed-alone",
        "--json",
        "--log",
    ] {
        assert!(help.contains(option), "{option}");
    }
}
