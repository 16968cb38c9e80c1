//! The options of a stack for a test.

use super::*;

/// The initial data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// No plans.
    WithoutPlans,
    /// The first plans.
    WithPlans,
    /// The first plans; a user who deletes the account is refunded the unused share of the period.
    WithRefunds,
}

impl World {
    /// Whether there are plans.
    #[must_use]
    pub fn has_plans(self) -> bool {
        self != Self::WithoutPlans
    }

    /// `options` with the settings of this world.
    #[must_use]
    pub fn options(self, mut options: Options) -> Options {
        options.first_plans = self.has_plans();
        if self == Self::WithRefunds {
            options.env.push(("REFUND_ON_DELETION".to_owned(), "unused".to_owned()));
        }
        options
    }
}

pub fn start_time() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// A stack without rate limits, for tests of other subjects.
pub fn options() -> Options {
    Options { env: no_limits(), ..limited() }
}

pub fn no_limits() -> Vec<(String, String)> {
    vec![("RATE_LIMIT_PER_MINUTE".to_owned(), "0".to_owned())]
}

/// The program that runs statements: the binary `enumerate`, which is built beside the tests.
fn report_runner() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    folder.ancestors().find(|folder| !folder.ends_with("deps")).unwrap().join("enumerate")
}

/// A stack with the limits of a deployed one.
pub fn limited() -> Options {
    Options {
        port: 0,
        public_url: None,
        data: Data::Memory,
        clock: LocalClock::frozen(start_time()),
        admin: None,
        env: Vec::new(),
        faults: Vec::new(),
        first_plans: true,
        extra_functions: Vec::new(),
        report_runner: Some(report_runner()),
        report_limits: ReportLimits::CONTRACT,
        password_cost: Some(PasswordCost::LOWEST),
        roles: None,
    }
}
