//! Permissions that are missing: an operation runs in a copy of its prepared stack in which a role lacks exactly one of
//! the permissions that the operation uses. A request is answered with 503, a schedule fails, a message waits. With the
//! permission back, the retry completes the operation, once.

pub mod scenes;

use crate::app::{Answer, Prepared, TestApp, World, limited};
use crate::crashes::residue::{Residue, residue};
use crate::operations::{Case, Scenario};
use crate::roles::{as_in_the_template, without};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use tollgate_local::Options;
use tollgate_local::clock::LocalClock;
use tollgate_local::permissions::{Access, Permission};

/// Longer than secrets and plans are cached.
pub const CACHES_ARE_OLD: i64 = 301;

/// A permission of a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Use {
    pub function: &'static str,
    pub permission: Permission,
}

/// When an operation uses a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// While the client waits for its answer.
    Answering,
    /// Afterwards, for a message in the stream or a queue.
    Afterwards,
}

/// Prepares a stack: the operations on it.
pub type Prepare = Box<dyn for<'a> Fn(&'a TestApp) -> BoxFuture<'a, Vec<Case>> + Send>;

/// Operations on one prepared stack.
pub struct Scene {
    pub name: &'static str,
    pub world: World,
    /// Settings in addition to those of the world.
    pub env: Vec<(String, String)>,
    pub prepare: Prepare,
    /// Makes calls fail in each copy before the request.
    pub disturb: fn(&TestApp),
}

impl From<Scenario> for Scene {
    fn from(scenario: Scenario) -> Self {
        let prepare = scenario.prepare;
        Self {
            name: scenario.name,
            world: scenario.world,
            env: Vec::new(),
            prepare: Box::new(move |app| async move { vec![unchecked(prepare(app).await)] }.boxed()),
            disturb: |_| {},
        }
    }
}

/// A case without its check, which the crash points make: the residue is compared, and tells as much here.
fn unchecked(case: Case) -> Case {
    Case { check: Box::new(async |_: &TestApp| ()), ..case }
}

/// A prepared scene.
struct Setup {
    name: &'static str,
    world: World,
    env: Vec<(String, String)>,
    prepared: Prepared,
    disturb: fn(&TestApp),
}

/// An operation that ran undisturbed, and the permissions that it used.
pub struct Rehearsal {
    setup: Arc<Setup>,
    case: Case,
    /// The status and the residue of one run, and of two.
    once: (u16, Residue),
    twice: Option<(u16, Residue)>,
    pub uses: BTreeSet<(Use, When)>,
}

/// How an operation went whose permission was missing.
pub struct Denied {
    /// The answer without the permission.
    pub answer: Answer,
    /// Whether the answer was the same as with the permission.
    pub is_same: bool,
}

/// Runs the operations of `scene`, each in a copy of the prepared stack.
pub async fn rehearse(scene: Scene) -> Vec<Rehearsal> {
    let mut options = scene.world.options(limited());
    options.env.extend(scene.env.clone());
    let app = TestApp::start_to_be_copied(options).await;
    let cases = (scene.prepare)(&app).await;
    app.drain().await;
    let Scene { name, world, env, disturb, .. } = scene;
    let setup = Arc::new(Setup { name, world, env, prepared: app.snapshot().await, disturb });
    let mut rehearsals = Vec::new();
    for case in cases {
        let (once, uses) = setup.run(&case, 1).await;
        // A read changes nothing: two are as one.
        let twice = match case.request.line().starts_with("GET ") {
            true => None,
            false => Some(setup.run(&case, 2).await.0),
        };
        rehearsals.push(Rehearsal { setup: Arc::clone(&setup), case, once, twice, uses });
    }
    rehearsals
}

impl Setup {
    /// A stack in the state before the operation, with these roles from its start on.
    async fn copy(&self, options: Options) -> TestApp {
        let clock = LocalClock::frozen(self.prepared.time());
        let mut options = self.world.options(Options { clock, ..options });
        options.env.extend(self.env.clone());
        let app = TestApp::start_from(&self.prepared, options).await;
        app.advance(CACHES_ARE_OLD);
        app
    }

    async fn run(&self, case: &Case, times: usize) -> ((u16, Residue), BTreeSet<(Use, When)>) {
        let app = self.copy(limited()).await;
        let first = async {
            (self.disturb)(&app);
            case.request.send(&app).await.status.as_u16()
        };
        let mut status = app.stack.held(first).await;
        let mut uses: BTreeSet<_> = uses(&app).into_iter().map(|used| (used, When::Answering)).collect();
        for _ in 1..times {
            status = app.stack.held(case.again.send(&case.request, &app)).await.status.as_u16();
        }
        app.drain().await;
        let is_new = |used: &Use| !uses.contains(&(used.clone(), When::Answering));
        let later: Vec<_> = self::uses(&app).into_iter().filter(is_new).map(|used| (used, When::Afterwards)).collect();
        uses.extend(later);
        app.stack.fault_injector().clear();
        let residue = residue(&app, self.world).await;
        case.check.run(&app).await;
        ((status, residue), uses)
    }
}

/// Whether a message waits: in the stream, which `relay` reads, or in a queue.
async fn is_left(app: &TestApp, missing: &Use) -> bool {
    let queues = app.get("/_local/queues").await.expect(200).body;
    let messages = queues["items"].as_array().unwrap().iter().flat_map(|queue| [&queue["depth"], &queue["in_flight"]]);
    missing.function == "relay" || messages.filter_map(Value::as_u64).sum::<u64>() > 0
}

impl fmt::Display for Use {
    /// As the fault injector lists a denied call.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} on {}", self.function, self.permission.action, self.permission.resource)
    }
}

/// The permissions that the functions have used.
fn uses(app: &TestApp) -> BTreeSet<Use> {
    let accesses = app.stack.fault_injector().accesses().into_iter();
    let of = |(function, accesses): (&'static str, BTreeSet<Access>)| {
        accesses.into_iter().map(move |access| Use { function, permission: access.permission })
    };
    accesses.flat_map(of).collect()
}

impl Rehearsal {
    /// The scene, and the request in it.
    pub fn name(&self) -> String {
        format!("{} ({})", self.setup.name, self.case.request.line())
    }

    /// Runs the operation without a permission that it uses, then with it.
    ///
    /// # Errors
    /// When something else happens than should.
    pub async fn run_without(&self, missing: &Use, when: When) -> Result<Denied, String> {
        let roles = Some(without(missing.function, &missing.permission));
        let app = self.setup.copy(Options { roles, ..limited() }).await;
        let first = async {
            (self.setup.disturb)(&app);
            self.case.request.send(&app).await
        };
        let answer = app.stack.held(first).await;
        let status = answer.status.as_u16();
        if when == When::Afterwards {
            if status != self.once.0 {
                return Err(format!("answered {status}: {}", answer.text));
            }
            app.stack.run_due().await.map_err(|error| error.to_string())?;
        }
        let denied = app.stack.fault_injector().denied();
        let is_left = app.stack.dead_letters() == 0 && (when == When::Answering || is_left(&app, missing).await);
        // From now on the role has it again.
        app.stack.fault_injector().clear();
        app.stack.fault_injector().enforce_roles(as_in_the_template());
        if denied.is_empty() || denied.iter().any(|line| *line != missing.to_string()) {
            return Err(format!("denied were {denied:?}"));
        }
        if !is_left {
            return Err("the message does not wait".to_owned());
        }
        let is_same = status == self.once.0;
        let twice = self.twice.as_ref().unwrap_or(&self.once);
        if !is_same {
            let again = app.stack.held(self.case.again.send(&self.case.request, &app)).await;
            let status = again.status.as_u16();
            if status != self.once.0 && status != twice.0 {
                return Err(format!("with the permission back it answered {status}: {}", again.text));
            }
        }
        app.drain().await;
        let left = residue(&app, self.setup.world).await;
        left.compare([&self.once.1, &twice.1], is_same, false)?;
        self.case.check.run(&app).await;
        Ok(Denied { answer, is_same })
    }

    /// Whether the operation is a schedule of the sweeper, which no client calls.
    pub fn is_schedule(&self) -> bool {
        self.case.request.line().starts_with("POST /_local/schedules/")
    }
}
