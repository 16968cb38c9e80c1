//! The daily comparison with Stripe: everything is listed, a hundred with each call, and what is kept otherwise follows. How
//! many calls it takes does not depend on how much differs.

use crate::{State, SweepError, Swept, Tally};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_convergence::Listed;
use tollgate_domain::MessageId;
use tollgate_domain::billing::{Catalogue, Order, Plan, PlanOrder, Seen};
use tollgate_platform::random_bytes;
use tollgate_store::{CustomerVersion, Outgoing};
use tollgate_stripe::{Gateway, GatewayError, Looking, Page, Price, Product};

const NAME: &str = "reconcile";
/// So far the time since the last good run is stretched: Stripe's clock is another.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);

/// Notes the version of every customer, then lists what Stripe has, then brings every customer to it that is still as it was
/// noted: what was read before somebody else wrote is never written over that. The plans are told to Stripe again where it
/// has them otherwise.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let begun = state.clock.now();
    let noted = noted(state).await?;
    let last = state.store.sweep_place(NAME).await?.unwrap_or(Timestamp::UNIX_EPOCH);
    let since = last.saturating_sub(OVERLAP).unwrap_or(Timestamp::MIN).max(Timestamp::UNIX_EPOCH);
    let Everything { mut seen, there } = listed(&state.gateway, since).await?;
    let catalogue = state.store.catalogue().await?;
    let mut tally = Tally::default();
    for (customer, noted) in &noted {
        let listed = match (seen.remove(customer), there.contains(customer)) {
            // One who is there and of whom nothing is listed has nothing that could differ.
            (None, true) => continue,
            (Some(seen), true) => Listed::There(seen),
            (Some(_), false) => Listed::Gone,
            (None, false) => Listed::Nowhere,
        };
        tally.count(state.convergence.repair(noted, listed, &catalogue).await.map(usize::from));
    }
    tally.handled += plans(state, &catalogue).await?;
    let swept = tally.end()?;
    state.store.keep_sweep_place(NAME, begun).await?;
    Ok(swept)
}

/// Every customer, by Stripe's id.
async fn noted(state: &State) -> Result<BTreeMap<String, CustomerVersion>, SweepError> {
    let (mut noted, mut place) = (BTreeMap::new(), None);
    loop {
        let page = state.store.customer_versions(place.as_ref()).await?;
        noted.extend(page.items.into_iter().map(|customer| (customer.stripe_customer_id.clone(), customer)));
        place = page.next;
        if place.is_none() {
            return Ok(noted);
        }
    }
}

/// All pages of a list.
async fn all<'a, T>(page: impl Fn(Option<String>) -> Looking<'a, Page<T>>) -> Result<Vec<T>, GatewayError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let Page { items, next } = page(after).await?;
        all.extend(items);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// What Stripe has.
struct Everything {
    /// Of each customer: every subscription, all open invoices, those made since then, and what became of money since then.
    seen: BTreeMap<String, Seen>,
    /// The customers who are there.
    there: BTreeSet<String>,
}

async fn listed(gateway: &Gateway, since: Timestamp) -> Result<Everything, GatewayError> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for (customer, subscription) in all(|after| gateway.subscriptions(after)).await? {
        seen.entry(customer).or_default().subscriptions.push(subscription);
    }
    let mut known = BTreeSet::new();
    let since_then = all(|after| gateway.invoices_since(since, after)).await?;
    let open = all(|after| gateway.open_invoices(after)).await?;
    for (customer, invoice) in open.into_iter().chain(since_then) {
        if known.insert(invoice.stripe_id.clone()) {
            seen.entry(customer).or_default().invoices.push(invoice);
        }
    }
    let charges = all(|after| gateway.charges_since(since, after)).await?;
    let refunds = all(|after| gateway.refunds_since(since, after)).await?;
    let disputes = all(|after| gateway.disputes_since(since, after)).await?;
    let mut known = BTreeSet::new();
    // Where a dispute is stands with the dispute alone, so that those come first.
    for (customer, charge) in disputes.into_iter().chain(charges).chain(refunds) {
        if known.insert(charge.stripe_id.clone()) {
            seen.entry(customer).or_default().charges.push(charge);
        }
    }
    let there = all(|after| gateway.customers(after)).await?.into_iter().collect();
    Ok(Everything { seen, there })
}

/// Compares products and prices with the plans, whose rows rule. How many plans Stripe is told again.
async fn plans(state: &State, catalogue: &Catalogue) -> Result<usize, SweepError> {
    let products = all(|after| state.gateway.products(after)).await?;
    let prices = all(|after| state.gateway.prices(after)).await?;
    let mut told = 0;
    for plan in catalogue.plans.iter().filter(|plan| !is_shown(plan, &products, &prices)) {
        tracing::error!(plan = %plan.id, metric = "catalogue_drift", "changed at Stripe, the plan rules");
        let now = state.clock.now();
        let order = Order::Plan(PlanOrder { plan_id: plan.id, from: None });
        let message = Outgoing::of_order(&order, MessageId::new(now, random_bytes()), now)?;
        state.store.put_message_once(&message).await?;
        told += 1;
    }
    Ok(told)
}

/// Whether Stripe shows the plan as it is. What it cannot show again, a price that is gone, is no difference.
fn is_shown(plan: &Plan, products: &[Product], prices: &[Price]) -> bool {
    let product = products.iter().find(|product| Some(&product.stripe_id) == plan.stripe_product_id.as_ref());
    let price = prices.iter().find(|price| Some(&price.stripe_id) == plan.stripe_price_id.as_ref());
    product.is_none_or(|product| product.is_active == plan.is_active && product.name == plan.name)
        && price.is_none_or(|price| price.is_active == plan.is_active)
}
