//! Stripe's lists, in the order in which they are read.

use jiff::Timestamp;
use tollgate_domain::billing::{Charge, Invoice, StripeSubscription};
use tollgate_stripe::{Gateway, GatewayError, Page};

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The invoices that are open.
    OpenInvoices,
    /// The disputes that were created since the last run, each with its charge.
    Disputes,
    /// The subscriptions of every status.
    Subscriptions,
    /// The invoices that were created since the last run.
    Invoices,
    /// The charges that were created since the last run.
    Charges,
    /// The refunds that were created since the last run, each with its charge.
    Refunds,
    /// The customers.
    Customers,
    /// The products.
    Products,
    /// The prices.
    Prices,
}

/// The lists whose entries are held in memory for the whole invocation. The unpaid amount of a subscription is derived
/// from its open invoices, and the state of a dispute only from the dispute.
pub const AHEAD: &[List] = &[List::OpenInvoices, List::Disputes];

/// The lists whose position is stored. A payment belongs to a subscription and a charge to an invoice, so those come
/// first; a customer counts as missing after all the others were read.
pub const POSITIONED: &[List] =
    &[List::Subscriptions, List::Invoices, List::Charges, List::Refunds, List::Customers, List::Products, List::Prices];

/// An entry of a list, and its customer.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The customer, by Stripe's id.
    pub customer: String,
    /// The entry.
    pub entry: Entry,
    /// Whether it is held in memory for the whole invocation.
    pub is_ahead: bool,
}

/// An entry.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A subscription.
    Subscription(Box<StripeSubscription>),
    /// An invoice.
    Invoice(Box<Invoice>),
    /// A charge.
    Charge(Charge),
    /// The customer itself.
    Customer,
}

impl List {
    /// The name under which the position is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenInvoices => "open_invoices",
            Self::Disputes => "disputes",
            Self::Subscriptions => "subscriptions",
            Self::Invoices => "invoices",
            Self::Charges => "charges",
            Self::Refunds => "refunds",
            Self::Customers => "customers",
            Self::Products => "products",
            Self::Prices => "prices",
        }
    }

    /// The page after one of Stripe's ids.
    pub async fn read(
        self,
        gateway: &Gateway,
        since: Timestamp,
        after: Option<String>,
    ) -> Result<Page<Listed>, GatewayError> {
        let subscription = |subscription| Entry::Subscription(Box::new(subscription));
        let invoice = |invoice| Entry::Invoice(Box::new(invoice));
        Ok(match self {
            Self::OpenInvoices => self.page(gateway.open_invoices(after).await?, invoice),
            Self::Disputes => self.page(gateway.disputes_since(since, after).await?, Entry::Charge),
            Self::Subscriptions => self.page(gateway.subscriptions(after).await?, subscription),
            Self::Invoices => self.page(gateway.invoices_since(since, after).await?, invoice),
            Self::Charges => self.page(gateway.charges_since(since, after).await?, Entry::Charge),
            Self::Refunds => self.page(gateway.refunds_since(since, after).await?, Entry::Charge),
            Self::Customers => self.page(unpaired(gateway.customers(after).await?), |()| Entry::Customer),
            // They have no customer: `plans` reads them.
            Self::Products | Self::Prices => Page { items: Vec::new(), next: None, entries: 0, unreadable: Vec::new() },
        })
    }

    fn page<T>(self, page: Page<(String, T)>, of: impl Fn(T) -> Entry) -> Page<Listed> {
        let is_ahead = AHEAD.contains(&self);
        let listed = |(customer, entry)| Listed { customer, entry: of(entry), is_ahead };
        let Page { items, next, entries, unreadable } = page;
        Page { items: items.into_iter().map(listed).collect(), next, entries, unreadable }
    }
}

fn unpaired(page: Page<String>) -> Page<(String, ())> {
    let Page { items, next, entries, unreadable } = page;
    Page { items: items.into_iter().map(|customer| (customer, ())).collect(), next, entries, unreadable }
}
