//! Listings of all objects at Stripe, a hundred with each call, for reconciliation.

use crate::client::{Gateway, GatewayError};
use crate::lists::{List, ListParams, UnreadableEntry, UnreadableError};
use crate::objects::{self, Expandable};
use crate::reads::{BoxFuture, charge, dispute, every_invoice, every_subscription, invoice, subscription};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tollgate_domain::billing::{Charge, Invoice, StripeSubscription};

/// A part of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The id after which the next page starts; `None` on the last page.
    pub next: Option<String>,
    /// How many entries Stripe sent.
    pub entries: usize,
    /// Those of them that cannot be read. They are not logged.
    pub unreadable: Vec<UnreadableEntry>,
}

/// A product in Stripe's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Stripe's id.
    pub stripe_id: String,
    /// Its name.
    pub name: String,
    /// Whether it is not archived.
    pub is_active: bool,
}

/// A price in Stripe's state: amount and currency never change there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Stripe's id.
    pub stripe_id: String,
    /// Whether it is not archived.
    pub is_active: bool,
}

/// A page of `list`, each entry converted by `of`; entries without a result are left out.
fn page<T: DeserializeOwned, U>(
    list: &List,
    of: impl Fn(T) -> Result<Option<U>, UnreadableError>,
) -> Result<Page<U>, GatewayError> {
    let (items, unreadable) = list.split(of);
    Ok(Page { items, next: list.next()?, entries: list.len(), unreadable })
}

/// A charge with its customer; `None` for one without a customer.
type ReadCharge = Result<Option<(String, Charge)>, UnreadableError>;

fn of_charge(object: objects::Charge) -> ReadCharge {
    let Some(customer) = object.customer.clone() else { return Ok(None) };
    Ok(charge(object)?.map(|charge| (customer.0, charge)))
}

/// The same for an object with an expanded charge.
fn of_expanded(object: Option<Expandable<objects::Charge>>) -> ReadCharge {
    match object {
        Some(Expandable { object: Some(object), .. }) => of_charge(object),
        Some(Expandable { object: None, .. }) => Err(UnreadableError),
        None => Ok(None),
    }
}

/// The charge of a dispute, with the dispute's state.
fn of_dispute(object: objects::Dispute) -> ReadCharge {
    let dispute = Some(dispute(&object));
    Ok(of_expanded(object.charge)?.map(|(customer, charge)| (customer, Charge { dispute, ..charge })))
}

impl Gateway {
    /// The customers, by Stripe's id, without deleted ones.
    ///
    /// # Errors
    /// See [`GatewayError`], here and below.
    pub fn customers<'a>(&'a self, after: Option<String>) -> BoxFuture<'a, Page<String>> {
        Box::pin(async move {
            let params = ListParams { starting_after: after.as_deref(), ..ListParams::default() };
            let list = self.list("/customers", params).await?;
            // No customer may be missing, as it would count as deleted. Only the id is read.
            let customers: Vec<objects::Customer> = list.read_whole()?;
            let items = customers.into_iter().map(|customer| customer.id).collect();
            Ok(Page { items, next: list.next()?, entries: list.len(), unreadable: Vec::new() })
        })
    }

    /// The subscriptions of every status, each with its customer.
    pub fn subscriptions<'a>(&'a self, after: Option<String>) -> BoxFuture<'a, Page<(String, StripeSubscription)>> {
        Box::pin(async move {
            let params = ListParams { starting_after: after.as_deref(), ..every_subscription() };
            let list = self.list("/subscriptions", params).await?;
            let coupons = self.coupons(&list).await?;
            let of =
                |object: objects::Subscription| Ok(Some((object.customer.0.clone(), subscription(object, &coupons)?)));
            page(&list, of)
        })
    }

    /// The invoices that are open, each with its customer.
    pub fn open_invoices<'a>(&'a self, after: Option<String>) -> BoxFuture<'a, Page<(String, Invoice)>> {
        self.invoices(ListParams { status: Some("open"), ..every_invoice() }, after)
    }

    /// The invoices that were created since then, each with its customer.
    pub fn invoices_since<'a>(
        &'a self,
        at: Timestamp,
        after: Option<String>,
    ) -> BoxFuture<'a, Page<(String, Invoice)>> {
        self.invoices(ListParams { created: Some(at.into()), ..every_invoice() }, after)
    }

    fn invoices<'a>(
        &'a self,
        params: ListParams<'static>,
        after: Option<String>,
    ) -> BoxFuture<'a, Page<(String, Invoice)>> {
        Box::pin(async move {
            let params = ListParams { starting_after: after.as_deref(), ..params };
            let of = |object: objects::Invoice| match object.customer.clone() {
                Some(customer) => Ok(Some((customer.0, invoice(object)?))),
                None => Ok(None),
            };
            page(&self.list("/invoices", params).await?, of)
        })
    }

    /// The charges that were created since then, each with its customer, for any purpose.
    pub fn charges_since<'a>(&'a self, at: Timestamp, after: Option<String>) -> BoxFuture<'a, Page<(String, Charge)>> {
        Box::pin(async move {
            let created = Some(at.into());
            let params = ListParams { created, starting_after: after.as_deref(), ..ListParams::default() };
            page(&self.list("/charges", params).await?, of_charge)
        })
    }

    /// The charges that were refunded since then, each with its customer.
    pub fn refunds_since<'a>(&'a self, at: Timestamp, after: Option<String>) -> BoxFuture<'a, Page<(String, Charge)>> {
        self.of_charges("/refunds", at, after, |object: objects::Refund| of_expanded(object.charge))
    }

    /// The charges that were disputed since then, each with its customer.
    pub fn disputes_since<'a>(&'a self, at: Timestamp, after: Option<String>) -> BoxFuture<'a, Page<(String, Charge)>> {
        self.of_charges("/disputes", at, after, of_dispute)
    }

    fn of_charges<'a, T: DeserializeOwned + 'a>(
        &'a self,
        path: &'static str,
        at: Timestamp,
        after: Option<String>,
        of: fn(T) -> ReadCharge,
    ) -> BoxFuture<'a, Page<(String, Charge)>> {
        Box::pin(async move {
            let (created, expand) = (Some(at.into()), &["data.charge"]);
            let params = ListParams { created, expand, starting_after: after.as_deref(), ..ListParams::default() };
            page(&self.list(path, params).await?, of)
        })
    }

    /// The products, archived ones too.
    pub fn products<'a>(&'a self, after: Option<String>) -> BoxFuture<'a, Page<Product>> {
        Box::pin(async move {
            let params = ListParams { starting_after: after.as_deref(), ..ListParams::default() };
            page(&self.list("/products", params).await?, |object: objects::Product| {
                Ok(Some(Product { stripe_id: object.id, name: object.name, is_active: object.active }))
            })
        })
    }

    /// The prices, archived ones too.
    pub fn prices<'a>(&'a self, after: Option<String>) -> BoxFuture<'a, Page<Price>> {
        Box::pin(async move {
            let params = ListParams { starting_after: after.as_deref(), ..ListParams::default() };
            page(&self.list("/prices", params).await?, |object: objects::Price| {
                Ok(Some(Price { stripe_id: object.id, is_active: object.active.ok_or(UnreadableError)? }))
            })
        })
    }
}
