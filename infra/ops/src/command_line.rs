//! The command line: parses it, chooses the stack, runs the command, prints the result.

use crate::arguments::{Arguments, Command, DeadLetters, Report, Stack, User};
use crate::commands::{dead_letters, logs, make_admin, reconcile, redrive, report, rotate_keys, stripe_setup, user};
use crate::doctor;
use crate::outcome::{Exit, Failure, Outcome};
use crate::progress::say;
use crate::target::Target;
use clap::{CommandFactory, Parser};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the command of this process's arguments.
pub async fn main() -> ExitCode {
    let is_json = std::env::args_os().any(|argument| argument == "--json");
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(help) if !help.use_stderr() => {
            print(&help.to_string());
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            let text = wrong.to_string();
            if is_json {
                let failure = Failure::refused("usage", text.lines().next().unwrap_or_default());
                return end(true, Map::new(), Err(failure));
            }
            say(text.trim_end());
            return ExitCode::from(Exit::Refused as u8);
        }
    };
    if let Command::Completions { shell } = arguments.command {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "tollgate-ops", &mut text);
        return end(is_json, Map::new(), Ok(completions(&text)));
    }
    let mut about = Map::from_iter([("command".to_owned(), json!(arguments.command.name()))]);
    let ended = tokio::select! {
        ended = run(arguments.command, &mut about) => ended,
        () = interrupted() => {
            let message = "interrupted";
            Err(Failure::partly("interrupted", message, "run the same command again: it continues"))
        }
    };
    end(is_json, about, ended)
}

fn completions(text: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(text).into_owned();
    Outcome::done(text.clone(), json!({"completions": text}))
}

/// Ctrl-C, or the end of the terminal's session.
async fn interrupted() {
    let mut terminate = signal(SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(terminate) => {
                terminate.recv().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

/// Connects, and prints which stack it is.
async fn connect(stack: &Stack, about: &mut Map<String, Value>) -> Result<Target, Failure> {
    let target = Target::connect(stack).await?;
    for (name, value) in [("account", &target.account), ("region", &target.region), ("stage", &target.stage)] {
        about.insert(name.to_owned(), json!(value));
    }
    say(&format!("account {} · region {} · stage {}", target.account, target.region, target.stage));
    Ok(target)
}

async fn run(command: Command, about: &mut Map<String, Value>) -> Result<Outcome, Failure> {
    match command {
        Command::Doctor { stack } => Ok(doctor::run(&connect(&stack, about).await?).await),
        Command::Redrive { stack, write, queue } => redrive::run(&connect(&stack, about).await?, write, queue).await,
        Command::DeadLetters { command: DeadLetters::List { stack, queue, limit } } => {
            dead_letters::list(&connect(&stack, about).await?, queue, limit).await
        }
        Command::DeadLetters { command: DeadLetters::Show { stack, id } } => {
            dead_letters::show(&connect(&stack, about).await?, &id).await
        }
        Command::Reconcile { stack, write } => Box::pin(reconcile::run(&connect(&stack, about).await?, write)).await,
        Command::StripeSetup { stack, write } => stripe_setup::run(&connect(&stack, about).await?, write).await,
        Command::MakeAdmin { stack, write, email } => {
            make_admin::run(&connect(&stack, about).await?, write, &email).await
        }
        Command::RotateKeys { stack, write, secret } => {
            rotate_keys::run(&connect(&stack, about).await?, write, secret).await
        }
        Command::User { command } => run_user(command, about).await,
        Command::Report { command: Report::Run { stack, write, file, csv } } => {
            report::run(&connect(&stack, about).await?, write, &file, csv).await
        }
        Command::Logs { stack, request_id } => logs::run(&connect(&stack, about).await?, &request_id).await,
        // It needs no stack: `main` has run it.
        Command::Completions { .. } => Ok(completions(&[])),
    }
}

async fn run_user(command: User, about: &mut Map<String, Value>) -> Result<Outcome, Failure> {
    let stack = match &command {
        User::Show(user) => &user.stack,
        User::Disable { user, .. }
        | User::Enable { user, .. }
        | User::Export { user, .. }
        | User::Delete { user, .. } => &user.stack,
    };
    let target = connect(stack, about).await?;
    match command {
        User::Show(one) => user::show(&target, &one.user).await,
        User::Disable { user: one, write, cancel_subscription } => {
            user::set_status(&target, write, &one.user, user::Status::Disabled { cancel_subscription }).await
        }
        User::Enable { user: one, write } => user::set_status(&target, write, &one.user, user::Status::Active).await,
        User::Export { user: one, write } => user::export(&target, write, &one.user).await,
        User::Delete { user: one, write } => user::delete(&target, write, &one.user).await,
    }
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Doctor { .. } => "doctor",
            Self::Redrive { .. } => "redrive",
            Self::DeadLetters { .. } => "dead-letters",
            Self::Reconcile { .. } => "reconcile",
            Self::StripeSetup { .. } => "stripe-setup",
            Self::MakeAdmin { .. } => "make-admin",
            Self::RotateKeys { .. } => "rotate-keys",
            Self::User { .. } => "user",
            Self::Report { .. } => "report",
            Self::Logs { .. } => "logs",
            Self::Completions { .. } => "completions",
        }
    }
}

fn end(is_json: bool, mut about: Map<String, Value>, ended: Result<Outcome, Failure>) -> ExitCode {
    let exit = match &ended {
        Ok(outcome) => outcome.exit,
        Err(failure) => failure.exit,
    };
    if is_json {
        about.insert("exit_code".to_owned(), json!(exit as u8));
        match ended {
            Ok(outcome) => about.insert("result".to_owned(), outcome.result),
            Err(failure) => about.insert("error".to_owned(), failure.to_json()),
        };
        print(&Value::from(about).to_string());
    } else {
        match ended {
            Ok(outcome) => print(&outcome.text),
            Err(Failure { message, resume: Some(resume), .. }) => say(&format!("tollgate-ops: {message}; {resume}")),
            Err(failure) => say(&format!("tollgate-ops: {}", failure.message)),
        }
    }
    ExitCode::from(exit as u8)
}

fn print(text: &str) {
    let _closed = writeln!(std::io::stdout(), "{}", text.trim_end());
}
