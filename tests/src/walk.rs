//! `cargo run -p tollgate-tests --bin walk -- BASE_URL MAILBOX_URL`: a person's way through a deployment that nobody has
//! used yet.

#![allow(clippy::print_stdout)] // it is what this program is for

use std::process::ExitCode;
use tollgate_tests::journey::Deployment;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base_url, mailbox] = arguments.as_slice() else {
        println!("walk BASE_URL MAILBOX_URL");
        return ExitCode::from(2);
    };
    Deployment::new(base_url, mailbox).walk().await;
    println!("walked at {base_url}");
    ExitCode::SUCCESS
}
