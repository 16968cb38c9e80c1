//! A change of plan within a subscription: whether it is possible, when it applies, and what it costs.

use crate::catalogue;
use crate::current::{release, sync_subscription_if};
use crate::error::{of_gateway, of_unpaid};
use crate::state::State;
use jiff::{SignedDuration, Timestamp};
use tollgate_domain::billing::{Payment, PaymentStatus, Plan, Status, Subscription};
use tollgate_http::{ActiveUser, ApiError, RequestContext};
use tollgate_platform::ten_bytes;
use tollgate_store::{BillingFilter, PageOf};
use tollgate_stripe::{GatewayError, Preview, PriceChange, PriceChanged, TrialEnd, Unpaid};

/// The largest age of a preview whose price is requested.
const PREVIEW_HOLDS: SignedDuration = SignedDuration::from_hours(1);
/// The number of newest payments that contain the open one.
const NEWEST: usize = 20;

/// A possible change.
pub(crate) struct Change {
    subscription: Subscription,
    plan: Plan,
    /// Stripe's price of the plan.
    price: String,
    is_at_once: bool,
    /// The end of the trial, if the subscription is in one and changes at once.
    trial: Option<TrialEnd>,
    /// When the new or the current plan was last changed.
    plans_changed_at: Timestamp,
}

impl Change {
    /// The change of the caller's subscription, in Stripe's current state, to the plan with this code.
    pub(crate) async fn find(
        state: &State,
        context: &RequestContext,
        user: &ActiveUser,
        code: &str,
    ) -> Result<Self, ApiError> {
        let plans = state.plans.current(&state.store, context.now).await?;
        let plan = catalogue::active_plan(&plans, code)?;
        let price = plan.stripe_price_id.clone().ok_or(ApiError::PlanIsFree)?;
        let allows = |subscription: &Subscription| {
            if subscription.stripe_price_id == price || subscription.next_price_id() == Some(price.as_str()) {
                return Err(ApiError::SamePlan);
            }
            if subscription.terms.currency != plan.terms.currency {
                return Err(ApiError::CurrencyMismatch);
            }
            // There is no next period in which a lower plan could begin.
            if is_paid(subscription) && !subscription.rises_to(&plan, &plans) && !subscription.will_renew() {
                return Err(ApiError::AlreadyCanceling);
            }
            Ok(())
        };
        let subscription = sync_subscription_if(state, context, user, &allows).await?;
        if !is_paid(&subscription) {
            return Err(open_payment(state, user, &subscription).await?);
        }
        let is_at_once = subscription.rises_to(&plan, &plans);
        let present = plans.iter().find(|present| Some(present.id) == subscription.plan_id);
        let plans_changed_at = present.map_or(plan.updated_at, |present| present.updated_at.max(plan.updated_at));
        let is_trial = is_at_once && subscription.status == Status::Trialing;
        let trial = is_trial.then(|| trial_end(&subscription, &plan, context.now));
        Ok(Self { subscription, plan, price, is_at_once, trial, plans_changed_at })
    }

    /// The `proration_date` of a preview that was made at `from`, a whole second. Its fraction is a digest of all
    /// values on which the amount depends, so that an upgrade detects a difference also if something changed within the
    /// same second.
    pub(crate) fn proration_date(&self, from: Timestamp) -> Timestamp {
        let subscription = &self.subscription;
        let inputs = format!(
            "{:?}",
            (
                &self.plan.terms,
                (self.is_at_once, self.trial),
                &subscription.stripe_price_id,
                (&subscription.terms, subscription.quantity, subscription.status),
                subscription.current_period_end,
            )
        );
        let digest = ten_bytes(&inputs).iter().fold(0_i64, |sum, byte| (sum * 256 + i64::from(*byte)) % 999_999);
        from.saturating_add(SignedDuration::from_micros(digest + 1)).unwrap_or(from)
    }

    /// What it costs now, prorated from `from`.
    pub(crate) async fn cost(&self, state: &State, from: Timestamp) -> Result<Preview, ApiError> {
        let is_charged = self.is_at_once && !matches!(self.trial, Some(TrialEnd::At(_)));
        match is_charged {
            true => state.gateway.preview(self.price_from(from)).await.map_err(of_gateway),
            false => Ok(Preview { amount_due_cents: 0, currency: self.subscription.terms.currency, lines: Vec::new() }),
        }
    }

    fn price_from(&self, from: Timestamp) -> PriceChange<'_> {
        PriceChange { subscription: &self.subscription, price: &self.price, from, trial: self.trial }
    }

    /// The start of the proration, if `exact` is within the current period and not before a change of these plans.
    pub(crate) fn moment(&self, exact: Timestamp) -> Result<Timestamp, ApiError> {
        let from = whole_seconds(exact);
        let is_of_period = from >= self.subscription.current_period_start;
        // A preview uses the plans of its own time; any other date is not valid for them.
        let is_of_plans =
            if exact == from { self.plans_changed_at <= from } else { exact == self.proration_date(from) };
        if is_of_period && is_of_plans { Ok(from) } else { Err(ApiError::InvalidProrationDate) }
    }

    /// Changes the price at Stripe, at once or at the end of the period.
    pub(crate) async fn execute(&self, state: &State, from: Timestamp) -> Result<PriceChanged, GatewayError> {
        if self.is_at_once {
            release(state, &self.subscription).await?;
            return state.gateway.change_price(self.price_from(from)).await;
        }
        let (subscription, terms) = (&self.subscription, &self.plan.terms);
        state.gateway.schedule_price(subscription, &self.price, terms).await.map(|()| PriceChanged::Done)
    }

    /// The subscription after the change, from Stripe's answer and the state fetched `after` it.
    pub(crate) fn outcome(
        &self,
        done: Result<PriceChanged, GatewayError>,
        after: Result<Subscription, ApiError>,
    ) -> Result<Subscription, ApiError> {
        match (done, after) {
            (Ok(PriceChanged::Done), after) => after,
            (Ok(PriceChanged::Unpaid(unpaid)), _) => Err(of_unpaid(unpaid)),
            // The answer was lost, but the change was made.
            (Err(error), Ok(after)) if error.may_have_happened() && self.is_done(&after) => Ok(after),
            // It has ended in between, so Stripe refused.
            (Err(error), Err(ApiError::NoSubscription)) if error.is_permanent() => Err(ApiError::NoSubscription),
            (Err(error), _) => Err(of_gateway(error)),
        }
    }

    fn is_done(&self, after: &Subscription) -> bool {
        after.stripe_price_id == self.price || after.next_price_id() == Some(self.price.as_str())
    }
}

/// Whether nothing is due for it.
fn is_paid(subscription: &Subscription) -> bool {
    matches!(subscription.status, Status::Active | Status::Trialing)
}

/// The time in `text`, if a preview may have named it within the last hour.
pub(crate) fn parse_proration_date(text: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    let exact: Timestamp = text.parse().map_err(|_| ApiError::InvalidProrationDate)?;
    let from = whole_seconds(exact);
    let is_recent = from <= now && now.duration_since(from) <= PREVIEW_HOLDS;
    if is_recent { Ok(exact) } else { Err(ApiError::InvalidProrationDate) }
}

/// The end of the trial of a subscription that changes to `plan`: the plan's own trial counts from the subscription's
/// start.
fn trial_end(subscription: &Subscription, plan: &Plan, now: Timestamp) -> TrialEnd {
    let length = SignedDuration::from_hours(24 * i64::from(plan.trial_days));
    let end = subscription.started_at.saturating_add(length).unwrap_or(Timestamp::MAX);
    if end > now { TrialEnd::At(end) } else { TrialEnd::Now }
}

/// Stripe counts in whole seconds.
pub(crate) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// An open invoice, which must be paid before a change.
async fn open_payment(state: &State, user: &ActiveUser, subscription: &Subscription) -> Result<ApiError, ApiError> {
    let own = BillingFilter { user_id: Some(user.id), ..BillingFilter::default() };
    let payments = state.store.list_payments(&own, PageOf { after: None, limit: NEWEST }).await?.items;
    let is_open = |p: &Payment| p.subscription_id == Some(subscription.id) && p.status == PaymentStatus::Failed;
    let payment = payments.into_iter().map(|owned| owned.of).find(is_open);
    let Some(payment) = payment else { return Ok(ApiError::PaymentFailed(None)) };
    let needs_consent = state.gateway.needs_consent(&payment.stripe_invoice_id).await.map_err(of_gateway)?;
    Ok(of_unpaid(Unpaid { invoice_url: payment.invoice_url, needs_consent }))
}
