//! The journey of paying users through a deployment whose Stripe is the fake: by its pages and its controls. Between
//! two parts the schedules run.

use super::{Deployment, PASSWORD, after};
use crate::app::Answer;
use reqwest::Method;
use serde_json::{Value, json};

/// The state that the parts share.
pub struct Customers<'d> {
    deployment: &'d Deployment,
    /// The address of the fake Stripe's process: `/_stripe` is its API and `/_local/stripe` its controls.
    stripe: String,
}

const PAYS: &str = "4242424242424242";
const DORA: &str = "dora@example.com";
const NEW_ADDRESS: &str = "dora@example.org";
const EMIL: &str = "emil@example.com";
/// Further sessions of Dora that end: more than one page of her session list reads.
const ENDED_SESSIONS: usize = 4;

impl<'d> Customers<'d> {
    pub fn new(deployment: &'d Deployment, stripe: &str) -> Self {
        Self { deployment, stripe: stripe.trim_end_matches('/').to_owned() }
    }

    /// Creates plans; Dora subscribes and uses every change of a subscription, until a renewal is not paid; Emil starts
    /// a trial and is deleted at Stripe without an event. With a grace of no days Dora's subscription is due then.
    pub async fn subscribe(&self, admin: (&str, &str)) {
        let admin = self.sign_in(admin).await;
        self.make_plans(&admin).await;
        let dora = self.newcomer(DORA, "dora").await;
        self.pay_for(&dora, "basic").await;
        self.reach(&dora, "tier 1", |me| me["tier"] == 1).await;
        self.mails(DORA, 2).await;
        self.renew(DORA, "paid").await;
        self.payments(&dora, "the renewal", |payments| payments.len() == 2).await;
        self.mails(DORA, 3).await;
        self.change_plan_and_renewal(&dora).await;
        self.refund_one(&dora).await;
        self.change_address(&dora).await;
        self.renew(NEW_ADDRESS, "failed").await;
        self.reach(&dora, "no access after a renewal that failed", |me| me["tier"] == 0).await;
        self.mails(NEW_ADDRESS, 2).await;
        let emil = self.newcomer(EMIL, "emil").await;
        self.pay_for(&emil, "tried").await;
        self.reach(&emil, "the tier of the trial", |me| me["tier"] == 3).await;
        // For the address, the subscription, and the end of the trial, which is near.
        self.mails(EMIL, 3).await;
        self.control("delivery", json!({"mode": "drop"})).await;
        let subscription = self.subscription_of(EMIL).await;
        self.control(&format!("subscriptions/{subscription}/cancel"), json!({})).await;
        self.read_as_admin(&admin, &dora).await;
    }

    /// After the schedules: Emil has no access any more. Dora pays the open invoice, and deletes the account.
    pub async fn close_account(&self, admin: (&str, &str)) {
        self.control("delivery", json!({"mode": "normal"})).await;
        let emil = self.sign_in((EMIL, PASSWORD)).await;
        assert_eq!(self.get(&emil, "/me").await["tier"], 0, "reconciled");
        let dora = self.sign_in((NEW_ADDRESS, PASSWORD)).await;
        let payments = self.get(&dora, "/billing/payments/me").await["items"].clone();
        let open = payments.as_array().unwrap().iter().find(|payment| payment["status"] == "failed").unwrap().clone();
        self.pay(open["invoice_url"].as_str().unwrap()).await;
        self.reach(&dora, "access after the invoice was paid", |me| me["tier"] != 0).await;
        let subscription = self.subscription_of(NEW_ADDRESS).await;
        let id = self.get(&dora, "/me").await["id"].as_str().unwrap().to_owned();
        self.send(&dora, Method::POST, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
        let is_canceled = async || {
            let all = self.at_stripe("subscriptions").await;
            all.into_iter().find(|object| object["id"] == *subscription && object["status"] == "canceled")
        };
        self.deployment.until("the end of a deleted user's subscription", is_canceled).await;
        let admin = self.sign_in(admin).await;
        self.deployment.get_as(&admin, &format!("/admin/users/{id}")).await.refused(404, "not_found");
    }

    async fn make_plans(&self, admin: &str) {
        let plan = |code: &str, price_cents: i64, tier: u32, trial_days: u32| {
            json!({
                "code": code, "name": code, "price_cents": price_cents, "currency": "usd", "billing_period": "month",
                "tier": tier, "trial_days": trial_days,
            })
        };
        let plans =
            [plan("basic", 1000, 1, 0), plan("team", 3000, 2, 0), plan("tried", 500, 3, 2), plan("old", 100, 4, 0)];
        let mut ids = Vec::new();
        for plan in plans {
            let made = self.send(admin, Method::POST, "/billing/plans", plan).await.expect(201);
            ids.push(made.body["id"].as_str().unwrap().to_owned());
        }
        let path = |index: usize| format!("/billing/plans/{}", ids[index]);
        self.send(admin, Method::PATCH, &path(1), json!({"price_cents": 2900, "tier": 5})).await.expect(200);
        self.deployment.send(Method::DELETE, &path(3), &[("authorization", &bearer(admin))], None).await.expect(204);
        assert_eq!(self.get(admin, "/billing/plans").await["items"].as_array().unwrap().len(), 3);
        self.deployment.get(&path(0)).await.expect(200);
    }

    /// Upgrade, downgrade at the period's end, cancel, resume, and Stripe's portal.
    async fn change_plan_and_renewal(&self, dora: &str) {
        let change = async |step: &str, body: Value, status: u16| {
            self.send(dora, Method::POST, &format!("/billing/{step}"), body).await.expect(status).body
        };
        change("subscriptions/preview", json!({"plan_code": "team"}), 200).await;
        change("subscriptions/upgrade", json!({"plan_code": "team"}), 200).await;
        self.reach(dora, "the tier of the higher plan", |me| me["tier"] == 5).await;
        change("subscriptions/upgrade", json!({"plan_code": "basic"}), 200).await;
        assert_eq!(self.get(dora, "/billing/subscriptions/me").await["scheduled_plan"]["code"], "basic");
        change("subscriptions/cancel", json!({}), 200).await;
        change("subscriptions/resume", json!({}), 200).await;
        assert_eq!(self.get(dora, "/billing/subscriptions/me").await["cancel_at_period_end"], false);
        change("portal", json!({}), 201).await;
    }

    /// A partial refund, as in Stripe's dashboard.
    async fn refund_one(&self, dora: &str) {
        let invoices = self.at_stripe("invoices").await;
        let invoice = invoices.iter().find(|invoice| invoice["status"] == "paid" && invoice["total"] == 1000).unwrap();
        let id = invoice["id"].as_str().unwrap();
        self.control(&format!("invoices/{id}/refund"), json!({"amount_cents": 500})).await;
        let is_refunded = |payments: &[Value]| payments.iter().any(|payment| payment["refunded_cents"] == 500);
        self.payments(dora, "the refund", is_refunded).await;
    }

    /// Dora changes her address, and Stripe's customer gets it.
    async fn change_address(&self, dora: &str) {
        let body = json!({"new_email": NEW_ADDRESS, "password": PASSWORD});
        self.send(dora, Method::POST, "/change-email", body).await.expect(202);
        let mail = self.deployment.mail(NEW_ADDRESS, "/verify?token=").await;
        let verification = json!({"token": after(&mail, "/verify?token=")});
        self.deployment.patiently("/verify", verification).await.expect(200);
        let is_updated = async || {
            let customers = self.at_stripe("customers").await;
            customers.into_iter().find(|customer| customer["email"] == NEW_ADDRESS)
        };
        self.deployment.until("the new address at Stripe", is_updated).await;
    }

    /// The admin's lists of a paying user, and of sessions among many ended ones.
    async fn read_as_admin(&self, admin: &str, dora: &str) {
        for _ in 0..ENDED_SESSIONS {
            let ended = self.login((NEW_ADDRESS, PASSWORD)).await;
            let token = json!({"refresh_token": ended["refresh_token"], "token_delivery": "body"});
            self.deployment.post("/logout", token).await.expect(204);
        }
        self.login((NEW_ADDRESS, PASSWORD)).await;
        let id = self.get(dora, "/me").await["id"].as_str().unwrap().to_owned();
        let sessions = self.get(admin, &format!("/admin/users/{id}/sessions")).await;
        assert_eq!(sessions["items"].as_array().unwrap().len(), 2, "{sessions}");
        for list in ["subscriptions", "payments"] {
            let owned = self.get(admin, &format!("/admin/users/{id}/{list}")).await;
            let first = owned["items"][0]["id"].as_str().unwrap();
            self.get(admin, &format!("/admin/{list}/{first}")).await;
        }
    }

    /// Registers and verifies the address, and returns an access token.
    async fn newcomer(&self, email: &str, username: &str) -> String {
        let register = json!({"email": email, "username": username, "password": PASSWORD});
        self.deployment.patiently("/register", register).await.expect(202);
        let mail = self.deployment.mail(email, "/verify?token=").await;
        let verification = json!({"token": after(&mail, "/verify?token=")});
        self.deployment.patiently("/verify", verification).await.expect(200);
        self.sign_in((email, PASSWORD)).await
    }

    async fn sign_in(&self, account: (&str, &str)) -> String {
        self.login(account).await["access_token"].as_str().unwrap().to_owned()
    }

    async fn login(&self, (email, password): (&str, &str)) -> Value {
        let login = json!({"email": email, "password": password, "token_delivery": "body"});
        self.deployment.patiently("/login", login).await.expect(200).body
    }

    /// Subscribes to a plan and pays at Stripe's page.
    async fn pay_for(&self, user: &str, plan_code: &str) {
        let body = json!({"plan_code": plan_code});
        let checkout = self.send(user, Method::POST, "/billing/subscriptions/subscribe", body).await.expect(201).body;
        self.pay(checkout["checkout_url"].as_str().unwrap()).await;
    }

    /// Pays on one of Stripe's pages.
    async fn pay(&self, url: &str) {
        let request = self.deployment.client.post(url).header("content-type", "application/x-www-form-urlencoded");
        let answer = Answer::read(request.body(format!("card={PAYS}")).send().await.unwrap()).await;
        assert!(answer.status.is_redirection() || answer.status.is_success(), "{url}: {}", answer.text);
    }

    /// Renews the subscription of this customer at Stripe.
    async fn renew(&self, email: &str, outcome: &str) {
        let subscription = self.subscription_of(email).await;
        self.control(&format!("subscriptions/{subscription}/renew"), json!({"outcome": outcome})).await;
    }

    async fn subscription_of(&self, email: &str) -> String {
        let customers = self.at_stripe("customers").await;
        let customer = customers.iter().find(|customer| customer["email"] == email).unwrap();
        let subscriptions = self.at_stripe("subscriptions").await;
        let own = subscriptions.iter().find(|subscription| subscription["customer"] == customer["id"]).unwrap();
        own["id"].as_str().unwrap().to_owned()
    }

    /// All objects of a kind at Stripe.
    async fn at_stripe(&self, kind: &str) -> Vec<Value> {
        let url = format!("{}/_local/stripe/{kind}", self.stripe);
        let answer = Answer::read(self.deployment.client.get(url).send().await.unwrap()).await.expect(200);
        answer.body["items"].as_array().unwrap().clone()
    }

    /// An action at Stripe.
    async fn control(&self, path: &str, body: Value) {
        let url = format!("{}/_local/stripe/{path}", self.stripe);
        let request = self.deployment.client.post(url).header("content-type", "application/json");
        let answer = Answer::read(request.body(body.to_string()).send().await.unwrap()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    }

    /// A call of a user, repeated while it is rate limited.
    async fn send(&self, user: &str, method: Method, path: &str, body: Value) -> Answer {
        self.deployment.patiently_as(method, path, &[("authorization", &bearer(user))], body).await
    }

    async fn get(&self, user: &str, path: &str) -> Value {
        self.deployment.get_as(user, path).await.expect(200).body
    }

    /// Waits until the user's profile matches.
    async fn reach(&self, user: &str, what: &str, is_reached: impl Fn(&Value) -> bool) {
        self.deployment.until(what, async || Some(self.get(user, "/me").await).filter(|me| is_reached(me))).await;
    }

    /// Waits until the user's payments match.
    async fn payments(&self, user: &str, what: &str, is_reached: impl Fn(&[Value]) -> bool) {
        let reached = async || {
            let payments = self.get(user, "/billing/payments/me").await["items"].as_array().unwrap().clone();
            Some(()).filter(|()| is_reached(&payments))
        };
        self.deployment.until(what, reached).await;
    }

    /// Waits until this number of mails has arrived at this address.
    async fn mails(&self, to: &str, count: usize) {
        let what = format!("{count} mails to {to}");
        let reached = async || {
            let found = self.deployment.mailbox().await.iter().filter(|mail| mail.contains(to)).count();
            (found >= count).then_some(())
        };
        self.deployment.until(&what, reached).await;
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
