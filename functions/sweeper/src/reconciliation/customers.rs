//! Our customers during a run: the version of each, whether Stripe has named it, and what Stripe lists of those that differ.

use super::lists::{Entry, List, Listed as Named};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use tollgate_convergence::Listed;
use tollgate_domain::UserId;
use tollgate_domain::billing::{Charge, Invoice, Seen};
use tollgate_store::{CustomerVersion, ReconciledPage, Store, StoreError};
use tollgate_stripe::{Page, UnreadableEntry};

/// So many entries of lists are kept in memory: about 100 MB at the most. Of a customer beyond that all is read again.
const MAX_KEPT: usize = 100_000;

/// All customers, by Stripe's id.
pub struct Customers {
    all: HashMap<String, Customer>,
    /// What was read ahead, and is a part of what Stripe lists of these.
    ahead: HashMap<String, Seen>,
    /// How many entries are in memory.
    kept: usize,
    /// The entries that cannot be read and were logged.
    unreadable: BTreeSet<UnreadableEntry>,
    pub counts: Counts,
}

/// What the lists of an invocation held.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Entries of lists of customers' objects.
    pub entries: usize,
    /// Those of customers that are not ours, or of none.
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

/// What is known of a customer's state.
enum Difference {
    /// So far it is stored as Stripe has it.
    None,
    /// It differs: what the lists say of it so far.
    Kept(Box<Seen>),
    /// It differs, and what the lists say has to be read again.
    Unread,
    /// Stripe does not have it.
    Missing,
}

impl Customers {
    /// Notes the version of every customer.
    pub async fn note(store: &Store) -> Result<Self, StoreError> {
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
                return Ok(Self { all, ahead, kept: 0, unreadable, counts: Counts::default() });
            }
        }
    }

    /// Takes up what an earlier invocation has read.
    pub fn take_up(&mut self, page: &ReconciledPage) {
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

    /// Marks a customer as one whose objects have to be read again; `false` if it is not ours any more.
    pub fn mark_unread(&mut self, id: &str) -> bool {
        let Some(customer) = self.all.get_mut(id) else { return false };
        if let Difference::Kept(seen) = mem::replace(&mut customer.difference, Difference::Unread) {
            self.kept -= size(&seen);
        }
        true
    }

    /// Our customers that a page names.
    pub fn named_on(&self, page: &Page<Named>) -> Vec<String> {
        let named: BTreeSet<_> = page.items.iter().map(|named| &named.customer).collect();
        named.into_iter().filter(|id| self.all.contains_key(*id)).cloned().collect()
    }

    /// Takes a page in. Of customers that are not known to differ, what has to be compared.
    pub fn take_in(&mut self, page: Page<Named>) -> Vec<(String, UserId, Seen)> {
        self.counts.entries += page.entries;
        self.counts.unreadable += page.unreadable.len();
        self.counts.foreign += page.entries - page.unreadable.len() - page.items.len();
        for entry in page.unreadable {
            // Two lists may have it.
            if !self.unreadable.contains(&entry) {
                entry.log();
                self.unreadable.insert(entry);
            }
        }
        let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
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
                self.kept += 1;
            }
            add(seen.entry(id).or_default(), entry);
        }
        let mut undecided = Vec::new();
        for (id, entries) in seen {
            let Some(customer) = self.all.get_mut(&id) else { continue };
            match &mut customer.difference {
                Difference::None => {
                    let mut seen = self.ahead.get(&id).cloned().unwrap_or_default();
                    merge(&mut seen, entries);
                    undecided.push((id, customer.version.user_id, seen));
                }
                Difference::Kept(seen) => {
                    self.kept -= size(seen);
                    merge(seen, entries);
                    shrink(seen);
                    self.kept += size(seen);
                    if self.kept > MAX_KEPT {
                        self.mark_unread(&id);
                    }
                }
                Difference::Unread | Difference::Missing => {}
            }
        }
        undecided
    }

    /// Keeps what the lists say of a customer that differs.
    pub fn keep(&mut self, id: &str, mut seen: Seen) {
        let Some(customer) = self.all.get_mut(id) else { return };
        shrink(&mut seen);
        self.kept += size(&seen);
        customer.difference = Difference::Kept(Box::new(seen));
        if self.kept > MAX_KEPT {
            self.mark_unread(id);
        }
    }

    /// Forgets which customers the list of the customers has named: it is read again.
    pub fn forget_existence(&mut self) {
        self.all.values_mut().for_each(|customer| customer.exists = false);
    }

    /// Marks the customers that no page of the list of the customers has named.
    pub fn find_missing(&mut self) {
        for customer in self.all.values_mut().filter(|customer| !customer.exists) {
            customer.difference = Difference::Missing;
        }
    }

    /// The customers that are still to be repaired, in an order that is always the same.
    pub fn to_repair(&self) -> Vec<String> {
        let differs = |customer: &Customer| !matches!(customer.difference, Difference::None);
        let mut ids: Vec<_> =
            self.all.iter().filter(|(_, customer)| differs(customer)).map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    }

    /// Takes out what is known of a customer that differs.
    pub fn take(&mut self, id: &str) -> Option<(CustomerVersion, Listed)> {
        let customer = self.all.get_mut(id)?;
        let listed = match mem::replace(&mut customer.difference, Difference::None) {
            Difference::None => return None,
            Difference::Kept(seen) => Listed::There(*seen),
            Difference::Unread => Listed::Unread,
            Difference::Missing if customer.is_listed => Listed::Gone,
            Difference::Missing => Listed::Nowhere,
        };
        Some((customer.version.clone(), listed))
    }
}

fn size(seen: &Seen) -> usize {
    seen.subscriptions.len() + seen.invoices.len() + seen.charges.len()
}

/// Gives back the memory that is reserved for further entries: two thirds of all, as most customers have one of each.
fn shrink(seen: &mut Seen) {
    for subscription in &mut seen.subscriptions {
        subscription.items.shrink_to_fit();
    }
    for invoice in &mut seen.invoices {
        invoice.stripe_price_ids.shrink_to_fit();
        invoice.payment_intents.shrink_to_fit();
    }
    seen.subscriptions.shrink_to_fit();
    seen.invoices.shrink_to_fit();
    seen.charges.shrink_to_fit();
}

fn add(seen: &mut Seen, entry: Entry) {
    match entry {
        Entry::Subscription(subscription) => seen.subscriptions.push(*subscription),
        Entry::Invoice(invoice) => add_invoice(seen, *invoice),
        Entry::Charge(charge) => add_charge(seen, charge),
        Entry::Customer => {}
    }
}

fn merge(seen: &mut Seen, more: Seen) {
    seen.subscriptions.extend(more.subscriptions);
    more.invoices.into_iter().for_each(|invoice| add_invoice(seen, invoice));
    more.charges.into_iter().for_each(|charge| add_charge(seen, charge));
}

/// An invoice that two lists have is the one that was read last.
fn add_invoice(seen: &mut Seen, invoice: Invoice) {
    match seen.invoices.iter_mut().find(|known| known.stripe_id == invoice.stripe_id) {
        Some(known) => *known = invoice,
        None => seen.invoices.push(invoice),
    }
}

/// A charge that two lists have is the one that was read first: that of a dispute says where the dispute is.
fn add_charge(seen: &mut Seen, charge: Charge) {
    if !seen.charges.iter().any(|known| known.stripe_id == charge.stripe_id) {
        seen.charges.push(charge);
    }
}
