//! A stack and its users, on which the steps run one after another, and whose state is compared at the end.

mod at_stripe;
mod healing;

use super::expected::{Expected, int, is_live, period, text};
use super::history::History;
use super::kinds::Reached;
use super::reports;
use super::step::{Card, PLANS, Sequence, Step, Who};
use super::stored::{self, Differences, Stored, rows};
use crate::app::{Answer, PASSWORD, Session, TestApp};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::faults::Fault;
use tollgate_local::service::Service;

/// How long a token of the dev console is valid here.
const TOKEN_SECONDS: i64 = 60 * 86_400;
/// Longer than a claim on a message lasts after its receiver stopped.
const CLAIMS_LAPSE_SECONDS: i64 = 16 * 60;
/// Longer than any outage in the model: a message is stored for five weeks.
const WEEKS_SECONDS: i64 = 8 * 86_400;
/// How often it checks whether a message is being sent.
const MAX_POLLS: usize = 200;
/// How long the amount of a preview is charged, by the contract.
const PREVIEW_HOLDS_SECONDS: i64 = 3_600;
const QUEUES: [&str; 2] = ["mail", "stripe.fifo"];
/// The schedules that run at the end.
const SCHEDULES: [&str; 4] = ["outbox", "expiry", "reconcile", "reminders"];

struct Person {
    email: String,
    session: Session,
    is_closed: bool,
}

impl Person {
    fn id(&self) -> &str {
        text(&self.session.user["id"])
    }
}

/// The memory of the run, which survives restarts of the stack.
#[derive(Default)]
pub struct Memory {
    /// The trace of the run.
    pub trace: String,
    /// The number of steps with an effect.
    pub steps: usize,
    /// How often each kind of step had the effect that it is for, and how often each result was found in the end.
    pub reached: Reached,
    people: Vec<Person>,
    /// The checkouts that the API returned, oldest first.
    pages: Vec<String>,
    /// Subscriptions that were ended in Stripe's dashboard.
    ended: Vec<String>,
    /// The ids of deleted users.
    gone: Vec<String>,
    history: History,
    /// Whether a fault may still be active.
    is_faulty: bool,
    /// Whether there was any fault.
    was_disturbed: bool,
    /// Whether every change had an event: such changes must be synchronised without reconciliation.
    is_reported: bool,
    /// Whether events were lost.
    was_silent: bool,
    /// Whether a mail may have been sent a second time.
    doubles: bool,
}

impl Memory {
    /// Counts a step with an effect. One that was refused does not count as reached.
    pub fn count(&mut self, step: Step, trace: &str) {
        self.steps += 1;
        if !trace.starts_with('4') {
            self.reach(&step.kind());
        }
    }

    fn reach(&mut self, kind: &str) {
        *self.reached.entry(kind.to_owned()).or_default() += 1;
    }
}

pub struct World {
    pub app: TestApp,
    pub memory: Memory,
}

/// The result of a step: a text for the trace, or a violation.
type Done = Result<String, String>;

fn said(answer: &Answer) -> String {
    let code = answer.body["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
    format!("{}{code}", answer.status.as_u16())
}

/// The path of an address, whatever the port of the stack was.
fn path_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').map_or("/", |start| &rest[start..])
}

/// The result of a step without an object.
pub const NOTHING: &str = "there is none";

impl World {
    /// Users who have registered, the plans, and no other data.
    pub async fn begin(app: TestApp, sequence: &Sequence) -> Self {
        let mut people = Vec::new();
        for name in (0..sequence.people).map(|who| sequence.name(who)) {
            let (email, session) = app.person(name).await;
            people.push(Person { email, session, is_closed: false });
        }
        app.make_admins(&[&people[0].session]).await;
        for plan in [
            json!({"code": "yearly", "name": "Yearly", "price_cents": 19_000, "currency": "usd",
                   "billing_period": "year", "tier": 1}),
            json!({"code": "tried", "name": "Tried", "price_cents": 900, "currency": "usd",
                   "billing_period": "month", "tier": 3, "trial_days": 14}),
        ] {
            app.post_as(&people[0].session, "/billing/plans", plan).await.expect(201);
        }
        app.drain().await;
        let mut world = Self { app, memory: Memory { people, ..Memory::default() } };
        for who in 0..sequence.people {
            world.sign(who).await;
        }
        world
    }

    /// The same users after a restart of the stack.
    pub fn again(app: TestApp, mut memory: Memory) -> Self {
        (memory.is_faulty, memory.was_disturbed, memory.doubles) = (false, true, true);
        Self { app, memory }
    }

    fn now(&self) -> i64 {
        self.app.now().as_second()
    }

    fn person(&self, who: Who) -> &Person {
        &self.memory.people[who % self.memory.people.len()]
    }

    /// Renews the token of a live session, so that no sign-in is needed between two steps.
    async fn sign(&mut self, who: Who) {
        let index = who % self.memory.people.len();
        let session = &self.memory.people[index].session;
        let mut claims = session.claims();
        claims["exp"] = json!(self.now() + TOKEN_SECONDS);
        let token = json!({"header": session.header(), "claims": claims});
        let token = self.app.post("/_local/tokens", token).await.expect(200).body["token"].clone();
        text(&token).clone_into(&mut self.memory.people[index].session.access);
    }

    /// A request of a user, who signs in again if required. The answers in `wanted` are right; with a fault, also those
    /// of a failing service.
    async fn ask(
        &mut self,
        who: Who,
        (method, path): (Method, &str),
        body: Value,
        wanted: &[u16],
    ) -> Result<Answer, String> {
        let mut answer = self.send(who, method.clone(), path, &body).await;
        if answer.status == 401 {
            let login = self.app.login(&self.person(who).email, PASSWORD).await;
            if login.status == 200 {
                let index = who % self.memory.people.len();
                self.memory.people[index].session = Session::of(&login);
                self.sign(who).await;
                answer = self.send(who, method, path, &body).await;
            } else {
                answer = login;
            }
        }
        let status = answer.status.as_u16();
        // After the process stopped the gateway answers, without a code.
        let is_failure = (501..=504).contains(&status) || (status == 500 && answer.body["code"].is_null());
        let is_right = wanted.contains(&status) || (self.memory.is_faulty && is_failure);
        if is_right { Ok(answer) } else { Err(format!("{path} was answered {}: {}", said(&answer), answer.text)) }
    }

    async fn send(&self, who: Who, method: Method, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.person(who).session.access);
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        self.app.send(method, path, &headers, Some(body.to_string())).await
    }

    async fn post(&mut self, who: Who, path: &str, body: Value, wanted: &[u16]) -> Result<Answer, String> {
        self.ask(who, (Method::POST, path), body, wanted).await
    }

    /// A form of one of Stripe's pages.
    async fn press(&self, path: &str, form: String) -> Done {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.app.send(Method::POST, path, &headers, Some(form)).await;
        match answer.status.as_u16() {
            303 | 402 | 409 => Ok(said(&answer)),
            _ => Err(format!("{path} was answered {}", said(&answer))),
        }
    }

    /// The entries of a list of Stripe that belong to a user, newest first.
    async fn of(&self, who: Who, list: &str) -> Vec<Value> {
        let id = self.person(who).id();
        let customers = self.app.stripe("customers").await;
        let own = |object: &Value| {
            customers
                .iter()
                .any(|customer| customer["id"] == object["customer"] && customer["metadata"]["tollgate_user"] == id)
        };
        self.app.stripe(list).await.into_iter().filter(own).collect()
    }

    async fn live(&self, who: Who) -> Option<Value> {
        self.of(who, "subscriptions").await.into_iter().find(is_live)
    }

    /// Runs one step.
    ///
    /// # Errors
    /// With the wrong answer.
    pub async fn step(&mut self, step: Step) -> Done {
        match step {
            Step::Subscribe { .. }
            | Step::Cancel { .. }
            | Step::Resume { .. }
            | Step::Preview { .. }
            | Step::Upgrade { .. }
            | Step::UpgradeAsPreviewed { .. }
            | Step::Portal { .. }
            | Step::Deactivate { .. } => self.by_user(step).await,
            Step::SetTier { plan, tier } => self.change_plan(plan, json!({"tier": tier})).await,
            Step::SetPrice { plan, cents } => self.change_plan(plan, json!({"price_cents": cents})).await,
            Step::Pay { .. }
            | Step::PaySecond { .. }
            | Step::PayInvoice { .. }
            | Step::Renew { .. }
            | Step::End { .. }
            | Step::Refund { .. }
            | Step::Dispute { .. }
            | Step::CloseDispute { .. }
            | Step::Quantity { .. }
            | Step::Discount { .. }
            | Step::PauseCollection { .. }
            | Step::Schedule { .. }
            | Step::Foreign { .. }
            | Step::RefuseRefunds => self.at_stripe(step).await,
            Step::Delete { who } => self.delete(who).await,
            Step::Clock { .. }
            | Step::Deliver { .. }
            | Step::Resend { .. }
            | Step::Fault { .. }
            | Step::NoFaults
            | Step::Run { .. }
            | Step::Drain
            | Step::Restart => {
                let done = self.by_the_world(step).await;
                self.memory.history.note(&self.app).await;
                done
            }
        }
    }

    async fn by_user(&mut self, step: Step) -> Done {
        let (Step::Subscribe { who, .. }
        | Step::Cancel { who }
        | Step::Resume { who }
        | Step::Preview { who, .. }
        | Step::Upgrade { who, .. }
        | Step::UpgradeAsPreviewed { who, .. }
        | Step::Portal { who, .. }
        | Step::Deactivate { who }) = step
        else {
            return Ok(NOTHING.to_owned());
        };
        if self.person(who).is_closed {
            return Ok(NOTHING.to_owned());
        }
        let plan = |code: &str| json!({"plan_code": code});
        let changed = |answer: Answer| said(&answer);
        match step {
            Step::Subscribe { who, plan: code } => {
                let answer = self.post(who, "/billing/subscriptions/subscribe", plan(code), &[201, 409]).await?;
                self.memory.pages.extend(answer.body["checkout_url"].as_str().map(str::to_owned));
                Ok(said(&answer))
            }
            Step::Cancel { who } => {
                self.post(who, "/billing/subscriptions/cancel", json!({}), &[200, 404, 409]).await.map(changed)
            }
            Step::Resume { who } => {
                self.post(who, "/billing/subscriptions/resume", json!({}), &[200, 404, 409]).await.map(changed)
            }
            Step::Preview { who, plan: code } => {
                self.post(who, "/billing/subscriptions/preview", plan(code), &[200, 402, 404, 409]).await.map(changed)
            }
            Step::Upgrade { who, plan: code } => {
                self.post(who, "/billing/subscriptions/upgrade", plan(code), &[200, 402, 404, 409]).await.map(changed)
            }
            Step::UpgradeAsPreviewed { who, plan, seconds } => self.upgrade_as_previewed(who, plan, seconds).await,
            Step::Portal { who, button, card } => self.portal(who, button, card).await,
            // The last admin stays.
            Step::Deactivate { who } if who % self.memory.people.len() == 0 => Ok(NOTHING.to_owned()),
            _ => {
                let answer = self.post(who, "/deactivate", json!({"password": PASSWORD}), &[200]).await?;
                let index = who % self.memory.people.len();
                // It may have happened although the answer was lost.
                let stored = Stored::all(&self.app, &[self.person(who).id()]).await;
                self.memory.people[index].is_closed = stored.iter().all(|stored| stored.gate["is_active"] == false);
                if answer.status == 200 && !self.memory.people[index].is_closed {
                    return Err("the account is not closed".to_owned());
                }
                Ok(said(&answer))
            }
        }
    }

    /// The amount of the preview is charged, to the cent, although time has passed; or it has changed and is refused.
    async fn upgrade_as_previewed(&mut self, who: Who, code: &str, seconds: i64) -> Done {
        let body = json!({"plan_code": code});
        let preview = self.post(who, "/billing/subscriptions/preview", body, &[200, 402, 404, 409]).await?;
        let Some(from) = preview.body["proration_date"].as_str().map(str::to_owned) else { return Ok(said(&preview)) };
        self.by_the_world(Step::Clock { seconds, words: "" }).await?;
        let known: Vec<_> = self.of(who, "invoices").await.iter().map(|invoice| invoice["id"].clone()).collect();
        let period_start = self.live(who).await.map(|live| period(&live).0);
        let body = json!({"plan_code": code, "proration_date": from});
        let upgrade = self.post(who, "/billing/subscriptions/upgrade", body, &[200, 402, 404, 409, 422]).await?;
        let asked = self.of(who, "invoices").await.into_iter().filter(|invoice| !known.contains(&invoice["id"]));
        let asked: i64 = asked.map(|invoice| int(&invoice["amount_due"])).sum();
        let said_of_it = int(&preview.body["amount_due_cents"]);
        let from = from.parse::<Timestamp>().unwrap();
        let is_over = seconds > PREVIEW_HOLDS_SECONDS || period_start.is_some_and(|start| from.as_second() < start);
        let is_later = |plan: &Value| text(&plan["updated_at"]).parse::<Timestamp>().is_ok_and(|at| from < at);
        let is_what_was_said = asked == said_of_it;
        let is_right = match upgrade.status.as_u16() {
            200 => is_what_was_said && seconds <= PREVIEW_HOLDS_SECONDS,
            402 => is_what_was_said || asked == 0,
            422 => asked == 0 && (is_over || self.plans().await?.iter().any(is_later)),
            _ => asked == 0,
        } || self.memory.is_faulty;
        let words = format!("{} {said_of_it} was said, {asked} asked for", said(&upgrade));
        if is_right { Ok(words) } else { Err(words) }
    }

    async fn portal(&mut self, who: Who, button: &str, card: Card) -> Done {
        let answer = self.post(who, "/billing/portal", json!({}), &[201, 404]).await?;
        let Some(url) = answer.body["url"].as_str() else { return Ok(said(&answer)) };
        let form = if button == "card" {
            format!("action=card&card={}", card.number())
        } else {
            let Some(live) = self.live(who).await else { return Ok(NOTHING.to_owned()) };
            format!("action={button}&subscription={}", text(&live["id"]))
        };
        self.press(path_of(url), form).await
    }

    async fn plans(&mut self) -> Result<Vec<Value>, String> {
        let answer = self.ask(0, (Method::GET, "/billing/plans?archived=true"), Value::Null, &[200]).await?;
        Ok(answer.body["items"].as_array().cloned().unwrap_or_default())
    }

    async fn change_plan(&mut self, code: &str, change: Value) -> Done {
        let plans = self.plans().await?;
        let Some(plan) = plans.iter().find(|plan| plan["code"] == code) else { return Ok(NOTHING.to_owned()) };
        let path = format!("/billing/plans/{}", text(&plan["id"]));
        self.ask(0, (Method::PATCH, &path), change, &[200, 409]).await.map(|answer| said(&answer))
    }

    /// Deletes a user's account, runs the erasure, and registers the same person with another address.
    async fn delete(&mut self, who: Who) -> Done {
        let index = who % self.memory.people.len();
        // The last admin cannot close the account, and a closed account cannot be closed again.
        if index == 0 || self.person(who).is_closed {
            return Ok(NOTHING.to_owned());
        }
        self.mend().await?;
        self.dashboard("delivery", json!({"mode": "normal"})).await?;
        let answer = self.post(who, "/me/delete", json!({"password": PASSWORD}), &[202]).await?;
        self.by_the_world(Step::Drain).await?;
        self.by_the_world(Step::Run { schedule: "accounts" }).await?;
        self.by_the_world(Step::Drain).await?;
        let gone = self.person(who).id().to_owned();
        self.memory.gone.push(gone);
        let (email, session) = self.app.person(&format!("again-{}", self.memory.gone.len())).await;
        self.memory.people[index] = Person { email, session, is_closed: false };
        self.sign(who).await;
        Ok(said(&answer))
    }

    async fn by_the_world(&mut self, step: Step) -> Done {
        match step {
            Step::Clock { seconds, .. } => {
                if seconds >= WEEKS_SECONDS {
                    self.mend().await?;
                } else if seconds >= CLAIMS_LAPSE_SECONDS {
                    self.memory.doubles |= !self.nothing_is_being_sent().await;
                }
                self.app.post("/_local/clock", json!({"advance_seconds": seconds})).await.expect(200);
                Ok(self.app.now().to_string())
            }
            Step::Deliver { mode } => {
                self.memory.was_silent |= mode == "drop";
                self.dashboard("delivery", json!({"mode": mode})).await
            }
            Step::Resend { newest } => {
                let mut events = self.app.stripe("events").await;
                events.reverse();
                let Some(event) = nth(&events, newest) else { return Ok(NOTHING.to_owned()) };
                let done = self.dashboard(&format!("events/{}/resend", text(&event["id"])), json!({})).await?;
                Ok(format!("{} {done}", event["type"]))
            }
            Step::Fault { service, kind, after, times } => {
                let _known =
                    self.app.stack.fault_injector().add(Fault { service, operation: None, kind, after, times });
                (self.memory.is_faulty, self.memory.was_disturbed) = (true, true);
                // The mark of a mail may fail, or the process may stop before it.
                self.memory.doubles |= service == Service::Dynamodb || service == Service::Sqs;
                Ok(String::new())
            }
            Step::NoFaults => {
                self.stop_failing().await;
                Ok(String::new())
            }
            Step::Run { schedule } => {
                let answer = self.app.post(&format!("/_local/schedules/{schedule}/run"), json!({})).await;
                let is_right = matches!(answer.status.as_u16(), 200 | 404);
                let finds_nothing = schedule != "reconcile" || answer.body["handled"] == 0;
                let may_find = self.memory.was_disturbed || self.memory.was_silent || !self.memory.is_reported;
                match is_right && (finds_nothing || may_find) || self.memory.is_faulty {
                    true => Ok(said(&answer)),
                    false => Err(format!("{schedule}: {}", answer.text)),
                }
            }
            Step::Drain => {
                let answer = self.app.send(Method::POST, "/_local/drain", &[], None).await;
                if answer.status == 200 { Ok(answer.text) } else { Err(format!("drain: {}", answer.text)) }
            }
            // A restart is complete by now.
            _ => Ok(String::new()),
        }
    }

    /// Waits for a limited time until no message is in progress: when a claim expires meanwhile, another receiver sends
    /// the mail too.
    async fn nothing_is_being_sent(&self) -> bool {
        for _ in 0..MAX_POLLS {
            let queues = self.app.get("/_local/queues").await.expect(200).body["items"].clone();
            let is_empty = |queue: &Value| queue["in_flight"] == 0 && queue["depth"] == 0;
            let outbox = rows(&self.app, "outbox").await;
            if queues.as_array().is_some_and(|queues| queues.iter().all(is_empty)) && !outbox.iter().any(waits) {
                return true;
            }
        }
        false
    }

    async fn stop_failing(&mut self) {
        self.app.stack.fault_injector().clear();
        self.memory.is_faulty = false;
        self.app.send(Method::DELETE, "/_local/stripe/refusals", &[], None).await.expect(204);
    }

    /// Ends all faults and delivers pending messages and dead letters.
    async fn mend(&mut self) -> Result<(), String> {
        self.stop_failing().await;
        for queue in QUEUES {
            self.app.send(Method::POST, &format!("/_local/queues/{queue}/redrive"), &[], None).await.expect(200);
        }
        let drained = self.app.send(Method::POST, "/_local/drain", &[], None).await;
        if drained.status == 200 { Ok(()) } else { Err(format!("drain: {}", drained.text)) }
    }
}

/// Whether a message of the outbox is still to be sent.
fn waits(row: &Value) -> bool {
    row["kind"] != "decoy" && (row["state"] == "pending" || row["state"] == "claimed")
}

/// The object with this index from the newest, modulo their number.
fn nth<T>(oldest_first: &[T], newest: usize) -> Option<&T> {
    let index = newest.checked_rem(oldest_first.len())?;
    oldest_first.iter().rev().nth(index)
}

// The end: faults stop, and the state is compared.
