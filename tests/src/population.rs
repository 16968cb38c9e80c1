//! A population of paying users, larger than the API could register in time: it creates Stripe's objects in the fake,
//! the accounts in the store, and reconciliation writes the billing state. Stripe sends no events.

use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{Attempt, DuePlace};
use tollgate_domain::gate::Gate;
use tollgate_domain::user::{IdentityProvider, Provider};
use tollgate_domain::{AuditId, Email, UserId, Username};
use tollgate_fake_stripe::{Listed, Mode, Stripe};
use tollgate_local::faults::{Call, Fault, Kind};
use tollgate_local::service::Service;
use tollgate_local::{Stack, TABLE_PREFIX};
use tollgate_platform::random_bytes;
use tollgate_store::{NewAccount, Profile, Registration, Store};

const PAYS: &str = "4242424242424242";
const REFUSED_LATER: &str = "4000000000000341";

/// The population of one stack.
pub struct Population<'a> {
    stack: &'a Stack,
    pub stripe: &'a Stripe,
    store: Store,
}

impl<'a> Population<'a> {
    /// Users who have paid for a month of `pro` at Stripe without stored state. Of three neighbours one renews, one has
    /// a card that is declined at the renewal, one ends.
    pub async fn gather(stack: &'a Stack, people: usize) -> Self {
        let stripe = stack.stripe().unwrap();
        stripe.set_delivery(Mode::Silent);
        let population = Self { stack, stripe, store: Store::new(stack.sdk(), TABLE_PREFIX) };
        let plans = population.store.catalogue().await.unwrap().plans;
        let plan = plans.into_iter().find(|plan| plan.code.as_str() == "pro").unwrap();
        let price = plan.stripe_price_id.unwrap();
        for n in 0..people {
            let customer = population.customer(n).await;
            let card = if n % 3 == 1 { REFUSED_LATER } else { PAYS };
            let subscription = stripe.subscribe(&customer, &price, card).unwrap();
            if n % 3 == 2 {
                stripe.cancel_at_period_end(subscription["id"].as_str().unwrap()).unwrap();
            }
        }
        population
    }

    /// Registers a user with a customer at Stripe; returns Stripe's id.
    pub async fn customer(&self, n: usize) -> String {
        let account = newcomer(self.stack.clock().now(), n);
        let Profile { id, email, created_at, .. } = &account.profile;
        assert_eq!(self.store.register(&account).await.unwrap(), Registration::Done);
        let attempt = Attempt { id: format!("attempt-{n}"), started_at: *created_at };
        let reserved = self.store.reserve_customer(id, (email, None), &attempt, None).await.unwrap();
        let customer = self.stripe.create_customer(email.as_str());
        let customer = customer["id"].as_str().unwrap();
        assert!(self.store.link_customer(&reserved, customer, None).await.unwrap());
        customer.to_owned()
    }

    /// Runs one of the sweeper's schedules to its end and returns how many it handled.
    pub async fn sweep(&self, schedule: &str) -> u64 {
        let swept = self.stack.invoke("sweeper", json!({"schedule": schedule})).await.unwrap();
        swept["handled"].as_u64().unwrap()
    }

    /// Runs the sweep of due subscriptions repeatedly, with its process stopped when the last of its first page is
    /// written, until none is due; returns the number of runs. No other function may run at the same time.
    pub async fn sweep_killed_on_every_page(&self) -> usize {
        let most = self.stripe.list(Listed::Subscriptions).len();
        let mut kills = 0;
        while let Some(page) = self.first_page().await {
            let operation = Some("TransactWriteItems".to_owned());
            let after = u32::try_from(page - 1).unwrap();
            let fault = Fault { service: Service::Dynamodb, operation, kind: Kind::StopAfter, after, times: 1 };
            assert!(self.stack.fault_injector().add(fault));
            self.stack.invoke("sweeper", json!({"schedule": "expiry"})).await.unwrap_err();
            kills += 1;
            assert!(kills <= most, "what was handled is due still");
        }
        kills
    }

    /// The number of subscriptions on the first page that is not empty.
    async fn first_page(&self) -> Option<usize> {
        let mut place = Some(DuePlace::default());
        while let Some(from) = place {
            let page = self.store.due(self.stack.clock().now(), &from).await.unwrap();
            if !page.items.is_empty() {
                return Some(page.items.len());
            }
            place = page.next;
        }
        None
    }

    /// How often the state of each customer was written.
    pub async fn versions(&self) -> BTreeMap<UserId, u64> {
        let (mut versions, mut place) = (BTreeMap::new(), None);
        loop {
            let page = self.store.customer_versions(place.as_ref()).await.unwrap();
            versions.extend(page.items.iter().map(|customer| (customer.user_id, customer.version)));
            place = page.next;
            if place.is_none() {
                return versions;
            }
        }
    }
}

/// How often subscriptions were fetched from Stripe, of one customer or of all: once for each sync.
pub fn fetches(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.operation == "GET /v1/subscriptions").count()
}

/// An account from Google: without a password and without a mail.
pub fn newcomer(now: Timestamp, n: usize) -> NewAccount {
    let id = UserId::new(now, random_bytes());
    let profile = Profile {
        id,
        email: Email::parse(&format!("person{n}@example.com")).unwrap(),
        username: Username::parse(&format!("person{n}")).unwrap(),
        provider: Provider::Google,
        email_verified: true,
        is_active: true,
        is_admin: false,
        created_at: now,
        links: BTreeMap::from([(IdentityProvider::Google, n.to_string())]),
        link_emails: BTreeMap::new(),
        locale: None,
    };
    let audit = AuditEntry {
        id: AuditId::new(now, random_bytes()),
        actor_id: Some(id),
        action: Action::Registered,
        target_id: Some(id.to_string()),
        before: None,
        after: None,
        ip: None,
        request_id: None,
        created_at: now,
    };
    NewAccount { credentials: None, gate: Gate::new(id), verification: None, audit, profile, invited: None }
}
