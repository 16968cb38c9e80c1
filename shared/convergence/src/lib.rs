//! Convergence with Stripe, for events, users' own requests and the sweeper: read the customer's version, fetch
//! Stripe's state, write all changes if the version is unchanged, else repeat. An older read never overwrites newer
//! state.

mod cause;
mod consequences;
mod messages;
mod reminders;

pub use cause::Cause;

use consequences::{audit, mails};
use jiff::Timestamp;
use std::pin::Pin;
use std::sync::Arc;
use tollgate_domain::billing::{
    Account, Catalogue, Changes, EndReason, Ending, InvoiceRefund, Payment, PaymentStatus, Rules, Status, StripeState,
    Subscription, converge, recompute_access,
};
use tollgate_domain::{Email, UserId};
use tollgate_platform::Clock;
use tollgate_store::roles::Converging;
use tollgate_store::{AccountWrite, CustomerVersion, EventRow, Store, StoreError, TrialEntry};
use tollgate_stripe::{Gateway, GatewayError};
use tollgate_tokens::keys::{KeyError, KeySource};
use tollgate_tokens::trials::TrialMark;

/// How often Stripe's state of a user is fetched in one call: again after another write (each event causes one, and a
/// checkout about ten), after a change that is written in parts, and after an end at Stripe. Changes written so far
/// stay, and the next call continues from there.
pub const MAX_FETCHES: usize = 24;
/// The number of subscriptions, and of payments, that are written at once, each with its audit entry and its mail, in
/// addition to the customer, the gate, at most ten events, and the trials of these subscriptions (one address, and a
/// card of each): 97 items. A transaction takes a hundred.
const AT_ONCE: usize = 12;

/// Why the local state may differ from Stripe's.
#[derive(Debug, thiserror::Error)]
pub enum ConvergeError {
    /// Stripe did not answer.
    #[error(transparent)]
    Stripe(#[from] GatewayError),
    /// The keys of the ledger of trials cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The tables did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another writer or Stripe changed the state each time: the caller must retry.
    #[error("the customer's state was still changing after {MAX_FETCHES} fetches")]
    Overtaken,
}

/// What Stripe lists of a customer.
#[derive(Debug)]
pub enum Listed {
    /// The customer and its objects.
    There(StripeState),
    /// Objects of a customer that was deleted.
    Gone,
    /// Neither the customer nor any of its objects.
    Nowhere,
    /// The objects were not kept in memory and must be fetched.
    Unread,
}

/// Brings the local state to Stripe's state.
#[derive(Clone)]
pub struct Convergence {
    store: Store<Converging>,
    gateway: Gateway,
    keys: Arc<KeySource>,
    clock: Clock,
    rules: Rules,
}

/// A running synchronisation, boxed because Stripe's types exceed the compiler's depth limit.
pub type SyncFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Subscription>, ConvergeError>> + Send + 'a>>;

/// A check of whether the stored state refuses a request.
pub type Refuses<'a> = &'a (dyn Fn(&Account) -> bool + Send + Sync);

/// A synchronisation that the stored state may refuse.
pub type SyncUnlessFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Vec<Subscription>>, ConvergeError>> + Send + 'a>>;

/// The subscriptions and payments that were ended or refunded so far, or permanently refused by Stripe.
#[derive(Default)]
struct Done {
    ended_duplicates: Vec<String>,
    end_requested: Vec<String>,
    refunded: Vec<String>,
    refused_ends: Vec<String>,
    refused_refunds: Vec<String>,
}

impl Convergence {
    /// Creates it from these clients. It makes no call.
    #[must_use]
    pub fn new(store: Store<Converging>, gateway: Gateway, keys: Arc<KeySource>, clock: Clock, rules: Rules) -> Self {
        Self { store, gateway, keys, clock, rules }
    }

    /// Brings the stored state of `user` to Stripe's state and ends duplicate subscriptions at Stripe. Returns the
    /// subscriptions; none for a user without a customer.
    ///
    /// # Errors
    /// When the state may differ from Stripe's: the caller must retry.
    pub fn sync<'a>(&'a self, user: &'a UserId, cause: Cause<'a>) -> SyncFuture<'a> {
        Box::pin(async move {
            let never = |_: &Account| false;
            Ok(self.sync_with(user, cause, &never).await?.unwrap_or_default())
        })
    }

    /// The same for a request of the user. If `refuses` returns true for the stored state, the result is `None` and
    /// Stripe is not called.
    ///
    /// # Errors
    /// When the state may differ from Stripe's: the caller must retry.
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
                // An earlier customer of this user may be deleted, too.
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
            // While work remains the events count as not handled: the next call continues.
            let is_last = is_all && endings.is_empty();
            let events = if is_last { cause.events } else { &[] };
            let write =
                Write { account: &account, changes: &changes, trials, catalogue: &catalogue, events, cause, now };
            if !self.write(write).await? {
                continue;
            }
            if is_last {
                return Ok(Some(changes.subscriptions_after(&account).cloned().collect()));
            }
            for ending in endings {
                self.end(ending, &mut done).await?;
            }
        }
        Err(ConvergeError::Overtaken)
    }

    /// Whether the stored state of `user` differs from `stripe_state` or cannot be compared with it. `stripe_state` may
    /// be incomplete, but it must contain all open invoices of each subscription.
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

    /// Brings the stored state of the `expected` customer to the state that was fetched from Stripe later, and returns
    /// whether it differed. Other stored state is unchanged. If the version has changed, or something must be done at
    /// Stripe, the state is fetched again.
    ///
    /// # Errors
    /// When the state may differ from Stripe's: the caller must retry.
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
            // Objects that the lists lack are fetched: the version was read before.
            Listed::There(stripe_state) if !stripe_state.is_undecided(&account) => stripe_state,
            Listed::There(_) | Listed::Unread => match self.gateway.fetch_state(&expected.stripe_customer_id).await {
                Err(error) if error.is_missing() => StripeState::customer_deleted(&account),
                stripe_state => stripe_state?,
            },
            // Stripe lists a paying customer for ever, so an empty list means that the key belongs to another account;
            // it must not end all access.
            Listed::Nowhere if !account.subscriptions.is_empty() => {
                tracing::error!(%user, customer = expected.stripe_customer_id, "Stripe lists nothing of one who has paid");
                return Ok(false);
            }
            Listed::Gone | Listed::Nowhere => StripeState::customer_deleted(&account),
        };
        let now = self.clock.now();
        // Only a sync records a trial in the ledger.
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

    /// Updates the access in the gate of `user` to the current plans, from stored state: Stripe is not called.
    ///
    /// # Errors
    /// When the tables do not answer, or another writer changes the state each time.
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

    /// Whether this address can have a trial: each address has one, even if it changes its owner.
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

    /// Decides about the new trials: one whose address or card had a trial before is refused, unless it has ended. The
    /// others are returned and recorded in the ledger.
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

    /// Writes the changes; `false` if the version has changed.
    async fn write(&self, write: Write<'_>) -> Result<bool, ConvergeError> {
        let shown = write.changes.shown_after(write.account, self.rules.grace);
        if write.changes.is_unchanged() {
            // A fetch without changes also makes earlier fetches obsolete.
            let is_newest = self.store.raise_version(&write.account.customer, shown).await?;
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
            shown,
            audit: &audit,
            mails: &mails,
            trials: &write.trials,
            events: write.events,
            grace: self.rules.grace,
        };
        Ok(self.store.write_account(&write).await?)
    }

    /// The invoices of the failed payments that wait for the payer's confirmation. Reconciliation does not fetch these,
    /// as its calls are bounded.
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

    /// Refunds the rest of these invoices, charge by charge: a refused refund does not stop the others.
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

/// Records a permanent refusal by Stripe, so that it is recorded once and blocks nothing else. Any other error is
/// returned.
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
    /// Whether this ending is already done. A finished one is named again only if more was paid.
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
