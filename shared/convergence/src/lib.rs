//! Convergence with Stripe: what an event, a user's own request and the sweeper do alike. Note the customer's version, look
//! at Stripe, write all that follows if the version is still the noted one, else look again. A read that is older than what
//! stands here is never written over it.

mod consequences;
mod reminders;

use consequences::{audit, mails};
use jiff::Timestamp;
use std::pin::Pin;
use std::sync::Arc;
use tollgate_domain::billing::{
    Account, Catalogue, Changes, EndReason, Ending, InvoiceRefund, Payment, PaymentStatus, Rules, Status, StripeState,
    Subscription, converge, recompute_access,
};
use tollgate_domain::{Email, RequestId, UserId};
use tollgate_platform::Clock;
use tollgate_platform::keys::{KeyError, KeySource};
use tollgate_platform::trials::TrialMark;
use tollgate_store::{AccountWrite, CustomerVersion, EventRow, Store, StoreError, TrialEntry};
use tollgate_stripe::{Gateway, GatewayError};

/// How often Stripe's state of a user is fetched in one call, for whatever reason: a write of somebody else (each event causes
/// one, and ten follow a checkout), a change that is written in parts, an end at Stripe. What is written so far stays, and the
/// next call continues from there.
pub const MAX_FETCHES: usize = 24;
/// So many subscriptions and so many payments are written at once, each with its audit entry and its mail, beside the customer,
/// the gate, at most ten events, and the trials of these subscriptions (one address, and a card of each): 97 items. A transaction
/// takes a hundred.
const AT_ONCE: usize = 12;

/// Why the local state may not be Stripe's.
#[derive(Debug, thiserror::Error)]
pub enum ConvergeError {
    /// Stripe gave no answer.
    #[error(transparent)]
    Stripe(#[from] GatewayError),
    /// The keys of the ledger of trials cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The tables gave none.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else wrote each time, or Stripe's state changed each time: to be tried again.
    #[error("the customer's state was still changing after {MAX_FETCHES} fetches")]
    Overtaken,
}

/// Why it is looked at a user.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cause<'a> {
    /// The events that were the hints, each once: at most ten.
    pub events: &'a [EventRow],
    /// The request that asked.
    pub request_id: Option<RequestId>,
    /// The customer of whom Stripe says that it is no more.
    pub gone_customer: Option<&'a str>,
    /// Whether nothing but reconciliation would have found out.
    pub is_repair: bool,
}

/// What Stripe lists of a customer.
#[derive(Debug)]
pub enum Listed {
    /// The customer, and these.
    There(StripeState),
    /// What the customer had, who is no more.
    Gone,
    /// Neither the customer nor anything of theirs.
    Nowhere,
    /// What it lists has to be read: it was not kept.
    Unread,
}

/// The way from Stripe's state to the local one.
#[derive(Clone)]
pub struct Convergence {
    store: Store,
    gateway: Gateway,
    keys: Arc<KeySource>,
    clock: Clock,
    rules: Rules,
}

/// The way under way: on the heap, as Stripe's types within are deeper than a compiler likes.
pub type SyncFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Subscription>, ConvergeError>> + Send + 'a>>;

/// Whether a request comes to nothing by what is stored.
pub type Refuses<'a> = &'a (dyn Fn(&Account) -> bool + Send + Sync);

/// The same way, which may not be gone.
pub type SyncUnlessFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Vec<Subscription>>, ConvergeError>> + Send + 'a>>;

/// What was ended and refunded so far, or refused by Stripe for good.
#[derive(Default)]
struct Done {
    ended_duplicates: Vec<String>,
    end_requested: Vec<String>,
    refunded: Vec<String>,
    refused_ends: Vec<String>,
    refused_refunds: Vec<String>,
}

impl Convergence {
    /// Between these. No call is made.
    #[must_use]
    pub fn new(store: Store, gateway: Gateway, keys: Arc<KeySource>, clock: Clock, rules: Rules) -> Self {
        Self { store, gateway, keys, clock, rules }
    }

    /// Brings what is kept of `user` to what Stripe says now, and ends at Stripe what must not stay. The subscriptions as they
    /// are then; none for one who is no customer.
    ///
    /// # Errors
    /// When it may not be Stripe's state: whoever asked must ask again.
    pub fn sync<'a>(&'a self, user: &'a UserId, cause: Cause<'a>) -> SyncFuture<'a> {
        Box::pin(async move {
            let never = |_: &Account| false;
            Ok(self.sync_with(user, cause, &never).await?.unwrap_or_default())
        })
    }

    /// The same for a request of the user. If `refuses` says so about what is stored, the answer is `None`, and Stripe is not
    /// called.
    ///
    /// # Errors
    /// When it may not be Stripe's state: whoever asked must ask again.
    pub fn sync_unless<'a>(&'a self, user: &'a UserId, cause: Cause<'a>, refuses: Refuses<'a>) -> SyncUnlessFuture<'a> {
        Box::pin(self.sync_with(user, cause, refuses))
    }

    async fn sync_with(
        &self,
        user: &UserId,
        cause: Cause<'_>,
        refuses: Refuses<'_>,
    ) -> Result<Option<Vec<Subscription>>, ConvergeError> {
        let mut done = Done::default();
        for fetch in 0..MAX_FETCHES {
            let account = self.store.account(user).await?;
            let found = account.and_then(|account| Some((account.customer.stripe_customer_id.clone()?, account)));
            let Some((customer, account)) = found else {
                self.keep(cause.events).await?;
                return Ok(Some(Vec::new()));
            };
            if fetch == 0 && refuses(&account) {
                return Ok(None);
            }
            let mut stripe_state = match self.gateway.fetch_state(&customer).await {
                // An earlier customer of this user may be gone, too.
                Ok(_) if cause.gone_customer == Some(customer.as_str()) => StripeState::customer_deleted(&account),
                Ok(stripe_state) => stripe_state,
                Err(error) if error.is_missing() => StripeState::customer_deleted(&account),
                Err(error) => return Err(error.into()),
            };
            stripe_state.ended_duplicates.clone_from(&done.ended_duplicates);
            stripe_state.refused_ends.clone_from(&done.refused_ends);
            stripe_state.refused_refunds.clone_from(&done.refused_refunds);
            let catalogue = self.store.catalogue().await?;
            let now = self.clock.now();
            let mut trials = self.decide_trials(&account, &mut stripe_state, &catalogue, now).await?;
            let mut changes = converge(&account, &stripe_state, &catalogue, self.rules, now);
            let is_all = changes.keep_first(AT_ONCE);
            trials
                .retain(|trial| changes.subscriptions.iter().any(|changed| changed.after.id == trial.subscription_id));
            let endings: Vec<_> = changes.endings.drain(..).filter(|ending| !done.has(ending)).collect();
            // While something is left to do the events are not handled: whoever comes next goes on.
            let is_last = is_all && endings.is_empty();
            let events = if is_last { cause.events } else { &[] };
            let write =
                Write { account: &account, changes: &changes, trials, catalogue: &catalogue, events, cause, now };
            if !self.write(write).await? {
                continue;
            }
            if is_last {
                return Ok(Some(changes.subscriptions_after(account)));
            }
            for ending in endings {
                self.end(ending, &mut done).await?;
            }
        }
        Err(ConvergeError::Overtaken)
    }

    /// Whether what is stored of `user` differs from `stripe_state`, which may be a part of what Stripe has, or cannot be decided by it. Of
    /// a subscription all open invoices must be in it.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn differs(
        &self,
        user: &UserId,
        stripe_state: &StripeState,
        catalogue: &Catalogue,
    ) -> Result<bool, ConvergeError> {
        let Some(account) = self.store.account(user).await? else { return Ok(false) };
        let changes = converge(&account, stripe_state, catalogue, self.rules, self.clock.now());
        Ok(stripe_state.is_undecided(&account) || !changes.is_unchanged() || !changes.endings.is_empty())
    }

    /// Brings what is kept of the customer that was `expected` to what Stripe was seen to have afterwards. What else is kept
    /// stays. Whether something was kept otherwise. Where somebody else has written since it was noted, or something is to be
    /// done at Stripe, Stripe is looked at anew.
    ///
    /// # Errors
    /// When it may not be Stripe's state: whoever asked must ask again.
    pub async fn repair(
        &self,
        expected: &CustomerVersion,
        listed: Listed,
        catalogue: &Catalogue,
    ) -> Result<bool, ConvergeError> {
        let user = &expected.user_id;
        let cause = Cause { is_repair: true, ..Cause::default() };
        let Some(account) = self.store.account(user).await? else { return Ok(false) };
        let stripe_state = match listed {
            // What the lists do not say is asked for: the version was noted before.
            Listed::There(stripe_state) if !stripe_state.is_undecided(&account) => stripe_state,
            Listed::There(_) | Listed::Unread => match self.gateway.fetch_state(&expected.stripe_customer_id).await {
                Err(error) if error.is_missing() => StripeState::customer_deleted(&account),
                stripe_state => stripe_state?,
            },
            // Of somebody who paid Stripe lists something for ever: this is the key to another account rather than the end
            // of everybody's access.
            Listed::Nowhere if !account.subscriptions.is_empty() => {
                tracing::error!(%user, customer = expected.stripe_customer_id, "Stripe lists nothing of one who has paid");
                return Ok(false);
            }
            Listed::Gone | Listed::Nowhere => StripeState::customer_deleted(&account),
        };
        let now = self.clock.now();
        // A trial is entered into the ledger by a sync alone.
        let has_trial = stripe_state.new_trials(&account, catalogue).next().is_some();
        let mut changes = converge(&account, &stripe_state, catalogue, self.rules, now);
        if changes.is_unchanged() && changes.endings.is_empty() {
            return Ok(false);
        }
        let is_all = changes.keep_first(AT_ONCE) && changes.endings.is_empty();
        let is_as_expected = account.customer.version == expected.version && !has_trial;
        let trials = Vec::new();
        let write = Write { account: &account, changes: &changes, trials, catalogue, events: &[], cause, now };
        if !(is_all && is_as_expected && self.write(write).await?) {
            self.sync(user, cause).await?;
        }
        tracing::warn!(%user, metric = "repaired", "was kept otherwise than Stripe has it");
        Ok(true)
    }

    /// Brings what the gate of `user` gives to what the plans give now, from what is kept: Stripe is not asked.
    ///
    /// # Errors
    /// When the tables do not answer, or others write each time.
    pub async fn recompute_access(&self, user: &UserId, catalogue: &Catalogue) -> Result<(), ConvergeError> {
        for _ in 0..MAX_FETCHES {
            let Some(account) = self.store.account(user).await? else { return Ok(()) };
            let now = self.clock.now();
            let changes = recompute_access(&account, catalogue, self.rules.grace, now);
            if changes.is_unchanged() {
                return Ok(());
            }
            let cause = Cause::default();
            let trials = Vec::new();
            let write = Write { account: &account, changes: &changes, trials, catalogue, events: &[], cause, now };
            if self.write(write).await? {
                return Ok(());
            }
        }
        Err(ConvergeError::Overtaken)
    }

    /// Whether a trial can be given to this address: each has one, whoever has the address.
    ///
    /// # Errors
    /// When the ledger or its keys cannot be read.
    pub async fn has_trial_left(&self, address: &Email) -> Result<bool, ConvergeError> {
        for hash in self.keys.trials().await?.hashes(TrialMark::Address(address)) {
            if self.store.trial_of(&hash).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Judges the trials that are seen for the first time: one whose address or card had a trial before is refused, unless it is
    /// over already. The others are returned, to be entered into the ledger.
    async fn decide_trials(
        &self,
        account: &Account,
        stripe_state: &mut StripeState,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> Result<Vec<TrialEntry>, ConvergeError> {
        let (mut entries, mut refused) = (Vec::<TrialEntry>::new(), Vec::new());
        for found in stripe_state.new_trials(account, catalogue) {
            let keys = self.keys.trials().await?;
            let subscription_id = found.subscription.id;
            let address = account.customer.email.as_ref().map(TrialMark::Address);
            let mut own = Vec::new();
            let mut is_taken = false;
            for mark in address.into_iter().chain(found.fingerprint.as_deref().map(TrialMark::Card)) {
                let mut owner = None;
                for hash in keys.hashes(mark) {
                    owner = owner.or(self.store.trial_of(&hash).await?);
                }
                let hash = keys.hash(mark, now);
                let is_entered = entries.iter().any(|entry| entry.hash == hash);
                is_taken |= is_entered || owner.is_some_and(|owner| owner != subscription_id);
                if owner.is_none() && !is_entered {
                    own.push(TrialEntry { hash, subscription_id, created_at: now });
                }
            }
            if is_taken && found.subscription.status == Status::Trialing {
                refused.push(found.subscription.stripe_id.clone());
            } else {
                entries.extend(own);
            }
        }
        stripe_state.refused_trials = refused;
        Ok(entries)
    }

    async fn keep(&self, events: &[EventRow]) -> Result<(), ConvergeError> {
        for event in events {
            self.store.store_event(event).await?;
        }
        Ok(())
    }

    /// Writes what followed; `false` where somebody else has written since the version was noted.
    async fn write(&self, write: Write<'_>) -> Result<bool, ConvergeError> {
        if write.changes.is_unchanged() {
            // Also a look that found nothing new makes those that were begun before it old ones.
            let is_newest = self.store.raise_version(&write.account.customer).await?;
            if is_newest {
                self.keep(write.events).await?;
            }
            return Ok(is_newest);
        }
        let audit = audit(write.changes, &write.account.payments, write.cause, write.now);
        let consents = self.consents(&write).await?;
        let mails = mails(write.account, write.changes, &consents, &write.catalogue.plans, write.now)?;
        let write = AccountWrite {
            expected: &write.account.customer,
            changes: write.changes,
            audit: &audit,
            mails: &mails,
            trials: &write.trials,
            events: write.events,
            grace: self.rules.grace,
        };
        Ok(self.store.write_account(&write).await?)
    }

    /// Of the payments that failed, those that wait for the payer's consent, by their invoices. Reconciliation, whose calls
    /// are bounded, does not ask.
    async fn consents(&self, write: &Write<'_>) -> Result<Vec<String>, ConvergeError> {
        let was_failed = |previous: &Payment| previous.status != PaymentStatus::Processing;
        let is_new = |payment: &&Payment| {
            !write.account.payments.iter().any(|previous| previous.id == payment.id && was_failed(previous))
        };
        let failed = write.changes.payments.iter().filter(|payment| payment.status == PaymentStatus::Failed);
        let mut consents = Vec::new();
        for payment in failed.filter(|_| !write.cause.is_repair).filter(is_new) {
            if self.gateway.needs_consent(&payment.stripe_invoice_id).await? {
                consents.push(payment.stripe_invoice_id.clone());
            }
        }
        Ok(consents)
    }

    async fn end(&self, ending: Ending, done: &mut Done) -> Result<(), ConvergeError> {
        match ending {
            Ending::Now { reason, stripe_id, schedule, is_live, paid, is_refund_pending } => {
                match reason {
                    EndReason::Second => tracing::error!(
                        subscription = stripe_id,
                        metric = "duplicate_subscription",
                        "a second subscription is cancelled and refunded"
                    ),
                    EndReason::AccountDeleted => tracing::info!(subscription = stripe_id, "cancelled with its account"),
                    EndReason::TrialRefused => {
                        tracing::warn!(
                            subscription = stripe_id,
                            "cancelled: the address or the card had a trial before"
                        );
                    }
                }
                if is_live {
                    let ended = self.end_now(&stripe_id, schedule.as_deref()).await;
                    record_refusal(ended, "end of the subscription", &stripe_id, &mut done.refused_ends)?;
                }
                self.refund(paid, done).await?;
                if !is_refund_pending {
                    done.ended_duplicates.push(stripe_id);
                }
            }
            Ending::Refund { stripe_id, paid } => {
                tracing::warn!(subscription = stripe_id, "a payment that came after its end is refunded");
                self.refund(paid, done).await?;
            }
            Ending::AtPeriodEnd { stripe_id, schedule } => {
                let ended = self.end_with_period(&stripe_id, schedule.as_deref()).await;
                record_refusal(ended, "end of the subscription", &stripe_id, &mut done.refused_ends)?;
                done.end_requested.push(stripe_id);
            }
        }
        Ok(())
    }

    async fn end_now(&self, subscription: &str, schedule: Option<&str>) -> Result<(), GatewayError> {
        if let Some(schedule) = schedule {
            self.gateway.release(schedule).await?;
        }
        self.gateway.cancel(subscription).await
    }

    async fn end_with_period(&self, subscription: &str, schedule: Option<&str>) -> Result<(), GatewayError> {
        if let Some(schedule) = schedule {
            self.gateway.release(schedule).await?;
        }
        self.gateway.cancel_at_period_end(subscription).await
    }

    /// Refunds what is left of these, charge by charge: one that is refused does not stop the others.
    async fn refund(&self, paid: Vec<InvoiceRefund>, done: &mut Done) -> Result<(), ConvergeError> {
        for InvoiceRefund { stripe_invoice_id, charges } in paid {
            for charge in charges {
                let refunded = self.gateway.refund(&charge.stripe_id, charge.amount_cents).await;
                record_refusal(refunded, "refund of the invoice", &stripe_invoice_id, &mut done.refused_refunds)?;
            }
            done.refunded.push(stripe_invoice_id);
        }
        Ok(())
    }
}

/// Notes what Stripe refuses for good, so that it is recorded once and blocks nothing else. Any other error is returned.
fn record_refusal(
    done: Result<(), GatewayError>,
    what: &str,
    object: &str,
    refused: &mut Vec<String>,
) -> Result<(), GatewayError> {
    match done {
        Err(error) if error.is_permanent() => {
            tracing::error!(
                object,
                reason = %error,
                metric = "stripe_refused",
                "Stripe refuses the {what} for good: see to it in Stripe's dashboard"
            );
            if !refused.iter().any(|expected| expected == object) {
                refused.push(object.to_owned());
            }
            Ok(())
        }
        done => done,
    }
}

impl Done {
    /// Whether it is not to be done again. One that is settled is named again only where more was paid for it.
    fn has(&self, ending: &Ending) -> bool {
        match ending {
            Ending::AtPeriodEnd { stripe_id, .. } => self.end_requested.contains(stripe_id),
            Ending::Refund { paid, .. } => {
                paid.iter().all(|refundable| self.refunded.contains(&refundable.stripe_invoice_id))
            }
            Ending::Now { .. } => false,
        }
    }
}

struct Write<'a> {
    account: &'a Account,
    changes: &'a Changes,
    trials: Vec<TrialEntry>,
    catalogue: &'a Catalogue,
    events: &'a [EventRow],
    cause: Cause<'a>,
    now: Timestamp,
}
