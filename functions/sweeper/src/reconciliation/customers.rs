//! Our customers during a run: the version of each, whether Stripe's lists contain it, and the listed objects of those
//! that differ.

use super::lists::{Entry, List, Listed as Named};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use tollgate_convergence::Listed;
use tollgate_domain::UserId;
use tollgate_domain::billing::{Charge, Invoice, StripeState};
use tollgate_store::roles::Sweeper;
use tollgate_store::{CustomerVersion, ReconciledPage, Store, StoreError};
use tollgate_stripe::{Page, UnreadableEntry};

/// The number of entries in memory: about 100 MB at most. The objects of further customers are fetched again.
const MAX_ENTRIES: usize = 100_000;

/// All customers, by Stripe's id.
pub struct Customers {
    all: HashMap<String, Customer>,
    /// The entries that were read ahead: a part of Stripe's state of these customers.
    ahead: HashMap<String, StripeState>,
    /// How many entries are in memory.
    entries_in_memory: usize,
    /// The entries that cannot be read and were logged.
    unreadable: BTreeSet<UnreadableEntry>,
    pub counts: Counts,
}

/// The counts of list entries in an invocation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Entries of lists of customers' objects.
    pub entries: usize,
    /// Those of customers that are not ours, or without a customer.
    pub foreign: usize,
    /// Those that cannot be read.
    pub unreadable: usize,
}

struct Customer {
    version: CustomerVersion,
    /// Whether a list named an object of it.
    is_listed: bool,
    /// Whether the list of the customers named it.
    exists: bool,
    difference: Difference,
}

/// The result of a customer's comparison.
enum Difference {
    /// No difference so far.
    None,
    /// It differs: the listed objects so far.
    Differs(Box<StripeState>),
    /// It differs, and its objects must be fetched again.
    Unread,
    /// It does not exist at Stripe.
    Missing,
}

impl Customers {
    /// Reads the version of every customer.
    pub async fn read_versions(store: &Store<Sweeper>) -> Result<Self, StoreError> {
        let (mut all, mut place) = (HashMap::new(), None);
        loop {
            let page = store.customer_versions(place.as_ref()).await?;
            all.extend(page.items.into_iter().map(|version| {
                let id = version.stripe_customer_id.clone();
                (id, Customer { version, is_listed: false, exists: false, difference: Difference::None })
            }));
            place = page.next;
            if place.is_none() {
                let (ahead, unreadable) = (HashMap::new(), BTreeSet::new());
                return Ok(Self { all, ahead, entries_in_memory: 0, unreadable, counts: Counts::default() });
            }
        }
    }

    /// Resumes with a page that an earlier invocation has read.
    pub fn resume_page(&mut self, page: &ReconciledPage) {
        let is_of_customers = page.list == List::Customers.name();
        for id in &page.customers {
            if let Some(customer) = self.all.get_mut(id) {
                customer.exists |= is_of_customers;
                customer.is_listed |= !is_of_customers;
            }
        }
        if !page.is_repaired {
            for id in &page.differing {
                self.mark_unread(id);
            }
        }
    }

    /// Marks a customer whose objects have to be read again; `false` if it is not ours any more.
    pub fn mark_unread(&mut self, id: &str) -> bool {
        let Some(customer) = self.all.get_mut(id) else { return false };
        if let Difference::Differs(stripe_state) = mem::replace(&mut customer.difference, Difference::Unread) {
            self.entries_in_memory -= size(&stripe_state);
        }
        true
    }

    /// Our customers that a page names.
    pub fn named_on(&self, page: &Page<Named>) -> Vec<String> {
        let named: BTreeSet<_> = page.items.iter().map(|named| &named.customer).collect();
        named.into_iter().filter(|id| self.all.contains_key(*id)).cloned().collect()
    }

    /// Adds a page and returns the states to compare, of customers that are not known to differ.
    pub fn add_page(&mut self, page: Page<Named>) -> Vec<(String, UserId, StripeState)> {
        self.counts.entries += page.entries;
        self.counts.unreadable += page.unreadable.len();
        self.counts.foreign += page.entries - page.unreadable.len() - page.items.len();
        for entry in page.unreadable {
            // Two lists may contain it.
            if !self.unreadable.contains(&entry) {
                entry.log();
                self.unreadable.insert(entry);
            }
        }
        let mut stripe_state: BTreeMap<String, StripeState> = BTreeMap::new();
        for Named { customer: id, entry, is_ahead } in page.items {
            let Some(customer) = self.all.get_mut(&id) else {
                self.counts.foreign += 1;
                continue;
            };
            if matches!(entry, Entry::Customer) {
                customer.exists = true;
                continue;
            }
            customer.is_listed = true;
            if is_ahead {
                add(self.ahead.entry(id.clone()).or_default(), entry.clone());
                self.entries_in_memory += 1;
            }
            add(stripe_state.entry(id).or_default(), entry);
        }
        let mut undecided = Vec::new();
        for (id, entries) in stripe_state {
            let Some(customer) = self.all.get_mut(&id) else { continue };
            match &mut customer.difference {
                Difference::None => {
                    let mut stripe_state = self.ahead.get(&id).cloned().unwrap_or_default();
                    merge(&mut stripe_state, entries);
                    undecided.push((id, customer.version.user_id, stripe_state));
                }
                Difference::Differs(stripe_state) => {
                    self.entries_in_memory -= size(stripe_state);
                    merge(stripe_state, entries);
                    shrink(stripe_state);
                    self.entries_in_memory += size(stripe_state);
                    if self.entries_in_memory > MAX_ENTRIES {
                        self.mark_unread(&id);
                    }
                }
                Difference::Unread | Difference::Missing => {}
            }
        }
        undecided
    }

    /// Stores the listed objects of a customer that differs.
    pub fn keep_entries(&mut self, id: &str, mut stripe_state: StripeState) {
        let Some(customer) = self.all.get_mut(id) else { return };
        shrink(&mut stripe_state);
        self.entries_in_memory += size(&stripe_state);
        customer.difference = Difference::Differs(Box::new(stripe_state));
        if self.entries_in_memory > MAX_ENTRIES {
            self.mark_unread(id);
        }
    }

    /// Clears which customers the list of the customers has named: it is read again.
    pub fn forget_existence(&mut self) {
        self.all.values_mut().for_each(|customer| customer.exists = false);
    }

    /// Marks the customers that no page of the list of the customers has named.
    pub fn find_missing(&mut self) {
        for customer in self.all.values_mut().filter(|customer| !customer.exists) {
            customer.difference = Difference::Missing;
        }
    }

    /// The customers that are still to be repaired, in a fixed order.
    pub fn to_repair(&self) -> Vec<String> {
        let differs = |customer: &Customer| !matches!(customer.difference, Difference::None);
        let mut ids: Vec<_> =
            self.all.iter().filter(|(_, customer)| differs(customer)).map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    }

    /// Removes and returns the state of a customer that differs.
    pub fn take(&mut self, id: &str) -> Option<(CustomerVersion, Listed)> {
        let customer = self.all.get_mut(id)?;
        let listed = match mem::replace(&mut customer.difference, Difference::None) {
            Difference::None => return None,
            Difference::Differs(stripe_state) => Listed::There(*stripe_state),
            Difference::Unread => Listed::Unread,
            Difference::Missing if customer.is_listed => Listed::Gone,
            Difference::Missing => Listed::Nowhere,
        };
        Some((customer.version.clone(), listed))
    }
}

fn size(stripe_state: &StripeState) -> usize {
    stripe_state.subscriptions.len() + stripe_state.invoices.len() + stripe_state.charges.len()
}

/// Frees the memory that is reserved for further entries: two thirds of all, as most customers have one of each.
fn shrink(stripe_state: &mut StripeState) {
    for subscription in &mut stripe_state.subscriptions {
        subscription.items.shrink_to_fit();
    }
    for invoice in &mut stripe_state.invoices {
        invoice.stripe_price_ids.shrink_to_fit();
        invoice.payment_intents.shrink_to_fit();
    }
    stripe_state.subscriptions.shrink_to_fit();
    stripe_state.invoices.shrink_to_fit();
    stripe_state.charges.shrink_to_fit();
}

fn add(stripe_state: &mut StripeState, entry: Entry) {
    match entry {
        Entry::Subscription(subscription) => stripe_state.subscriptions.push(*subscription),
        Entry::Invoice(invoice) => add_invoice(stripe_state, *invoice),
        Entry::Charge(charge) => add_charge(stripe_state, charge),
        Entry::Customer => {}
    }
}

fn merge(stripe_state: &mut StripeState, more: StripeState) {
    stripe_state.subscriptions.extend(more.subscriptions);
    more.invoices.into_iter().for_each(|invoice| add_invoice(stripe_state, invoice));
    more.charges.into_iter().for_each(|charge| add_charge(stripe_state, charge));
}

/// An invoice on two lists: the version that was read last counts.
fn add_invoice(stripe_state: &mut StripeState, invoice: Invoice) {
    match stripe_state.invoices.iter_mut().find(|known| known.stripe_id == invoice.stripe_id) {
        Some(known) => *known = invoice,
        None => stripe_state.invoices.push(invoice),
    }
}

/// A charge on two lists: the version that was read first counts, because that of a dispute has the dispute's state.
fn add_charge(stripe_state: &mut StripeState, charge: Charge) {
    if !stripe_state.charges.iter().any(|known| known.stripe_id == charge.stripe_id) {
        stripe_state.charges.push(charge);
    }
}
