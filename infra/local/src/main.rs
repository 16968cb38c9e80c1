//! `cargo run`: starts the whole system and prints its addresses.

mod options;

use clap::Parser;
use options::Arguments;
use std::fs::{DirBuilder, File};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::process::ExitCode;
use std::time::Instant;
use tollgate_local::clock::LocalClock;
use tollgate_local::log_lines::LogWriter;
use tollgate_local::{AwsEndpoints, Data, Options, ReportLimits, STRIPE_WEBHOOK_URL, Stack, StartError};
use tollgate_platform::{ConfigError, Env, Secret, random_bytes};
use tollgate_reports::run_statement_if_asked;
use tracing_subscriber::EnvFilter;

/// The exit code of a start that did not succeed.
const REFUSED: u8 = 2;

fn main() -> ExitCode {
    let started = Instant::now();
    if let Some(code) = run_statement_if_asked(std::env::args().nth(1).as_deref()) {
        return code;
    }
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        say_error(&format!(".env: {error}"));
        return ExitCode::from(REFUSED);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(help) if !help.use_stderr() => {
            say(&help.to_string());
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            let text = wrong.to_string();
            let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            say_error(&format!("tollgate: {line} (--help lists the options)"));
            return ExitCode::from(REFUSED);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&arguments, started)),
        Err(error) => Err(StartError::Failed(error.to_string())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&format!("tollgate: {error}"));
            ExitCode::from(REFUSED)
        }
    }
}

async fn run(arguments: &Arguments, started: Instant) -> Result<(), StartError> {
    if let Some(address) = arguments.serve_aws {
        return serve_aws(address, started).await;
    }
    let password = admin_password(arguments)?;
    let options = Options {
        port: arguments.port,
        public_url: None,
        data: arguments.data(),
        clock: LocalClock::running(),
        admin: Some((arguments.admin_email.clone(), password.clone())),
        // Where events go to another stack, that stack has the plans, too.
        first_plans: Env::process().get(STRIPE_WEBHOOK_URL).is_none(),
        env: settings(arguments),
        faults: Vec::new(),
        extra_functions: Vec::new(),
        report_runner: None,
        report_limits: ReportLimits::CONTRACT,
        password_cost: None,
        roles: None,
    };
    log(&arguments.data());
    let stack = Stack::start(options).await?;
    stack.fault_injector().count_no_calls();
    let base = stack.origin();
    say(&format!("account    {base}/account"));
    say(&format!("dashboard  {base}/dashboard"));
    say(&format!("docs       {base}/docs"));
    say(&format!("console    {base}/_local"));
    if let Some(ahead) = tollgate_local::moved_clock::ahead(stack.clock()) {
        say(&format!("clock      {ahead} ahead of this machine's, since it was moved: {base}/_local#clock"));
    }
    if let Some(reason) = stack.missing_plans() {
        say(&format!("plans      some may be missing, the next start makes them. {reason}"));
    }
    if stack.made_admin() && arguments.admin_password.is_none() {
        say(&format!("admin      {} with the password {}", arguments.admin_email, password.expose()));
    }
    say(&format!("ready      in {} ms, Ctrl-C stops it", started.elapsed().as_millis()));
    ended().await?;
    stack.stop().await;
    Ok(())
}

/// Only the AWS endpoints, with the variables that point a function to them.
async fn serve_aws(address: SocketAddr, started: Instant) -> Result<(), StartError> {
    let aws = AwsEndpoints::start(address).await?;
    for (name, value) in aws.variables() {
        say(&format!("variable   {name}={value}"));
    }
    say(&format!("contents   {}", aws.contents()));
    say(&format!("ready      in {} ms, Ctrl-C stops it", started.elapsed().as_millis()));
    ended().await
}

fn admin_password(arguments: &Arguments) -> Result<Secret<String>, StartError> {
    match &arguments.admin_password {
        Some(given) if given.is_empty() => {
            Err(ConfigError::new("TOLLGATE_ADMIN_PASSWORD", "a password, but it is empty").into())
        }
        Some(given) => Ok(Secret::new(given.clone())),
        None => Ok(Secret::new(random_bytes::<12>().iter().map(|byte| format!("{byte:02x}")).collect())),
    }
}

/// The settings of the functions that the environment (or `.env`) holds.
fn settings(arguments: &Arguments) -> Vec<(String, String)> {
    let env = Env::process();
    let names = tollgate_local::settings().filter(|name| env.is_present(name));
    let given = names.map(|name| (name.to_owned(), env.get(name).unwrap_or_default().to_owned()));
    let no_limits = arguments.no_rate_limits.then(|| ("RATE_LIMIT_PER_MINUTE".to_owned(), "0".to_owned()));
    given.chain(no_limits).collect()
}

/// The functions' logs: JSON lines for the dev console and, with a data folder, in its log file; the terminal stays
/// free for people. The start itself refuses a folder that cannot be used.
fn log(data: &Data) {
    let file = match data {
        Data::Folder(folder) => {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            let path = folder.join("log.jsonl");
            made.and_then(|()| File::options().create(true).append(true).mode(0o600).open(path)).ok()
        }
        Data::Memory | Data::Copy(_) => None,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,tollgate=info,tollgate_http=info,tollgate_auth=info,tollgate_relay=info,tollgate_mailer=info,tollgate_reports=info,tollgate_local=info"));
    let _already_set = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(LogWriter::new(file))
        .try_init();
}

async fn ended() -> Result<(), StartError> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn say(line: &str) {
    let _closed = writeln!(std::io::stdout(), "{}", line.trim_end());
}

fn say_error(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{}", line.trim_end());
}
