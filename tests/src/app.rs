//! A separate stack for each test, in memory, on a frozen clock; and the requests of a user.

mod answer;
mod options;

pub use answer::{Answer, Session};
pub use options::{World, limited, no_limits, options, start_time};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tollgate_local::clock::LocalClock;
use tollgate_local::faults::{Call, Fault, Kind};
use tollgate_local::service::Service;
use tollgate_local::{Data, Options, PasswordCost, ReportLimits, STREAM_RETRIES, Snapshot, Stack, TABLE_PREFIX};
use tollgate_ops::{MadeAdmin, make_admin};
use tollgate_platform::Secret;
use tollgate_store::Store;
use tollgate_store::roles::Operator;

pub const PASSWORD: &str = "correct horse battery";
pub const ADMIN: (&str, &str) = ("admin@localhost.test", "an admin's long password");

pub struct TestApp {
    pub stack: Stack,
    pub client: Client,
    /// The dead letters that this test expects.
    pub dead_wanted: usize,
    /// The data that the system writes at its start: the public keys and the first plans.
    first: Vec<Value>,
    /// The calls of its start.
    pub starting: Vec<Call>,
}

/// A situation that was prepared once: each stack that starts from it has its own copy.
#[derive(Clone)]
pub struct Prepared {
    snapshot: Arc<Snapshot>,
    first: Vec<Value>,
}

impl Prepared {
    /// When its preparation ended.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.snapshot.taken_at()
    }
}

/// The public address of a stack that is copied: no host has this name, so a request that should have gone to the
/// stack's own address fails.
const PUBLIC_URL: &str = "http://tollgate.test";

fn client() -> Client {
    Client::builder().redirect(redirect::Policy::none()).build().unwrap()
}

/// A stack whose functions may do what their roles in the template allow, unless `options` have other roles.
async fn start(options: Options) -> Stack {
    let has_roles = options.roles.is_some();
    let stack = Stack::start(options).await.unwrap();
    if !has_roles {
        stack.fault_injector().enforce_roles(crate::roles::as_in_the_template());
    }
    stack
}

/// New stacks, without plans, with plans, and with plans and the first admin: each is started once in a process, and its
/// data copied.
static NEW: [OnceCell<Prepared>; 3] = [const { OnceCell::const_new() }; 3];

/// The settings that change nothing of what is written at a start.
const WITHOUT_EFFECT: [&str; 2] = ["RATE_LIMIT_PER_MINUTE", "REFUND_ON_DELETION"];

/// The new stack whose data one with these options has, too.
fn new_one(options: &Options) -> Option<&'static OnceCell<Prepared>> {
    let is_plain = options.env.iter().all(|(name, _)| WITHOUT_EFFECT.contains(&name.as_str()))
        && options.faults.is_empty()
        && matches!(options.data, Data::Memory)
        && options.password_cost == limited().password_cost
        && options.clock.now() == start_time();
    let index = match (&options.admin, options.first_plans) {
        (None, has_plans) => usize::from(has_plans),
        (Some((email, password)), true) if (email.as_str(), password.expose().as_str()) == ADMIN => 2,
        (Some(_), _) => return None,
    };
    is_plain.then(|| &NEW[index])
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(options()).await
    }

    /// With the limits of a deployed stack.
    pub async fn start_limited() -> Self {
        Self::start_with(limited()).await
    }

    /// On a clock by which nothing times out, whatever the number of concurrent calls and the speed of the machine.
    pub async fn start_patient(options: Options) -> Self {
        Self::start_with(Options { clock: LocalClock::still(start_time()), ..options }).await
    }

    /// With the limits of a deployed stack.
    pub async fn start_in(world: World) -> Self {
        Self::start_with(world.options(limited())).await
    }

    pub async fn start_with_admin() -> Self {
        let admin = Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned())));
        Self::start_with(Options { admin, ..options() }).await
    }

    /// A stack that can be copied: its public address is one at which its copies answer too.
    pub async fn start_to_be_copied(options: Options) -> Self {
        Self::start_with(Options { public_url: Some(PUBLIC_URL.to_owned()), ..options }).await
    }

    /// Copies the whole state of this stack.
    pub async fn snapshot(&self) -> Prepared {
        let snapshot = self.stack.snapshot().await.unwrap_or_else(|error| panic!("no snapshot: {error}"));
        Prepared { snapshot: Arc::new(snapshot), first: self.first.clone() }
    }

    /// Starts a stack with the prepared state; `options` set the rest, and its clock must be at the time of the
    /// preparation.
    pub async fn start_from(prepared: &Prepared, options: Options) -> Self {
        crate::logs::capture();
        let data = Data::Copy(Arc::clone(&prepared.snapshot));
        let options = Options { data, admin: None, first_plans: false, ..options };
        let stack = start(options).await;
        let mut app =
            Self { stack, client: client(), dead_wanted: 0, first: prepared.first.clone(), starting: Vec::new() };
        app.starting = app.calls();
        app
    }

    pub async fn start_with(options: Options) -> Self {
        let Some(new_one) = new_one(&options) else { return Self::start_new(options).await };
        let like_it =
            || Options { roles: None, public_url: None, clock: LocalClock::frozen(start_time()), ..options.clone() };
        let prepared = new_one.get_or_init(async || Self::start_new(like_it()).await.snapshot().await).await;
        Self::start_from(prepared, options).await
    }

    async fn start_new(options: Options) -> Self {
        crate::logs::capture();
        let stack = start(options).await;
        let mut app = Self { stack, client: client(), dead_wanted: 0, first: Vec::new(), starting: Vec::new() };
        // The events of the first plans are handled before a test begins.
        app.drain().await;
        for table in ["gate", "audit", "billing"] {
            let is_first = |item: &Value| {
                let is_of_gate = item["pk"]["S"] == "KEYS" || item["pk"]["S"] == "FREE_PLANS";
                table == "billing" || is_of_gate || item["action"]["S"] == "plan.created"
            };
            app.first.extend(app.table(table).await.into_iter().filter(is_first));
        }
        app.starting = app.calls();
        app
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        self.send_by(&self.client, method, path, headers, body).await
    }

    async fn send_by(
        &self,
        client: &Client,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = client.request(method, format!("{}{path}", self.stack.origin()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], Some(body.to_string())).await
    }

    /// A POST from `127.0.0.{last}`, with these headers.
    pub async fn post_from(&self, last: u8, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let client = Client::builder().local_address(IpAddr::from([127, 0, 0, last])).build().unwrap();
        let json = [("content-type", "application/json")];
        self.send_by(&client, Method::POST, path, &[&json, headers].concat(), Some(body.to_string())).await
    }

    pub async fn post_as(&self, session: &Session, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", session.access);
        let headers = [("content-type", "application/json"), (AUTHORIZATION.as_str(), bearer.as_str())];
        self.send(Method::POST, path, &headers, Some(body.to_string())).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn get_as(&self, session: &Session, path: &str) -> Answer {
        self.with_token(Method::GET, path, &session.access).await
    }

    pub async fn delete_as(&self, session: &Session, path: &str) -> Answer {
        self.with_token(Method::DELETE, path, &session.access).await
    }

    pub async fn with_token(&self, method: Method, path: &str, token: &str) -> Answer {
        self.send(method, path, &[(AUTHORIZATION.as_str(), &format!("Bearer {token}"))], None).await
    }

    pub async fn with_cookie(&self, path: &str, refresh: &str) -> Answer {
        let cookie = format!("refresh_token={refresh}");
        self.send(Method::POST, path, &[(COOKIE.as_str(), &cookie)], None).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.with_cookie("/refresh-token", token).await
    }

    pub async fn register(&self, name: &str) -> Answer {
        let email = format!("{name}@example.com");
        self.post("/register", json!({"email": email, "username": name, "password": PASSWORD})).await
    }

    /// Does `work`, whose messages `relay` retries until it gives up.
    pub async fn missed_by_relay(&self, work: impl Future<Output = Answer>) -> Answer {
        let missed = async {
            let answer = work.await;
            self.fail(Service::Sqs, Kind::StopBefore, 0, u32::MAX);
            answer
        };
        let answer = self.stack.held(missed).await;
        self.drain().await;
        let tried = u32::MAX - self.stack.fault_injector().clear()[0].times;
        assert!(tried > STREAM_RETRIES, "it was tried {tried} times");
        answer
    }

    /// Runs one of the sweeper's schedules.
    pub async fn sweep(&self, schedule: &str) -> Answer {
        self.post(&format!("/_local/schedules/{schedule}/run"), json!({})).await
    }

    /// Registers and verifies the address.
    pub async fn member(&self, name: &str) -> String {
        self.register(name).await.expect(202);
        let email = format!("{name}@example.com");
        let token = self.link_token(&email, "verify").await;
        self.post("/verify", json!({"token": token})).await.expect(200);
        email
    }

    /// Requests another address, and returns the body of the call that verifies it.
    pub async fn verification_of_address(&self, session: &Session, to: &str) -> Value {
        self.post_as(session, "/change-email", json!({"new_email": to, "password": PASSWORD})).await.expect(202);
        json!({"token": self.link_token(to, "verify").await})
    }

    pub async fn login(&self, email: &str, password: &str) -> Answer {
        self.post("/login", json!({"email": email, "password": password})).await
    }

    pub async fn sign_in(&self, email: &str) -> Session {
        Session::of(&self.login(email, PASSWORD).await.expect(200))
    }

    /// A signed-in member.
    pub async fn person(&self, name: &str) -> (String, Session) {
        let email = self.member(name).await;
        let session = self.sign_in(&email).await;
        (email, session)
    }

    pub async fn drain(&self) -> Value {
        self.send(Method::POST, "/_local/drain", &[], None).await.expect(200).body
    }

    /// The mails to an address, newest first, once all messages are delivered.
    pub async fn mails(&self, to: &str) -> Vec<Value> {
        self.drain().await;
        let answer = self.get(&format!("/_local/emails?to={to}")).await.expect(200);
        answer.body["items"].as_array().unwrap().clone()
    }

    pub async fn mail(&self, to: &str, kind: &str) -> Value {
        let mails = self.mails(to).await;
        let kinds: Vec<_> = mails.iter().map(|mail| mail["kind"].clone()).collect();
        let found = mails.into_iter().find(|mail| mail["kind"] == kind);
        found.unwrap_or_else(|| panic!("no mail {kind} to {to}, but {kinds:?}"))
    }

    pub async fn code(&self, to: &str, kind: &str) -> String {
        self.mail(to, kind).await["code"].as_str().unwrap().to_owned()
    }

    pub async fn link_token(&self, to: &str, kind: &str) -> String {
        let mail = self.mail(to, kind).await;
        mail["links"][0].as_str().unwrap().rsplit_once('=').unwrap().1.to_owned()
    }

    /// Invites an address, and returns the invitation with the token of its link.
    pub async fn invite(&self, admin: &Session, email: &str) -> (Value, String) {
        let invitation = self.post_as(admin, "/admin/invitations", json!({"email": email})).await.expect(201).body;
        (invitation, self.link_token(email, "invitation").await)
    }

    /// All objects of a kind in the fake, newest first.
    pub async fn stripe(&self, kind: &str) -> Vec<Value> {
        let answer = self.get(&format!("/_local/stripe/{kind}")).await.expect(200);
        answer.body["items"].as_array().unwrap().clone()
    }

    /// The objects that Stripe's API lists under `path`, at most a hundred.
    pub async fn stripe_list(&self, path: &str) -> Vec<Value> {
        let query = if path.contains('?') { '&' } else { '?' };
        let path = format!("/_stripe/v1/{path}{query}limit=100");
        let answer = self.with_token(Method::GET, &path, &self.stack.stripe_key()).await.expect(200);
        answer.body["data"].as_array().unwrap().clone()
    }

    /// Makes these users admins, as an operator does.
    pub async fn make_admins(&self, users: &[&Session]) {
        let (store, clock) = (Store::<Operator>::new(self.stack.sdk(), TABLE_PREFIX), self.stack.clock().platform());
        for Session { user, .. } in users {
            let made = make_admin(&store, user["email"].as_str().unwrap(), &clock).await.unwrap();
            assert!(matches!(made, MadeAdmin::Now(_)));
        }
    }

    /// The gate's number of active admins.
    pub async fn counted_admins(&self) -> usize {
        let counted = self.table("gate").await.into_iter().find(|item| item["pk"]["S"] == "ADMINS").unwrap();
        counted["count"]["N"].as_str().unwrap().parse().unwrap()
    }

    /// An action in the fake's dashboard.
    pub async fn at_stripe(&self, act: &str, body: Value) -> Answer {
        self.post(&format!("/_local/stripe/{act}"), body).await
    }

    /// Pays a checkout that `subscribe` returned.
    pub async fn pay(&self, checkout: &Value) -> Answer {
        self.pay_with(checkout, "4242424242424242").await
    }

    /// Pays a checkout with this card.
    pub async fn pay_with(&self, checkout: &Value, card: &str) -> Answer {
        let url = checkout["checkout_url"].as_str().unwrap().replace(&self.stack.base_url(), "");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, &url, &form, Some(format!("card={card}"))).await
    }

    /// Creates and pays a second subscription of a customer, at Stripe itself.
    pub async fn second_checkout(&self, customer: &str, price: &str) {
        let session = self.checkout_at_stripe(customer, price).await;
        self.pay(&json!({"checkout_url": session["url"]})).await.expect(303);
    }

    /// Creates a checkout of a customer, at Stripe itself.
    pub async fn checkout_at_stripe(&self, customer: &str, price: &str) -> Value {
        let secret = self.stack.stripe_key();
        let body = format!(
            "mode=subscription&customer={customer}&line_items[0][price]={price}&line_items[0][quantity]=1&success_url=http://127.0.0.1/"
        );
        let bearer = format!("Bearer {secret}");
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", bearer.as_str())];
        self.send(Method::POST, "/_stripe/v1/checkout/sessions", &headers, Some(body)).await.expect(200).body
    }

    /// Starts a subscription to the plan with this code.
    pub async fn subscribe(&self, session: &Session, plan_code: &str) -> Answer {
        self.post_as(session, "/billing/subscriptions/subscribe", json!({"plan_code": plan_code})).await
    }

    /// A signed-in member who has paid for `pro`.
    pub async fn subscriber(&self, name: &str) -> (String, Session) {
        let (email, session) = self.person(name).await;
        let checkout = self.subscribe(&session, "pro").await.expect(201);
        self.pay(&checkout.body).await.expect(303);
        self.drain().await;
        (email, session)
    }

    /// Ann, who has paid for `pro`, without an event.
    pub async fn paid_in_silence(&self) -> Session {
        let (_, session) = self.person("ann").await;
        self.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
        let checkout = self.subscribe(&session, "pro").await.expect(201).body;
        self.pay(&checkout).await.expect(303);
        session
    }

    /// The caller's subscription.
    pub async fn subscription(&self, session: &Session) -> Value {
        self.get_as(session, "/billing/subscriptions/me").await.expect(200).body
    }

    /// Calls the worker with the event `id` about `object` in its current state.
    pub async fn event_about_nothing(&self, id: &str, object: &Value) {
        let event = crate::stripe::event(id, "customer.subscription.updated", object);
        let answer = self.stack.invoke("stripe-events", crate::stripe::queued(&[&event])).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]));
    }

    /// The items of a table that were written after the start.
    pub async fn table(&self, name: &str) -> Vec<Value> {
        let answer = self.get(&format!("/_local/tables/{name}")).await.expect(200);
        let items = answer.body["items"].as_array().unwrap().clone();
        items.into_iter().filter(|item| !self.first.contains(item)).collect()
    }

    /// The actions in the audit trail, sorted.
    pub async fn actions(&self) -> Vec<String> {
        let mut actions: Vec<_> =
            self.table("audit").await.iter().map(|e| e["action"]["S"].as_str().unwrap().to_owned()).collect();
        actions.sort();
        actions
    }

    pub fn advance(&self, seconds: i64) {
        self.stack.clock().advance(SignedDuration::from_secs(seconds));
    }

    pub fn now(&self) -> Timestamp {
        self.stack.clock().now()
    }

    /// Allows all calls of the functions from now on and records the permissions that they use.
    pub fn record_accesses(&self) {
        self.stack.fault_injector().enforce_roles(Arc::new(|_, _| true));
    }

    /// The calls since the last time this was called, except those that send mail.
    pub fn calls(&self) -> Vec<Call> {
        self.stack.fault_injector().take_calls()
    }

    pub fn fail(&self, service: Service, kind: Kind, after: u32, times: u32) {
        assert!(self.stack.fault_injector().add(Fault { service, operation: None, kind, after, times }));
    }

    /// Fails as many attempts of one call as `fault` says; concurrent calls succeed. Of a call that is done in part, the
    /// next attempt is a smaller one, so its fault applies to all calls of its operation.
    pub fn fail_call(&self, fault: Fault) {
        let faults = self.stack.fault_injector();
        assert!(if fault.kind == Kind::Unprocessed { faults.add(fault) } else { faults.add_to_one_call(fault) });
    }

    pub fn fail_operation(&self, service: Service, operation: &str, kind: Kind, times: u32) {
        let fault = Fault { service, operation: Some(operation.to_owned()), kind, after: 0, times };
        assert!(self.stack.fault_injector().add(fault));
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let denied = self.stack.fault_injector().denied();
            assert!(denied.is_empty(), "the roles in template.yaml do not allow: {denied:#?}");
            // C1
            let undocumented = self.stack.undocumented_answers();
            assert!(undocumented.is_empty(), "the OpenAPI document does not name: {undocumented:#?}");
            assert_eq!(self.stack.dead_letters(), self.dead_wanted, "dead letters are left");
        }
    }
}
