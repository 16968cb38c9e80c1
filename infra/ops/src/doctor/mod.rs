//! `doctor`: checks that a deployment can do its work. Each check is a function that finds one kind of fault and says
//! how to correct it. A check that is not possible is skipped, with the reason.

mod account;
mod examination;
mod stack;
mod stripe;

pub use stripe::missing_permissions;

use examination::{Examination, Finding, Result};

use crate::outcome::{Exit, Outcome};
use crate::target::Target;
use serde_json::json;

/// A check, with its name.
macro_rules! checks {
    ($examination:ident, $findings:ident, $($name:literal: $check:path,)*) => {
        $($findings.push(($name, $check(&$examination).await));)*
    };
}

/// The names of the checks that need a stack in this region.
const NEED_THE_STACK: [&str; 14] = [
    "version",
    "clock",
    "secrets",
    "stripe-key",
    "webhook-endpoint",
    "webhook-secret",
    "portal",
    "dead-letters",
    "schedules",
    "statistics",
    "tables",
    "mail",
    "alarms",
    "quota",
];

pub async fn run(target: &Target) -> Outcome {
    let mut findings = Vec::new();
    let outputs = target.outputs().await;
    let region = stack::check_region(target, &outputs);
    let is_there = region.result != Result::Fail;
    findings.push(("region", region));
    match outputs {
        Ok(outputs) if is_there => {
            let has_billing = target.has_billing().await;
            let (secrets, stripe) = stack::check_secrets(target, has_billing).await;
            findings.push(("secrets", secrets));
            let examination = Examination { target, outputs, stripe, has_billing };
            checks! { examination, findings,
                "version": stack::check_version,
                "clock": stack::check_clock,
                "stripe-key": stripe::check_key,
                "webhook-endpoint": stripe::check_endpoint,
                "webhook-secret": stripe::check_secret,
                "portal": stripe::check_portal,
                "dead-letters": stack::check_dead_letters,
                "schedules": stack::check_schedules,
                "statistics": stack::check_statistics,
                "tables": stack::check_tables,
                "mail": account::check_mail,
                "alarms": account::check_alarms,
                "quota": account::check_quota,
            }
        }
        _ => {
            let skipped = || Finding::skipped("there is no such stack in this region");
            findings.extend(NEED_THE_STACK.map(|name| (name, skipped())));
        }
    }
    summarise(&findings)
}

fn summarise(findings: &[(&'static str, Finding)]) -> Outcome {
    let mut text = Vec::new();
    let mut checks = Vec::new();
    for (name, Finding { result, found, mend }) in findings {
        let word = match result {
            Result::Ok => "ok",
            Result::Warn => "WARN",
            Result::Fail => "FAIL",
            Result::Skipped => "skipped",
        };
        text.push(format!("{word:<8}{name:<18}{found}"));
        if !mend.is_empty() {
            text.push(format!("{:<26}mend: {mend}", ""));
        }
        checks.push(json!({"name": name, "result": result, "found": found, "mend": mend}));
    }
    let count = |wanted: Result| findings.iter().filter(|(_, finding)| finding.result == wanted).count();
    let (failed, warned) = (count(Result::Fail), count(Result::Warn));
    text.push(format!("{} checks: {failed} failed, {warned} warnings", findings.len()));
    let exit = if failed == 0 { Exit::Done } else { Exit::Failed };
    let result = json!({"checks": checks, "failed": failed, "warnings": warned});
    Outcome { exit, text: text.join("\n"), result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_ends_with_0_and_a_failure_with_1() {
        let warned = summarise(&[("a", Finding::ok("x")), ("b", Finding::warn("y", "z"))]);
        assert_eq!((warned.exit, &warned.result["warnings"]), (Exit::Done, &json!(1)));
        assert!(warned.text.contains("mend: z"), "{}", warned.text);
        let failed = summarise(&[("a", Finding::skipped("x")), ("b", Finding::fail("y", "z"))]);
        assert_eq!((failed.exit, &failed.result["failed"]), (Exit::Failed, &json!(1)));
    }
}
