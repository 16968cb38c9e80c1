//! `cargo run -p tollgate-tests --bin walk -- BASE_URL MAILBOX_URL`: a user's journey through a new deployment. With
//! `admin` it continues with the admin API, after ann@example.com was made an admin; with `subscribe URL` and then
//! `leave URL` it continues with paying users, where the deployment uses the fake Stripe at URL.

#![allow(clippy::print_stdout)] // the purpose of this program

use std::process::ExitCode;
use tollgate_tests::journey::billing::Customers;
use tollgate_tests::journey::{ANN, Deployment, NEW_PASSWORD};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [base_url, mailbox] => Deployment::new(base_url, mailbox).walk().await,
        [base_url, mailbox, "admin"] => Deployment::new(base_url, mailbox).walk_the_admin_api().await,
        [base_url, mailbox, "subscribe", stripe] => {
            Customers::new(&Deployment::new(base_url, mailbox), stripe).subscribe((ANN, NEW_PASSWORD)).await;
        }
        [base_url, mailbox, "leave", stripe] => {
            Customers::new(&Deployment::new(base_url, mailbox), stripe).close_account((ANN, NEW_PASSWORD)).await;
        }
        _ => {
            println!("walk BASE_URL MAILBOX_URL [admin | subscribe STRIPE_URL | leave STRIPE_URL]");
            return ExitCode::from(2);
        }
    }
    println!("walked at {}", arguments.join(" "));
    ExitCode::SUCCESS
}
