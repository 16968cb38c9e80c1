//! Access: what a subscription gives, and until when. Nothing else decides it.

use super::plan::{Features, Plan};
use super::subscription::{Status, Subscription};
use jiff::{SignedDuration, Timestamp};

/// How long access continues after a period that should have been renewed: Stripe charges within the hour, and its
/// event may be late. Stripe's state is fetched before access ends.
pub const RENEWAL_MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// How long access continues after a failed payment, from its first failed attempt on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace(pub SignedDuration);

impl Default for Grace {
    /// Seven days.
    fn default() -> Self {
        Self(SignedDuration::from_hours(7 * 24))
    }
}

impl Subscription {
    /// Whether it counts as a subscription to a plan: live and not a duplicate. A subscription to a price without a
    /// plan is not ours: it gives no access and is never changed.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.plan_id.is_some() && self.status.is_live() && self.duplicate_refund.is_none()
    }

    /// Whether it excludes another subscription: it is held, or its first payment is a bank debit in progress.
    #[must_use]
    pub const fn excludes_another(&self) -> bool {
        self.is_held()
            || (self.plan_id.is_some()
                && self.duplicate_refund.is_none()
                && self.payment_processing
                && !self.status.is_ended())
    }

    /// Whether it renews after its period. It may have a later end.
    #[must_use]
    pub fn will_renew(&self) -> bool {
        !self.cancel_at_period_end && self.ends_at.is_none_or(|end| end > self.current_period_end)
    }

    /// When its access ends; `None` where it gives none.
    #[must_use]
    pub fn access_until(&self, grace: Grace) -> Option<Timestamp> {
        if self.plan_id.is_none() || self.duplicate_refund.is_some() {
            return None;
        }
        let will_not_renew = !self.will_renew();
        // It ends at a time other than the end of the period: the earlier one counts.
        let last = self.ends_at.map_or(self.current_period_end, |end| end.min(self.current_period_end));
        let until = match self.status {
            Status::Trialing | Status::Active if will_not_renew => last,
            Status::Trialing | Status::Active => later(self.current_period_end, RENEWAL_MARGIN),
            Status::PastDue => {
                // Without a known open invoice: that of this period, which was created at its start.
                let end = later(self.unpaid_since.unwrap_or(self.current_period_start), grace.0);
                if will_not_renew { end.min(last) } else { end }
            }
            Status::Incomplete | Status::IncompleteExpired | Status::Unpaid | Status::Paused | Status::Canceled => {
                return None;
            }
        };
        Some(until)
    }

    /// When it must be synchronised without an event: at the end of its period or of its grace.
    #[must_use]
    pub fn due_at(&self, grace: Grace) -> Option<Timestamp> {
        match self.status {
            Status::Trialing | Status::Active => {
                Some(self.ends_at.map_or(self.current_period_end, |end| end.min(self.current_period_end)))
            }
            Status::PastDue => self.access_until(grace),
            _ => None,
        }
    }

    /// Whether time alone changes nothing any more: its grace is over, and only Stripe changes its state.
    #[must_use]
    pub fn is_out_of_grace(&self, grace: Grace, now: Timestamp) -> bool {
        self.status == Status::PastDue && !self.has_access(grace, now)
    }

    /// Whether it gives access at `now` because it is paid or in a trial, not by grace or margin.
    #[must_use]
    pub fn is_paid(&self, grace: Grace, now: Timestamp) -> bool {
        matches!(self.status, Status::Trialing | Status::Active)
            && now < self.current_period_end
            && self.has_access(grace, now)
    }

    /// Whether it gives access at `now`.
    #[must_use]
    pub fn has_access(&self, grace: Grace, now: Timestamp) -> bool {
        self.access_until(grace).is_some_and(|until| now < until)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// The access in the gate of a user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Access {
    /// The plan's tier, 0 without access.
    pub tier: u32,
    /// The plan's features, none without access.
    pub features: Features,
    /// When both end.
    pub until: Option<Timestamp>,
}

impl Access {
    /// The combined access of these subscriptions at `now`: the highest tier, and of two with the same tier the longer
    /// one.
    #[must_use]
    pub fn of<'a>(
        subscriptions: impl IntoIterator<Item = &'a Subscription>,
        plans: &[Plan],
        grace: Grace,
        now: Timestamp,
    ) -> Self {
        let given = subscriptions.into_iter().filter_map(|subscription| {
            let until = subscription.access_until(grace).filter(|until| now < *until)?;
            let plan = plans.iter().find(|plan| Some(plan.id) == subscription.plan_id)?;
            Some((plan, until))
        });
        let best = given.max_by_key(|(plan, until)| (plan.tier, *until));
        best.map_or_else(Self::default, |(plan, until)| Self {
            tier: plan.tier,
            features: plan.features.clone(),
            until: Some(until),
        })
    }
}
