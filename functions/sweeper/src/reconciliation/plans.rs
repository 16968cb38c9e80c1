//! Products and prices, compared with the plans, whose rows take precedence.

use super::lists::List;
use crate::state::State;
use crate::swept::{SweepError, Tally};
use std::collections::BTreeSet;
use tollgate_domain::billing::{Catalogue, Command, Plan, PlanCommand};
use tollgate_domain::{MessageId, PlanId};
use tollgate_platform::random_bytes;
use tollgate_store::OutboxMessage;
use tollgate_stripe::UnreadableEntry;

/// The plans that this invocation has written to Stripe again.
#[derive(Default)]
pub struct Plans(BTreeSet<PlanId>);

impl Plans {
    /// Compares the page of a list after one of Stripe's ids, and writes the plans that differ to Stripe again. Returns
    /// the id after which the next page starts.
    pub async fn compare(
        &mut self,
        state: &State,
        list: List,
        after: Option<String>,
        catalogue: &Catalogue,
        tally: &mut Tally,
    ) -> Result<Option<String>, SweepError> {
        let (next, differing) = match list {
            List::Products => {
                let page = match state.gateway.products(after.clone()).await {
                    Err(error) if error.is_permanent() && after.is_some() => state.gateway.products(None).await?,
                    page => page?,
                };
                page.unreadable.iter().for_each(UnreadableEntry::log);
                let differs = |plan: &Plan| {
                    let mut own =
                        page.items.iter().filter(|product| plan.stripe_product_id.as_ref() == Some(&product.stripe_id));
                    own.any(|product| product.is_active != plan.is_active || product.name != plan.name)
                };
                (page.next.clone(), catalogue.plans.iter().filter(|plan| differs(plan)).collect::<Vec<_>>())
            }
            _ => {
                let page = match state.gateway.prices(after.clone()).await {
                    Err(error) if error.is_permanent() && after.is_some() => state.gateway.prices(None).await?,
                    page => page?,
                };
                page.unreadable.iter().for_each(UnreadableEntry::log);
                let differs = |plan: &Plan| {
                    let mut own =
                        page.items.iter().filter(|price| plan.stripe_price_id.as_ref() == Some(&price.stripe_id));
                    own.any(|price| price.is_active != plan.is_active)
                };
                (page.next.clone(), catalogue.plans.iter().filter(|plan| differs(plan)).collect())
            }
        };
        for plan in differing {
            if self.0.insert(plan.id) {
                tracing::error!(plan = %plan.id, metric = "catalogue_drift", "changed at Stripe, the plan rules");
                let now = state.clock.now();
                let command = Command::Plan(PlanCommand { plan_id: plan.id, from: None });
                let message = OutboxMessage::of_command(&command, MessageId::new(now, random_bytes()), now)?;
                state.store.put_message_once(&message).await?;
                tally.count(Ok(1));
            }
        }
        Ok(next)
    }
}
