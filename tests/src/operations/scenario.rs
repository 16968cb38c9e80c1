//! A scenario: a state, and one request in it.

use crate::app::{Answer, TestApp, World};
use crate::request::Request;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};

/// A state, one request in it, and the tests that it belongs to.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    pub world: World,
    pub prepare: for<'a> fn(&'a TestApp) -> BoxFuture<'a, Case>,
    /// Which of its calls fail at the crash points, if any do.
    pub disturbed: Option<Disturbed>,
    /// Whether the permissions that it uses are taken away (`denials`).
    pub is_denied: bool,
    /// Its answer, where `docs/budget.json` has its cost.
    pub measured: Option<Measured>,
}

/// The answer of a request whose cost is part of the budget.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub status: u16,
    /// The code of a refusal.
    pub code: Option<&'static str>,
    /// Whether it is sent twice, and the second one counts.
    pub is_second: bool,
}

impl Measured {
    pub const fn answer(status: u16) -> Self {
        Self { status, code: None, is_second: false }
    }

    pub const fn refusal(status: u16, code: &'static str) -> Self {
        Self { status, code: Some(code), is_second: false }
    }

    pub const fn second(self) -> Self {
        Self { is_second: true, ..self }
    }
}

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbed {
    /// Those made while the client waits for its answer.
    TheAnswer,
    /// Those made afterwards, from the outbox or Stripe's event on: the stream, the queue and Stripe retry them, not
    /// the client.
    Afterwards,
}

impl Scenario {
    /// A request that changes something, in a world without plans.
    pub const fn new(name: &'static str, prepare: for<'a> fn(&'a TestApp) -> BoxFuture<'a, Case>) -> Self {
        let (world, disturbed) = (World::WithoutPlans, Some(Disturbed::TheAnswer));
        Self { name, world, prepare, disturbed, is_denied: false, measured: None }
    }

    pub const fn with_plans(self) -> Self {
        Self { world: World::WithPlans, ..self }
    }

    pub const fn with_refunds(self) -> Self {
        Self { world: World::WithRefunds, ..self }
    }

    /// It is about the work after the answer.
    pub const fn afterwards(self) -> Self {
        Self { disturbed: Some(Disturbed::Afterwards), ..self }
    }

    /// It changes nothing that another scenario does not change as well.
    pub const fn without_crash_points(self) -> Self {
        Self { disturbed: None, ..self }
    }

    /// Each permission that it uses is taken away once.
    pub const fn denied(self) -> Self {
        Self { is_denied: true, ..self }
    }

    /// Its cost is part of the budget; the request is answered with this status.
    pub const fn measured(self, status: u16) -> Self {
        Self { measured: Some(Measured::answer(status)), ..self }
    }

    /// The same for a request that is refused.
    pub const fn measured_refusal(self, status: u16, code: &'static str) -> Self {
        Self { measured: Some(Measured::refusal(status, code)), ..self }
    }

    /// The same for the second of two requests.
    pub const fn measured_second(self, status: u16) -> Self {
        Self { measured: Some(Measured::answer(status).second()), ..self }
    }
}

/// The request of a client, its retry, and the checks at the end in addition to the tables.
pub struct Case {
    pub request: Request,
    pub again: Again,
    pub check: Box<dyn Check>,
}

/// How a client without an answer retries.
pub enum Again {
    /// With the same request.
    TheSame,
    /// From the start, because its values are valid once.
    Anew(Begin),
}

/// A whole flow, from its beginning to its answer.
pub type Begin = Box<dyn for<'a> Fn(&'a TestApp) -> BoxFuture<'a, Answer> + Send + Sync>;

impl Again {
    pub(crate) async fn send(&self, request: &Request, app: &TestApp) -> Answer {
        match self {
            Self::TheSame => request.send(app).await,
            Self::Anew(begin) => begin(app).await,
        }
    }
}

/// The check at the end. It runs once in each copy of the prepared stack.
pub trait Check: Send + Sync {
    /// Panics when it fails.
    fn run<'a>(&'a self, app: &'a TestApp) -> LocalBoxFuture<'a, ()>;
}

impl<F: AsyncFn(&TestApp) + Send + Sync> Check for F {
    fn run<'a>(&'a self, app: &'a TestApp) -> LocalBoxFuture<'a, ()> {
        self(app).boxed_local()
    }
}

/// A retry from the start.
pub fn anew(begin: impl for<'a> Fn(&'a TestApp) -> BoxFuture<'a, Answer> + Send + Sync + 'static) -> Again {
    Again::Anew(Box::new(begin))
}

/// A scenario that an async function prepares.
macro_rules! scenario {
    ($name:literal, $prepare:path) => {
        $crate::operations::Scenario::new($name, |app| Box::pin($prepare(app)))
    };
}

/// A case whose check is an async block over `app`.
macro_rules! case {
    ($request:expr, |$app:ident| $check:expr) => {
        case!($request, $crate::operations::Again::TheSame, |$app| $check)
    };
    ($request:expr, $again:expr, |$app:ident| $check:expr) => {
        $crate::operations::Case {
            request: $request,
            again: $again,
            check: Box::new(async move |$app: &$crate::app::TestApp| $check),
        }
    };
    ($request:expr) => {
        case!($request, |_app| ())
    };
}

pub(crate) use {case, scenario};
