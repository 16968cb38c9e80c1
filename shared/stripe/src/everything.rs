//! All that Stripe has, a hundred with each call: what reconciliation compares.

use crate::client::{Gateway, GatewayError};
use crate::lists::Counted;
use crate::reads::{Looking, NEWEST, charge, every_invoice, every_subscription, id_of, invoice, subscription};
use jiff::Timestamp;
use stripe_billing::invoice::ListInvoice;
use stripe_core::charge::ListCharge;
use stripe_core::customer::ListCustomer;
use stripe_core::dispute::ListDispute;
use stripe_core::refund::ListRefund;
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;
use stripe_shared::InvoiceStatus;
use stripe_types::{Expandable, List, RangeBoundsTs, RangeQueryTs};
use tollgate_domain::billing::{Charge, Invoice, Subscription};

/// A part of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// After which of Stripe's ids the next one starts; `None` after the last.
    pub next: Option<String>,
}

/// A product as Stripe has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Stripe's id.
    pub stripe_id: String,
    /// Its name.
    pub name: String,
    /// Whether it is not archived.
    pub is_active: bool,
}

/// A price as Stripe has it: amount and currency never change there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Stripe's id.
    pub stripe_id: String,
    /// Whether it is not archived.
    pub is_active: bool,
}

/// A page of `list`, each entry as `of` makes it of it; those that it makes nothing of are left out.
fn page<T, U>(
    list: List<T>,
    counted: &Counted<'_, Gateway>,
    id: impl Fn(&T) -> String,
    of: impl Fn(T) -> Result<Option<U>, GatewayError>,
) -> Result<Page<U>, GatewayError> {
    let has_more = list.has_more;
    let entries = counted.all(list.data)?;
    let next = entries.last().filter(|_| has_more).map(id);
    let items = entries.into_iter().filter_map(|entry| of(entry).transpose()).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}

fn since(at: Timestamp) -> RangeQueryTs {
    RangeQueryTs::Bounds(RangeBoundsTs { gte: Some(at.as_second()), ..RangeBoundsTs::default() })
}

/// The customer of an expanded charge, and what became of it.
fn of_charge(seen: Option<Expandable<stripe_shared::Charge>>) -> Option<(String, Charge)> {
    let Some(Expandable::Object(seen)) = seen else { return None };
    Some((id_of(seen.customer.as_ref()?), charge(&seen)?))
}

impl Gateway {
    /// The customers, by Stripe's id. Those that are gone are not among them.
    ///
    /// # Errors
    /// See [`GatewayError`], here and below.
    pub fn customers<'a>(&'a self, after: Option<String>) -> Looking<'a, Page<String>> {
        Box::pin(async move {
            let list = Counted::new(self);
            let mut call = ListCustomer::new().limit(NEWEST);
            if let Some(after) = after {
                call = call.starting_after(after);
            }
            page(call.send(&list).await?, &list, |c| c.id.to_string(), |c| Ok(Some(c.id.to_string())))
        })
    }

    /// The subscriptions of every status, each with its customer.
    pub fn subscriptions<'a>(&'a self, after: Option<String>) -> Looking<'a, Page<(String, Subscription)>> {
        Box::pin(async move {
            let list = Counted::new(self);
            let mut call = every_subscription();
            if let Some(after) = after {
                call = call.starting_after(after);
            }
            let of = |seen: stripe_shared::Subscription| Ok(Some((id_of(&seen.customer), subscription(seen)?)));
            page(call.send(&list).await?, &list, |s| s.id.to_string(), of)
        })
    }

    /// The invoices that are open, each with its customer.
    pub fn open_invoices<'a>(&'a self, after: Option<String>) -> Looking<'a, Page<(String, Invoice)>> {
        self.invoices(every_invoice().status(InvoiceStatus::Open), after)
    }

    /// The invoices that were made since then, each with its customer.
    pub fn invoices_since<'a>(&'a self, at: Timestamp, after: Option<String>) -> Looking<'a, Page<(String, Invoice)>> {
        self.invoices(every_invoice().created(since(at)), after)
    }

    fn invoices<'a>(&'a self, call: ListInvoice, after: Option<String>) -> Looking<'a, Page<(String, Invoice)>> {
        Box::pin(async move {
            let list = Counted::new(self);
            let call = match after {
                Some(after) => call.starting_after(after),
                None => call,
            };
            let id = |seen: &stripe_shared::Invoice| seen.id.as_ref().map(ToString::to_string).unwrap_or_default();
            let of = |seen: stripe_shared::Invoice| match seen.customer.as_ref().map(id_of) {
                Some(customer) => Ok(Some((customer, invoice(seen)?))),
                None => Ok(None),
            };
            page(call.send(&list).await?, &list, id, of)
        })
    }

    /// The charges that were made since then, each with its customer: whatever they were for.
    pub fn charges_since<'a>(&'a self, at: Timestamp, after: Option<String>) -> Looking<'a, Page<(String, Charge)>> {
        Box::pin(async move {
            let list = Counted::new(self);
            let mut call = ListCharge::new().created(since(at)).limit(NEWEST);
            if let Some(after) = after {
                call = call.starting_after(after);
            }
            let id = |charge: &stripe_shared::Charge| charge.id.to_string();
            page(call.send(&list).await?, &list, id, |seen| Ok(of_charge(Some(Expandable::Object(Box::new(seen))))))
        })
    }

    /// What became of the charges of which something went back since then, each with its customer.
    pub fn refunds_since<'a>(&'a self, at: Timestamp, after: Option<String>) -> Looking<'a, Page<(String, Charge)>> {
        Box::pin(async move {
            let list = Counted::new(self);
            let mut call = ListRefund::new().created(since(at)).expand(vec!["data.charge".to_owned()]).limit(NEWEST);
            if let Some(after) = after {
                call = call.starting_after(after);
            }
            page(call.send(&list).await?, &list, |r| r.id.to_string(), |refund| Ok(of_charge(refund.charge)))
        })
    }

    /// What became of the charges that are disputed since then, each with its customer.
    pub fn disputes_since<'a>(&'a self, at: Timestamp, after: Option<String>) -> Looking<'a, Page<(String, Charge)>> {
        Box::pin(async move {
            let list = Counted::new(self);
            let mut call = ListDispute::new().created(since(at)).expand(vec!["data.charge".to_owned()]).limit(NEWEST);
            if let Some(after) = after {
                call = call.starting_after(after);
            }
            page(call.send(&list).await?, &list, |d| d.id.to_string(), |dispute| Ok(of_charge(Some(dispute.charge))))
        })
    }

    /// The products, archived ones too.
    pub fn products<'a>(&'a self, after: Option<String>) -> Looking<'a, Page<Product>> {
        Box::pin(async move {
            let list = Counted::new(self);
            let mut call = ListProduct::new().limit(NEWEST);
            if let Some(after) = after {
                call = call.starting_after(after);
            }
            let of = |seen: stripe_shared::Product| {
                Ok(Some(Product { stripe_id: seen.id.to_string(), name: seen.name, is_active: seen.active }))
            };
            page(call.send(&list).await?, &list, |p| p.id.to_string(), of)
        })
    }

    /// The prices, archived ones too.
    pub fn prices<'a>(&'a self, after: Option<String>) -> Looking<'a, Page<Price>> {
        Box::pin(async move {
            let list = Counted::new(self);
            let mut call = ListPrice::new().limit(NEWEST);
            if let Some(after) = after {
                call = call.starting_after(after);
            }
            let of =
                |seen: stripe_shared::Price| Ok(Some(Price { stripe_id: seen.id.to_string(), is_active: seen.active }));
            page(call.send(&list).await?, &list, |p| p.id.to_string(), of)
        })
    }
}
