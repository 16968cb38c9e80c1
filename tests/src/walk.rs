//! `cargo run -p tollgate-tests --bin walk -- BASE_URL MAILBOX_URL`: a person's way through a deployment that nobody has
//! used yet. With `desk` behind it the way goes on at the desk, once ann@example.com was made an admin.

#![allow(clippy::print_stdout)] // it is what this program is for

use std::process::ExitCode;
use tollgate_tests::journey::Deployment;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [base_url, mailbox] => Deployment::new(base_url, mailbox).walk().await,
        [base_url, mailbox, "desk"] => Deployment::new(base_url, mailbox).walk_the_desk().await,
        _ => {
            println!("walk BASE_URL MAILBOX_URL [desk]");
            return ExitCode::from(2);
        }
    }
    println!("walked at {}", arguments.join(" "));
    ExitCode::SUCCESS
}
