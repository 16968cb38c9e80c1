//! Reminders: mails that depend on time only. Each has its own id, under which it is written once.

use crate::messages::{consent_id, message_id, outbox_message};
use crate::{Cause, ConvergeError, Convergence};
use tollgate_domain::billing::{Account, Payment, PaymentStatus, Plan, Reminder, Subscription};
use tollgate_domain::{MessageId, UserId};
use tollgate_mail::{ActionRequired, Message, PaymentFailed, TrialEnding};
use tollgate_store::OutboxMessage;

impl Convergence {
    /// Writes the reminders for `user` that are due, and returns their number. Stripe's state is fetched first, so that
    /// no paid invoice is mentioned.
    ///
    /// # Errors
    /// When Stripe or the tables do not answer: the caller must retry.
    pub async fn remind(&self, user: &UserId) -> Result<usize, ConvergeError> {
        if self.reminders(user).await?.is_empty() {
            return Ok(0);
        }
        self.sync(user, Cause::default()).await?;
        let reminders = self.reminders(user).await?;
        for reminder in &reminders {
            self.store.put_message_once(reminder).await?;
        }
        Ok(reminders.len())
    }

    /// Writes the mail that asks `user` to confirm the payment of an invoice, once: a payment that was first declined
    /// may require a confirmation on retry.
    ///
    /// # Errors
    /// When Stripe or the tables do not answer: the caller must retry.
    pub async fn notify_consent(&self, user: &UserId, invoice: &str) -> Result<(), ConvergeError> {
        let Some(account) = self.store.account(user).await? else { return Ok(()) };
        let is_it =
            |payment: &&Payment| payment.stripe_invoice_id == invoice && payment.status == PaymentStatus::Failed;
        let Some(payment) = account.payments.iter().find(is_it) else { return Ok(()) };
        let plans = self.store.catalogue().await?.plans;
        let plan = plans.into_iter().find(|plan| Some(plan.id) == payment.plan_id);
        let (Some(to), Some(plan)) = (&account.customer.email, plan) else { return Ok(()) };
        if self.gateway.needs_consent(invoice).await? {
            let (to, invoice_url) = (to.as_str().to_owned(), payment.invoice_url.clone());
            let message = ActionRequired { to, plan: plan.name, invoice_url };
            self.store
                .put_message_once(&outbox_message(message, &account.customer, consent_id(payment), self.clock.now())?)
                .await?;
        }
        Ok(())
    }

    /// The mails that are due by the stored state and not yet written.
    async fn reminders(&self, user: &UserId) -> Result<Vec<OutboxMessage>, ConvergeError> {
        let Some(account) = self.store.account(user).await? else { return Ok(Vec::new()) };
        let now = self.clock.now();
        let due = |stored: &Subscription| stored.reminder(&account.payments, self.rules.grace, now);
        let due: Vec<_> = account.subscriptions.iter().filter_map(due).collect();
        let plans = if due.is_empty() { Vec::new() } else { self.store.catalogue().await?.plans };
        let mut reminders = Vec::new();
        for reminder in due {
            let Some((id, message)) = mail(&account, &reminder, &plans) else { continue };
            if !self.store.is_message_known(&id).await? {
                reminders.push(outbox_message(message, &account.customer, id, now)?);
            }
        }
        Ok(reminders)
    }
}

/// The mail and its id: the same for the same trial's end, and for the same day of the same invoice.
fn mail(account: &Account, reminder: &Reminder, plans: &[Plan]) -> Option<(MessageId, Message)> {
    let to = account.customer.email.as_ref()?.as_str().to_owned();
    let plan_of = |id| {
        let plan_id = account.subscriptions.iter().find(|stored| stored.id == id)?.plan_id;
        plans.iter().find(|plan| Some(plan.id) == plan_id).map(|plan| plan.name.clone())
    };
    match reminder {
        Reminder::TrialEnding { subscription, at } => {
            let key = format!("trial_ending {subscription} {at}");
            Some((message_id(*at, &key), TrialEnding { to, plan: plan_of(*subscription)?, at: *at }.into()))
        }
        Reminder::PaymentFailed { subscription, payment, day, until } => {
            let paid = account.payments.iter().find(|stored| stored.id == *payment)?;
            let (plan, invoice_url) = (plan_of(*subscription)?, paid.invoice_url.clone());
            let key = format!("payment_failed {payment} {day}");
            let message = PaymentFailed { to, plan, invoice_url, until: Some(*until), is_change: false };
            Some((message_id(paid.created_at, &key), message.into()))
        }
    }
}
