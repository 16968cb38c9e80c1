//! How a command ends: its exit code, its line for a person, its object for a program.

use crate::{MakeAdminError, RedriveError, RotateError, UnreachableStack};
use serde_json::{Value, json};
use tollgate_http::ApiError;
use tollgate_platform::ConfigError;
use tollgate_store::StoreError;
use tollgate_stripe::GatewayError;
use tollgate_sweeper::SweepError;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The arguments are wrong, or the command was refused.
    Refused = 2,
    /// There was nothing to do.
    NothingToDo = 3,
    /// A part is done; running the command again does the rest.
    Partly = 4,
}

/// The result of a command.
pub struct Outcome {
    pub exit: Exit,
    /// For a person, on stdout.
    pub text: String,
    /// For a program.
    pub result: Value,
}

impl Outcome {
    pub fn done(text: impl Into<String>, result: Value) -> Self {
        Self { exit: Exit::Done, text: text.into(), result }
    }

    pub fn nothing(text: impl Into<String>, result: Value) -> Self {
        Self { exit: Exit::NothingToDo, text: text.into(), result }
    }
}

/// Why a command failed, or did a part of its work.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// For a program.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// How to continue after a part of the work was done.
    pub resume: Option<String>,
}

impl Failure {
    pub fn failed(code: &'static str, message: impl ToString) -> Self {
        Self { exit: Exit::Failed, code, message: message.to_string(), resume: None }
    }

    pub fn refused(code: &'static str, message: impl ToString) -> Self {
        Self { exit: Exit::Refused, ..Self::failed(code, message) }
    }

    pub fn partly(code: &'static str, message: impl ToString, resume: &str) -> Self {
        Self { exit: Exit::Partly, resume: Some(resume.to_owned()), ..Self::failed(code, message) }
    }

    pub fn to_json(&self) -> Value {
        json!({"code": self.code, "message": self.message, "resume": self.resume})
    }
}

const AGAIN: &str = "run the same command again";

impl From<UnreachableStack> for Failure {
    fn from(error: UnreachableStack) -> Self {
        Self::failed("stack_unreachable", error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::failed("tables_unavailable", error)
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::NotConfigured => Self::refused(
                "stripe_not_configured",
                "Stripe is not set up: put its secret key into the secret stripe",
            ),
            error => Self::failed("stripe", error),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::failed("settings", error)
    }
}

impl From<MakeAdminError> for Failure {
    fn from(error: MakeAdminError) -> Self {
        match error {
            MakeAdminError::Store(error) => error.into(),
            error @ MakeAdminError::Overtaken(_) => Self::failed("overtaken", error),
            error => Self::refused("not_possible", error),
        }
    }
}

impl From<RotateError> for Failure {
    fn from(error: RotateError) -> Self {
        Self::failed("secret", error)
    }
}

impl From<RedriveError> for Failure {
    fn from(error: RedriveError) -> Self {
        match error {
            error @ RedriveError::Unavailable(..) => Self::failed("queue", error),
            error @ RedriveError::Lost(..) => Self::partly("connection_lost", error, AGAIN),
            error @ RedriveError::Ended { .. } => Self::partly("move_ended", error, AGAIN),
        }
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Stripe(error @ GatewayError::NotConfigured) => error.into(),
            error => Self::partly("not_complete", error, AGAIN),
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let code = error.code();
        match error.cause() {
            Some(cause) => Self::failed(code, cause),
            None if code == "not_found" => Self::refused(code, "There is no such user."),
            None => Self::refused(code, error.detail()),
        }
    }
}
