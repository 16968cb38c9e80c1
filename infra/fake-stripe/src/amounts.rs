//! The amounts of an invoice: its lines, less discounts, with taxes, and the effect of the customer's balance and of
//! the minimum charge.

use crate::core::Core;
use crate::discounts::Gross;
use crate::items::items_of;
use crate::taxes::{added_up, tax_total, taxes_on};
use serde_json::{Value, json};

/// The sums of an invoice.
pub struct Totals {
    pub subtotal: i64,
    pub discounts: Vec<Value>,
    pub taxes: Vec<Value>,
    pub total: i64,
    /// The tax that is added to the prices.
    pub tax: i64,
    /// The tax that the prices include.
    pub included_tax: i64,
}

fn amount_of_line(line: &Value) -> i64 {
    line["amount"].as_i64().unwrap_or_default()
}

impl Core {
    /// Writes discounts and taxes into the lines of an invoice, and returns the sums of all lines.
    pub fn total_up(&self, subscription: &Value, lines: &mut [Value]) -> Totals {
        let none = Value::Null;
        let item_of = |line: &Value| {
            let id = &line["parent"]["subscription_item_details"]["subscription_item"];
            items_of(subscription).iter().find(|item| item["id"] == *id)
        };
        let items: Vec<&Value> = lines.iter().map(|line| item_of(line).unwrap_or(&none)).collect();
        // A proration is net of discounts.
        let mut amounts = Vec::new();
        for (line, item) in lines.iter().zip(&items) {
            let amount = if line["discountable"] == true { amount_of_line(line) } else { 0 };
            amounts.push(Gross { item, amount, at: line["period"]["start"].as_i64().unwrap_or_default() });
        }
        let cuts = self.cuts(subscription, &amounts);
        let mut discounts: Vec<(String, i64)> = Vec::new();
        for ((line, item), cuts) in lines.iter_mut().zip(&items).zip(&cuts) {
            let off: i64 = cuts.iter().map(|cut| cut.amount).sum();
            line["discount_amounts"] =
                cuts.iter().map(|cut| json!({"amount": cut.amount, "discount": cut.discount})).collect();
            line["taxes"] = taxes_on(subscription, item, amount_of_line(line) - off).into();
            for cut in cuts {
                match discounts.iter_mut().find(|(id, _)| *id == cut.discount) {
                    Some((_, amount)) => *amount += cut.amount,
                    None => discounts.push((cut.discount.clone(), cut.amount)),
                }
            }
        }
        let taxes = added_up(lines.iter().flat_map(|line| line["taxes"].as_array().into_iter().flatten()));
        let (tax, included_tax) = (tax_total(&taxes, "exclusive"), tax_total(&taxes, "inclusive"));
        let subtotal: i64 = lines.iter().map(amount_of_line).sum();
        let off: i64 = discounts.iter().map(|(_, amount)| amount).sum();
        let discounts = discounts.into_iter().map(|(id, amount)| json!({"amount": amount, "discount": id})).collect();
        Totals { subtotal, discounts, taxes, total: subtotal - off + tax, tax, included_tax }
    }
}
