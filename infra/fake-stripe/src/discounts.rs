//! Coupons and their discounts, on a subscription or on one of its items. A discount names its coupon under `source`.

use crate::calendar::after;
use crate::call::Answered;
use crate::core::Core;
use crate::error::ApiError;
use crate::items::{amount_of, items_of};
use crate::params::Params;
use serde_json::{Map, Value, json};

/// The prefix of a coupon's id in the place of a discount that does not exist yet.
const TO_REDEEM: &str = "redeem ";

/// How long a coupon applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duration {
    Forever,
    Once,
    Months(i64),
}

/// The reduction by a coupon.
#[derive(Debug, Clone, PartialEq)]
pub enum Off {
    Percent(f64),
    Amount { cents: i64, currency: String },
}

/// An amount of an invoice, before discounts.
pub struct Gross<'a> {
    /// The item that it is for.
    pub item: &'a Value,
    pub amount: i64,
    /// A discount applies until its end.
    pub at: i64,
}

/// The reduction of an amount by a discount.
pub struct Cut {
    pub discount: String,
    pub amount: i64,
}

/// The call that creates a coupon.
pub fn make_coupon(core: &mut Core, mut params: Params) -> Answered {
    let (id, name) = (params.take("id"), params.take("name"));
    let percent = params.take("percent_off");
    let (amount, currency) = (params.number("amount_off")?, params.take("currency"));
    let (duration, months) = (params.take("duration"), params.number("duration_in_months")?);
    let metadata = params.map("metadata");
    params.finish()?;
    let wrong = |param: &str, message: &str| ApiError { param: Some(param.to_owned()), ..ApiError::invalid(message) };
    let off = match (percent, amount) {
        (Some(text), None) => match text.parse() {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Off::Percent(percent),
            _ => return Err(wrong("percent_off", "This value must be greater than 0 and at most 100.")),
        },
        (None, Some(cents)) if cents > 0 => {
            let currency =
                currency.ok_or_else(|| wrong("currency", "You must pass currency when passing amount_off"))?;
            Off::Amount { cents, currency }
        }
        _ => return Err(wrong("percent_off", "Must provide exactly one of percent_off and amount_off.")),
    };
    let duration = match (duration.as_deref(), months) {
        (None | Some("once"), None) => Duration::Once,
        (Some("forever"), None) => Duration::Forever,
        (Some("repeating"), Some(months)) if months > 0 => Duration::Months(months),
        _ => return Err(wrong("duration", "Invalid duration, or a duration_in_months that does not fit it.")),
    };
    if let Some(id) = id.as_deref().filter(|id| core.record(id).is_some()) {
        return Err(ApiError::invalid("Coupon already exists.").code("resource_already_exists", id));
    }
    let id = core.new_coupon(id, &off, duration, name, metadata);
    Ok(core.object(&id))
}

impl Core {
    /// Creates a coupon and emits its event.
    pub fn new_coupon(
        &mut self,
        id: Option<String>,
        off: &Off,
        duration: Duration,
        name: Option<String>,
        metadata: Map<String, Value>,
    ) -> String {
        let id = id.unwrap_or_else(|| self.new_id("co"));
        let (percent, amount, currency) = match off {
            Off::Percent(percent) => (json!(percent), Value::Null, Value::Null),
            Off::Amount { cents, currency } => (Value::Null, json!(cents), json!(currency)),
        };
        let (duration, months) = match duration {
            Duration::Forever => ("forever", None),
            Duration::Once => ("once", None),
            Duration::Months(months) => ("repeating", Some(months)),
        };
        let coupon = json!({
            "id": id, "object": "coupon", "amount_off": amount, "created": self.now(), "currency": currency,
            "duration": duration, "duration_in_months": months, "livemode": false, "max_redemptions": null,
            "metadata": metadata, "name": name, "percent_off": percent, "redeem_by": null, "times_redeemed": 0,
            "valid": true,
        });
        self.insert(coupon.clone(), Value::Null);
        self.emit("coupon.created", &coupon, None);
        id
    }

    /// The discounts of the parameters `name[0][coupon]` or `name[0][discount]`; an empty `name` means none. A coupon
    /// whose discount is among `present` keeps that one; another one is redeemed later.
    pub fn discounts_in(
        &self,
        params: &mut Params,
        name: &str,
        currency: &Value,
        present: &Value,
    ) -> Result<Option<Value>, ApiError> {
        let mut ids: Vec<String> = Vec::new();
        let is_cleared = params.take(name).is_some_and(|text| text.is_empty());
        while params.any(&format!("{name}[{}]", ids.len())) {
            let named = |field: &str| format!("{name}[{}][{field}]", ids.len());
            let id = match (params.take(&named("coupon")), params.take(&named("discount"))) {
                (Some(coupon), None) => {
                    self.redeemable(&coupon, currency, &named("coupon"))?;
                    self.discount_or_coupon(&coupon, present)
                }
                (None, Some(id)) => {
                    let missing = || ApiError { status: 400, ..ApiError::missing("discount", &id) };
                    self.find("discount", &id).ok_or_else(missing)?;
                    id
                }
                _ => return Err(ApiError::invalid("A discount is given by its coupon, or by its id.")),
            };
            ids.push(id);
        }
        Ok((is_cleared || !ids.is_empty()).then(|| json!(ids)))
    }

    /// Checks that the coupon exists and has this currency.
    pub fn redeemable(&self, coupon: &str, currency: &Value, param: &str) -> Result<(), ApiError> {
        let missing =
            || ApiError { status: 400, ..ApiError::missing("coupon", coupon) }.code("resource_missing", param);
        let found = self.find("coupon", coupon).ok_or_else(missing)?;
        if found["currency"].is_null() || found["currency"] == *currency {
            return Ok(());
        }
        Err(ApiError::invalid("The coupon's currency is not that of the subscription."))
    }

    /// Redeems the coupons in the discount fields of a subscription: each becomes a discount.
    pub fn redeem_all(&mut self, subscription: &Value, fields: &mut Value) {
        self.redeem(subscription, None, fields.get_mut("discounts"));
        for item in fields.pointer_mut("/items/data").and_then(Value::as_array_mut).into_iter().flatten() {
            let id = item["id"].as_str().map(str::to_owned);
            self.redeem(subscription, id.as_deref(), item.get_mut("discounts"));
        }
    }

    fn redeem(&mut self, subscription: &Value, item: Option<&str>, discounts: Option<&mut Value>) {
        for id in discounts.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(coupon) = id.as_str().and_then(|id| id.strip_prefix(TO_REDEEM)) {
                *id = json!(self.new_discount(coupon, subscription, item));
            }
        }
    }

    fn new_discount(&mut self, coupon: &str, subscription: &Value, item: Option<&str>) -> String {
        let (found, now, id) = (self.object(coupon), self.now(), self.new_id("di"));
        let end = found["duration_in_months"].as_i64().map(|months| after(now, "month", months));
        let discount = json!({
            "id": id, "object": "discount", "checkout_session": null, "customer": subscription["customer"],
            "customer_account": null, "end": end, "invoice": null, "invoice_item": null, "promotion_code": null,
            "source": {"coupon": coupon, "type": "coupon"}, "start": now, "subscription": subscription["id"],
            "subscription_item": item,
        });
        self.insert(discount.clone(), Value::Null);
        let redeemed = found["times_redeemed"].as_i64().unwrap_or_default();
        self.set(coupon, "times_redeemed", json!(redeemed + 1));
        self.emit("customer.discount.created", &discount, None);
        id
    }

    /// The coupon of a discount, or of one that does not exist yet.
    fn coupon_of(&self, discount: &str) -> Value {
        match discount.strip_prefix(TO_REDEEM) {
            Some(coupon) => self.object(coupon),
            None => self.object(self.object(discount)["source"]["coupon"].as_str().unwrap_or_default()),
        }
    }

    /// The discount among these with this coupon, or else the coupon, which is redeemed later.
    pub fn discount_or_coupon(&self, coupon: &str, discounts: &Value) -> String {
        self.discount_of(coupon, discounts).unwrap_or_else(|| format!("{TO_REDEEM}{coupon}"))
    }

    /// The discount among these with this coupon.
    fn discount_of(&self, coupon: &str, discounts: &Value) -> Option<String> {
        let ids = discounts.as_array()?.iter().filter_map(Value::as_str);
        ids.map(str::to_owned).find(|id| self.object(id)["source"]["coupon"] == coupon)
    }

    /// The reductions by the discounts of a subscription and of its items, for each of these amounts: first those of
    /// the item, then those of the subscription. A fixed amount is shared among all amounts that the discount applies
    /// to.
    pub fn cuts(&self, subscription: &Value, amounts: &[Gross<'_>]) -> Vec<Vec<Cut>> {
        let mut cuts: Vec<Vec<Cut>> = amounts.iter().map(|_| Vec::new()).collect();
        for (gross, cuts) in amounts.iter().zip(&mut cuts) {
            for id in ids_of(&gross.item["discounts"]) {
                self.cut(id, &[gross], std::slice::from_mut(cuts));
            }
        }
        let all: Vec<&Gross<'_>> = amounts.iter().collect();
        for id in ids_of(&subscription["discounts"]) {
            self.cut(id, &all, &mut cuts);
        }
        cuts
    }

    fn cut(&self, id: &str, amounts: &[&Gross<'_>], cuts: &mut [Vec<Cut>]) {
        let (discount, coupon) = (self.object(id), self.coupon_of(id));
        let holds = |gross: &Gross<'_>| discount["end"].as_i64().is_none_or(|end| end > gross.at);
        let remaining = |gross: &Gross<'_>, cuts: &[Cut]| {
            if holds(gross) { gross.amount - cuts.iter().map(|cut| cut.amount).sum::<i64>() } else { 0 }
        };
        let lefts: Vec<i64> =
            amounts.iter().zip(cuts.iter()).map(|(gross, cuts)| remaining(gross, cuts).max(0)).collect();
        let whole: i64 = lefts.iter().sum();
        let mut off = coupon["amount_off"].as_i64().unwrap_or_default().min(whole);
        let mut rest = whole;
        for (remaining, cuts) in lefts.into_iter().zip(cuts) {
            let amount = match coupon["percent_off"].as_f64() {
                Some(percent) => part(remaining, percent),
                None if rest > 0 => {
                    i64::try_from(i128::from(off) * i128::from(remaining) / i128::from(rest)).unwrap_or_default()
                }
                None => 0,
            };
            (off, rest) = (off - amount, rest - remaining);
            if amount > 0 {
                cuts.push(Cut { discount: id.to_owned(), amount });
            }
        }
    }

    /// The cost of an item for a period after all discounts.
    pub fn net_amount(&self, subscription: &Value, item: &Value, at: i64) -> i64 {
        let items = items_of(subscription);
        let amounts: Vec<_> = items.iter().map(|item| Gross { item, amount: amount_of(item), at }).collect();
        let place = items.iter().position(|other| other["id"] == item["id"]);
        let cuts = self.cuts(subscription, &amounts);
        let off: i64 = place.and_then(|place| cuts.get(place)).into_iter().flatten().map(|cut| cut.amount).sum();
        amount_of(item) - off
    }

    /// Removes the discounts of a subscription and its items that have ended by `at`, or that apply once and were used.
    pub fn drop_discounts(&mut self, subscription: &str, at: i64, used: &[String]) {
        let object = self.object(subscription);
        let is_over = |id: &str| {
            let (discount, coupon) = (self.object(id), self.coupon_of(id));
            discount["end"].as_i64().is_some_and(|end| end <= at)
                || (coupon["duration"] == "once" && used.iter().any(|used| used == id))
        };
        let stored = |discounts: &Value| -> Value { ids_of(discounts).filter(|id| !is_over(id)).collect() };
        let mut items = object["items"].clone();
        for item in items["data"].as_array_mut().into_iter().flatten() {
            item["discounts"] = stored(&item["discounts"]);
        }
        let of_items = items_of(&object).iter().flat_map(|item| ids_of(&item["discounts"]));
        let gone: Vec<String> =
            ids_of(&object["discounts"]).chain(of_items).filter(|id| is_over(id)).map(str::to_owned).collect();
        if gone.is_empty() {
            return;
        }
        let fields = json!({"discounts": stored(&object["discounts"]), "items": items});
        self.change(subscription, "customer.subscription.updated", fields);
        for id in gone {
            let discount = self.object(&id);
            self.emit("customer.discount.deleted", &discount, None);
        }
    }
}

/// The ids in a list of discounts.
pub fn ids_of(discounts: &Value) -> impl Iterator<Item = &str> {
    discounts.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A percentage of an amount, rounded to a whole minor unit.
#[allow(clippy::cast_possible_truncation)] // percent, in units of a ten-thousandth
pub fn part(amount: i64, percent: f64) -> i64 {
    let ten_thousandths = (percent * 10_000.0).round() as i64;
    let (product, whole) = (i128::from(amount) * i128::from(ten_thousandths), 1_000_000);
    i64::try_from((2 * product + whole).div_euclid(2 * whole)).unwrap_or_default()
}
