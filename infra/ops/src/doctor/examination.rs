//! What the checks read, and what they find.

use crate::target::Target;
use serde::Serialize;
use std::collections::BTreeMap;
use tollgate_platform::Secret;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    Ok,
    /// It works, but only for a limited time or for some users.
    Warn,
    Fail,
    /// It was not possible.
    Skipped,
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct Finding {
    pub(super) result: Result,
    pub(super) found: String,
    pub(super) mend: &'static str,
}

impl Finding {
    pub(super) fn ok(found: impl Into<String>) -> Self {
        Self { result: Result::Ok, found: found.into(), mend: "" }
    }

    pub(super) fn skipped(found: impl Into<String>) -> Self {
        Self { result: Result::Skipped, found: found.into(), mend: "" }
    }

    pub(super) fn warn(found: impl Into<String>, mend: &'static str) -> Self {
        Self { result: Result::Warn, found: found.into(), mend }
    }

    pub(super) fn fail(found: impl Into<String>, mend: &'static str) -> Self {
        Self { result: Result::Fail, found: found.into(), mend }
    }
}

/// The values that several checks read.
pub(super) struct Examination<'a> {
    pub(super) target: &'a Target,
    /// The outputs of the stack.
    pub(super) outputs: BTreeMap<String, String>,
    /// The signing secret of the webhook, and the client for Stripe, where both are set.
    pub(super) stripe: Option<(tollgate_stripe::Gateway, Secret<String>)>,
    pub(super) has_billing: bool,
}
