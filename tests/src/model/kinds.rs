//! The kinds of steps and of results, counted: a kind that no sequence reaches is not tested.

use super::step::Step;
use std::collections::BTreeMap;

/// The kinds of steps. `by debit`: the payment is one by bank debit.
pub const STEPS: [&str; 38] = [
    "Subscribe",
    "Pay",
    "Pay by debit",
    "PaySecond",
    "PaySecond by debit",
    "Cancel",
    "Resume",
    "Preview",
    "Upgrade",
    "UpgradeAsPreviewed",
    "Portal",
    "Portal by debit",
    "PayInvoice",
    "PayInvoice by debit",
    "Deactivate",
    "SetTier",
    "SetPrice",
    "Clock",
    "Renew",
    "Renew by debit",
    "End",
    "Refund",
    "Dispute",
    "CloseDispute",
    "Quantity",
    "Discount",
    "PauseCollection",
    "Schedule",
    "Foreign",
    "RefuseRefunds",
    "Delete",
    "Deliver",
    "Resend",
    "Fault",
    "NoFaults",
    "Run",
    "Drain",
    "Restart",
];

/// The results that some sequences must end with.
pub const RESULTS: [&str; 7] = [
    "debit in progress",
    "debit that failed",
    "debit that was paid",
    "discounted invoice",
    "dispute that was won",
    "refund that Stripe refused",
    "subscription of several units",
];

/// How often each was reached.
pub type Reached = BTreeMap<String, usize>;

/// The kinds of steps and results that were not reached.
pub fn missing(reached: &Reached) -> Vec<&'static str> {
    STEPS.iter().chain(&RESULTS).copied().filter(|kind| !reached.contains_key(*kind)).collect()
}

impl Step {
    /// Its kind, one of [`STEPS`].
    pub fn kind(self) -> String {
        let name = format!("{self:?}");
        let name = name.split_once(' ').map_or(name.as_str(), |(name, _)| name);
        let is_by_debit = match self {
            Self::Pay { card, .. } | Self::PaySecond { card, .. } | Self::PayInvoice { card, .. } => card.is_debit(),
            Self::Portal { card, button, .. } => button == "card" && card.is_debit(),
            Self::Renew { outcome, .. } => outcome.starts_with("processing"),
            _ => false,
        };
        format!("{name}{}", if is_by_debit { " by debit" } else { "" })
    }
}
