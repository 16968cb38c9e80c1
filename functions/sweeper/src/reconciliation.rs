//! The daily comparison with Stripe. Stripe's lists are read page by page, a hundred entries with each call, and each
//! page is compared with the stored state of the customers on it. Equal entries are dropped; for a customer that
//! differs the entries are kept until every list was read, and then it is repaired. So the number of calls does not
//! depend on the number of differences; only the memory does.
//!
//! After each page its number, its list and its customers are stored: a run that was cut short continues with the next page. A
//! customer that cannot be repaired is recorded, and the next run repairs it.

mod customers;
mod lists;
mod plans;

use crate::state::State;
use crate::swept::{SweepError, Swept, Tally};
use customers::Customers;
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use lists::{AHEAD, List, POSITIONED};
use plans::Plans;
use std::collections::BTreeSet;
use tollgate_convergence::{ConvergeError, Listed};
use tollgate_domain::billing::Catalogue;
use tollgate_platform::random_bytes;
use tollgate_store::{CustomerVersion, ReconciledPage, Reconciliation, ReconciliationState};
use tollgate_stripe::{GatewayError, Page};

const NAME: &str = "reconcile";
/// The time since the last run is extended by this, because Stripe's clock may differ.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// The number of customers that are compared or repaired at once.
const AT_ONCE: usize = 8;
/// A run that was cut short is resumed within this time: the rows of its pages expire later.
const TAKEN_UP: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Resumes the run that was cut short, or begins one, and completes it.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let mut sweep = Sweep::begin(state).await?;
    for list in AHEAD {
        sweep.read_ahead(*list).await?;
    }
    sweep.read_from_position().await?;
    sweep.repair_pages().await?;
    sweep.repair_others().await?;
    sweep.end().await
}

/// One invocation.
struct Sweep<'a> {
    state: &'a State,
    run: Reconciliation,
    pages: Vec<ReconciledPage>,
    /// Whether an earlier invocation has read pages of this run.
    is_resumed: bool,
    /// Whether this invocation has read the list of the customers from its first page.
    has_read_all_customers: bool,
    customers: Customers,
    catalogue: Catalogue,
    plans: Plans,
    /// Customers whose repair failed in an earlier run, by Stripe's id.
    failed: BTreeSet<String>,
    tally: Tally,
}

impl<'a> Sweep<'a> {
    /// The versions of all customers are read before any call to Stripe, so that an older read never overwrites newer
    /// state.
    async fn begin(state: &'a State) -> Result<Self, SweepError> {
        let ReconciliationState { run, pages, failed } = state.store.reconciliation().await?;
        let mut customers = Customers::read_versions(&state.store).await?;
        let is_recent = |run: &Reconciliation| state.clock.now().duration_since(run.begun_at) < TAKEN_UP;
        let run = match run.filter(is_recent) {
            Some(run) => run,
            None => begin_run(state, &pages).await?,
        };
        let pages: Vec<_> = pages.into_iter().filter(|page| page.run == run.id).collect();
        for page in &pages {
            customers.resume_page(page);
        }
        let (failed, gone): (BTreeSet<_>, BTreeSet<_>) = failed.into_iter().partition(|id| customers.mark_unread(id));
        for customer in gone {
            state.store.forget_failed_customer(&customer).await?;
        }
        Ok(Self {
            is_resumed: !pages.is_empty(),
            has_read_all_customers: false,
            catalogue: state.store.catalogue().await?,
            plans: Plans::default(),
            failed,
            tally: Tally::default(),
            state,
            run,
            pages,
            customers,
        })
    }

    /// Reads a list whose entries determine how entries of other lists are interpreted. Each invocation reads it from
    /// its first page.
    async fn read_ahead(&mut self, list: List) -> Result<(), SweepError> {
        let mut after = None;
        loop {
            let page = self.read(list, after).await?;
            after = page.next.clone();
            let differing = self.compare(page).await;
            if self.is_resumed {
                // The entries of earlier pages were read by another invocation.
                for customer in differing {
                    self.customers.mark_unread(&customer);
                }
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads the other lists, from the page after the last one that is stored.
    async fn read_from_position(&mut self) -> Result<(), SweepError> {
        let last = self.pages.last().map(|page| (page.list.clone(), page.next.clone()));
        let (mut first, mut after) = (0, None);
        if let Some((name, next)) = last {
            let at = POSITIONED.iter().position(|list| list.name() == name).unwrap_or_default();
            (first, after) = if next.is_some() { (at, next) } else { (at + 1, None) };
        }
        for list in POSITIONED.iter().skip(first).copied() {
            self.read_list(list, after.take()).await?;
        }
        Ok(())
    }

    async fn read_list(&mut self, list: List, mut after: Option<String>) -> Result<(), SweepError> {
        loop {
            self.has_read_all_customers |= list == List::Customers && after.is_none();
            let is_first = after.is_none();
            let (next, customers, differing) = match list {
                List::Products | List::Prices => {
                    if is_first && list == List::Products {
                        self.catalogue = self.state.store.catalogue().await?;
                    }
                    let next = self.plans.compare(self.state, list, after, &self.catalogue, &mut self.tally).await?;
                    (next, Vec::new(), Vec::new())
                }
                _ => {
                    let page = self.read(list, after).await?;
                    let (next, customers) = (page.next.clone(), self.customers.named_on(&page));
                    (next, customers, self.compare(page).await)
                }
            };
            let number = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
            let page = ReconciledPage {
                run: self.run.id.clone(),
                number,
                list: list.name().to_owned(),
                next: next.clone(),
                customers,
                differing,
                is_repaired: false,
            };
            self.state.store.store_reconciled_page(&page, self.state.clock.now()).await?;
            self.pages.push(page);
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// A page of a list. If Stripe has deleted the object after which the page begins, the list is read from its first
    /// page.
    async fn read(&mut self, list: List, after: Option<String>) -> Result<Page<lists::Listed>, GatewayError> {
        let read = async |after| list.read(&self.state.gateway, self.run.since, after).await;
        match read(after.clone()).await {
            Err(error) if error.is_permanent() && after.is_some() => {
                tracing::warn!(list = list.name(), %error, "the position in a list of Stripe is lost: it is read again");
                if list == List::Customers {
                    self.has_read_all_customers = true;
                    self.customers.forget_existence();
                }
                read(None).await
            }
            page => page,
        }
    }

    /// Compares a page with the stored state and returns the customers that differ.
    async fn compare(&mut self, page: Page<lists::Listed>) -> Vec<String> {
        let undecided = self.customers.add_page(page);
        let (convergence, catalogue) = (&self.state.convergence, &self.catalogue);
        let compared = undecided.into_iter().map(|(customer, user, stripe_state)| async move {
            let differs = convergence.differs(&user, &stripe_state, catalogue).await;
            (customer, stripe_state, differs)
        });
        let compared: Vec<_> = stream::iter(compared).buffered(AT_ONCE).collect().await;
        let mut differing = Vec::new();
        for (customer, stripe_state, differs) in compared {
            match differs {
                Ok(false) => continue,
                Ok(true) => {}
                // Its repair reads the tables again, and reports a second failure.
                Err(error) => tracing::warn!(customer, %error, "a customer cannot be compared yet"),
            }
            self.customers.keep_entries(&customer, stripe_state);
            differing.push(customer);
        }
        differing
    }

    /// Repairs the customers that differ, page by page.
    async fn repair_pages(&mut self) -> Result<(), SweepError> {
        self.customers.find_missing();
        self.catalogue = self.state.store.catalogue().await?;
        for index in 0..self.pages.len() {
            let page = &self.pages[index];
            if page.is_repaired || page.differing.is_empty() {
                continue;
            }
            let differing = page.differing.clone();
            self.repair(differing).await?;
            self.pages[index].is_repaired = true;
            self.state.store.store_reconciled_page(&self.pages[index], self.state.clock.now()).await?;
        }
        Ok(())
    }

    /// Repairs the customers that no stored page names: those whose entries were read ahead, those that failed before,
    /// and those that were deleted at Stripe.
    async fn repair_others(&mut self) -> Result<(), SweepError> {
        let others = self.customers.to_repair();
        for some in others.chunks(100) {
            self.repair(some.to_vec()).await?;
        }
        Ok(())
    }

    async fn repair(&mut self, customers: Vec<String>) -> Result<(), SweepError> {
        let (state, catalogue) = (self.state, &self.catalogue);
        let is_sure = self.has_read_all_customers;
        let differing: Vec<_> = customers.iter().filter_map(|customer| self.customers.take(customer)).collect();
        let repairs = differing.into_iter().map(|(version, listed)| async move {
            let repaired = repair(state, &version, listed, is_sure, catalogue).await;
            (version, repaired)
        });
        let repaired: Vec<_> = stream::iter(repairs).buffered(AT_ONCE).collect().await;
        for (version, repaired) in repaired {
            let customer = &version.stripe_customer_id;
            match &repaired {
                Ok(_) if self.failed.remove(customer) => self.state.store.forget_failed_customer(customer).await?,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(
                        user = %version.user_id,
                        customer,
                        %error,
                        metric = "reconcile_failed",
                        "a customer was not reconciled: the next run repairs it"
                    );
                    self.state.store.store_failed_customer(customer).await?;
                }
            }
            self.tally.count(repaired.map(usize::from));
        }
        Ok(())
    }

    /// Ends the run. Its time is stored first: one that is cut short here ends again.
    async fn end(self) -> Result<Swept, SweepError> {
        let (store, counts) = (&self.state.store, self.customers.counts);
        tracing::info!(
            entries = counts.entries,
            foreign = counts.foreign,
            unreadable = counts.unreadable,
            pages = self.pages.len(),
            is_resumed = self.is_resumed,
            "compared with Stripe"
        );
        store.store_sweep_position(NAME, self.run.begun_at).await?;
        store.end_reconciliation().await?;
        forget(self.state, self.pages.iter().map(|page| page.number)).await?;
        self.tally.end()
    }
}

/// Begins a run; the stored pages belong to no run any more.
async fn begin_run(state: &State, stored: &[ReconciledPage]) -> Result<Reconciliation, SweepError> {
    forget(state, stored.iter().map(|page| page.number)).await?;
    let last = state.store.sweep_position(NAME).await?.unwrap_or(Timestamp::UNIX_EPOCH);
    let since = last.saturating_sub(OVERLAP).unwrap_or(Timestamp::MIN).max(Timestamp::UNIX_EPOCH);
    let id = format!("{:032x}", u128::from_be_bytes(random_bytes()));
    let run = Reconciliation { id, begun_at: state.clock.now(), since };
    state.store.store_reconciliation(&run).await?;
    Ok(run)
}

/// Deletes the pages of these numbers.
async fn forget(state: &State, pages: impl Iterator<Item = u32>) -> Result<(), SweepError> {
    let forgotten = pages.map(|number| state.store.forget_reconciled_page(number)).collect::<Vec<_>>();
    let forgotten: Vec<_> = stream::iter(forgotten).buffered(AT_ONCE).collect().await;
    Ok(forgotten.into_iter().collect::<Result<(), _>>()?)
}

/// Repairs one customer. One that is missing in a list that another invocation began to read may have been created
/// since: it is fetched from Stripe.
async fn repair(
    state: &State,
    version: &CustomerVersion,
    listed: Listed,
    is_sure: bool,
    catalogue: &Catalogue,
) -> Result<bool, ConvergeError> {
    let is_missing = matches!(listed, Listed::Gone | Listed::Nowhere);
    if is_missing && !is_sure && state.gateway.has_customer(&version.stripe_customer_id).await? {
        return Ok(false);
    }
    state.convergence.repair(version, listed, catalogue).await
}
