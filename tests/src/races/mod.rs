//! Two requests that race, stepped through every order of their calls to the tables (R9, R10, R11): each call waits until
//! this scheduler lets it go, one at a time, so an order is a choice and not luck, and all of them can be tried.
//!
//! Orders that differ only in neighbours that touch no item in common end alike; of such a family one is run, found by
//! sleep sets (Godefroid, Partial-Order Methods for the Verification of Concurrent Systems, 1996).

mod duels;
mod footprint;

pub use duels::RACES;

use crate::app::{Answer, TestApp, options};
use crate::request::Request;
use crate::{apart, panic_text};
use footprint::Footprint;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tollgate_local::Options;
use tollgate_local::steps::Step;

/// One row of the table: how the world is made, and who races in it.
#[derive(Clone, Copy)]
pub struct Race {
    pub name: &'static str,
    pub prepare: for<'a> fn(&'a TestApp) -> BoxFuture<'a, Duel>,
}

/// Two requests at once, and what must be true whichever way they went.
pub struct Duel {
    pub requests: [Request; 2],
    pub check: Check,
}

pub type Check = Box<dyn for<'a> FnOnce(&'a TestApp, [Answer; 2]) -> BoxFuture<'a, ()> + Send>;

/// What came of all orders of one race.
pub struct Report {
    pub orders: usize,
    pub failures: Vec<String>,
}

/// Goes through every order of `race`, depth first: each run follows a prefix of choices, then lets the first go that
/// can, and notes where it could have chosen otherwise.
pub async fn enumerate(race: Race) -> Report {
    let mut report = Report { orders: 0, failures: Vec::new() };
    let mut prefix = Vec::new();
    loop {
        let followed = prefix.clone();
        let Order { choices, outcome } = match apart(move || one_order(race, followed)).await {
            Ok(order) => order,
            Err(panic) => {
                report.failures.push(format!("{} · {prefix:?}…\n  {}", race.name, panic_text(panic)));
                return report; // where it went from there is not known
            }
        };
        report.orders += usize::from(outcome != Outcome::SeenBefore);
        if let Outcome::Wrong(text) = outcome {
            report.failures.push(format!("{} · {choices:?}\n  {text}", race.name));
        }
        // The last choice that could have been the second request goes the other way.
        let Some(last) = choices.iter().rposition(|choice| choice.taken == 0 && choice.could_be_other) else {
            return report;
        };
        prefix = choices[..last].iter().map(|choice| choice.taken).chain([1]).collect();
    }
}

/// Which of the two was let go, and whether the other could have been.
#[derive(Clone, Copy)]
struct Choice {
    taken: usize,
    could_be_other: bool,
}

impl std::fmt::Debug for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.taken)
    }
}

struct Order {
    choices: Vec<Choice>,
    outcome: Outcome,
}

#[derive(PartialEq)]
enum Outcome {
    Right,
    Wrong(String),
    /// Another run ends like this one.
    SeenBefore,
}

async fn one_order(race: Race, prefix: Vec<usize>) -> Order {
    let app = TestApp::start_patient(Options { first_plans: false, ..options() }).await;
    let Duel { requests, check } = (race.prepare)(&app).await;
    app.drain().await;
    let (choices, answers) = app.stack.held(stepped(&app, requests, prefix)).await;
    app.stack.wire().run_free();
    let Some(answers) = answers else { return Order { choices, outcome: Outcome::SeenBefore } };
    let checked = tokio::spawn(async move {
        check(&app, answers).await;
        app.drain().await;
    });
    let outcome = checked.await.map_or_else(|panic| Outcome::Wrong(panic_text(panic)), |()| Outcome::Right);
    Order { choices, outcome }
}

/// One of the two, as the scheduler sees it.
#[derive(Default)]
struct Worker {
    /// The functions' runs that are its own: a request is one.
    invocation: Option<u64>,
    waiting: VecDeque<(Footprint, oneshot::Sender<()>)>,
    answer: Option<Answer>,
}

/// What the scheduler hears.
enum Heard {
    Step(Step),
    Answered(usize, Answer),
}

/// Lets the calls of both go one at a time, by `prefix` first. No answers where another run ends like this one.
async fn stepped(app: &TestApp, requests: [Request; 2], prefix: Vec<usize>) -> (Vec<Choice>, Option<[Answer; 2]>) {
    let (say, mut hear) = unbounded_channel();
    tokio::spawn(pass_on(app.stack.wire().step(), say.clone()));
    let mut workers = [Worker::default(), Worker::default()];
    // One after the other up to its first call: what waits first is the first one's.
    for (index, request) in requests.into_iter().enumerate() {
        let (client, base, say) = (app.client.clone(), app.stack.base_url(), say.clone());
        tokio::spawn(async move {
            let answer = request.send_by(&client, &base).await;
            let _the_scheduler_is_gone = say.send(Heard::Answered(index, answer));
        });
        while workers[index].is_running() {
            hear_one(&mut hear, &mut workers, index).await;
        }
    }
    let mut choices = Vec::new();
    // Whether the first one's next call went first in a run before, and has met nothing since that it does not commute
    // with: to let it go now would end as that run did.
    let mut first_sleeps = false;
    loop {
        let can_go = [!workers[0].waiting.is_empty(), !workers[1].waiting.is_empty()];
        let taken = match (prefix.get(choices.len()), can_go) {
            (Some(taken), _) => *taken,
            (None, [true, _]) if !first_sleeps => 0,
            (None, [_, true]) => 1,
            (None, [true, false]) => return (choices, None),
            (None, [false, false]) => break,
        };
        choices.push(Choice { taken, could_be_other: can_go[1 - taken] });
        let (footprint, go) = workers[taken].waiting.pop_front().expect("the same choices lead to the same calls");
        first_sleeps =
            taken == 1 && workers[0].waiting.front().is_some_and(|(first, _)| first.commutes_with(&footprint));
        let _gone = go.send(());
        // Its call ends; then it makes the next one, or it is answered.
        let mut is_over = false;
        while !is_over || workers[taken].is_running() {
            is_over |= hear_one(&mut hear, &mut workers, taken).await;
        }
    }
    let answers = workers.map(|worker| worker.answer.expect("an answer"));
    (choices, Some(answers))
}

impl Worker {
    /// Whether neither a call of its waits nor an answer is there.
    fn is_running(&self) -> bool {
        self.waiting.is_empty() && self.answer.is_none()
    }
}

/// Takes in what is heard while `running` alone moves; whether a call was over.
async fn hear_one(hear: &mut UnboundedReceiver<Heard>, workers: &mut [Worker; 2], running: usize) -> bool {
    match hear.recv().await.expect("somebody moves") {
        Heard::Step(Step::Waits { invocation, call, go }) => {
            let known = workers.iter().position(|worker| worker.invocation == Some(invocation));
            let worker = &mut workers[known.unwrap_or(running)];
            worker.invocation = Some(invocation);
            worker.waiting.push_back((Footprint::of(&call), go));
            false
        }
        Heard::Step(Step::Over { .. }) => true,
        Heard::Answered(index, answer) => {
            workers[index].answer = Some(answer);
            false
        }
    }
}

async fn pass_on(mut steps: UnboundedReceiver<Step>, say: UnboundedSender<Heard>) {
    while let Some(step) = steps.recv().await {
        if say.send(Heard::Step(step)).is_err() {
            return;
        }
    }
}
