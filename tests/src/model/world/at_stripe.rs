//! The steps in Stripe's dashboard and in its world.

use super::*;

impl World {
    pub(super) async fn at_stripe(&mut self, step: Step) -> Done {
        match step {
            Step::Pay { newest, card } => {
                let Some(page) = nth(&self.memory.pages, newest) else { return Ok(NOTHING.to_owned()) };
                self.press(path_of(page), format!("card={}", card.number())).await
            }
            Step::PaySecond { who, plan, card } => self.pay_second(who, plan, card).await,
            Step::PayInvoice { who, card } => {
                let open = self.of(who, "invoices").await.into_iter().find(|invoice| invoice["status"] == "open");
                let Some(open) = open else { return Ok(NOTHING.to_owned()) };
                let path = format!("/_stripe/invoice/{}", text(&open["id"]));
                self.press(&path, format!("card={}", card.number())).await
            }
            Step::Renew { who, outcome } => {
                let Some(live) = self.live(who).await else { return Ok(NOTHING.to_owned()) };
                let path = format!("subscriptions/{}/renew", text(&live["id"]));
                self.dashboard(&path, json!({"outcome": outcome})).await
            }
            Step::End { who } => {
                let Some(live) = self.live(who).await else { return Ok(NOTHING.to_owned()) };
                let id = text(&live["id"]).to_owned();
                let done = self.dashboard(&format!("subscriptions/{id}/cancel"), json!({})).await;
                self.memory.ended.push(id);
                done
            }
            Step::Refund { who, newest, is_whole } => {
                let Some(paid) = self.nth_paid(who, newest).await else { return Ok(NOTHING.to_owned()) };
                let part = int(&paid["amount_paid"]) / 3;
                let body = if is_whole { json!({}) } else { json!({"amount_cents": part}) };
                self.dashboard(&format!("invoices/{}/refund", text(&paid["id"])), body).await
            }
            Step::Dispute { who, newest } => {
                let Some(paid) = self.nth_paid(who, newest).await else { return Ok(NOTHING.to_owned()) };
                self.dashboard(&format!("invoices/{}/dispute", text(&paid["id"])), json!({})).await
            }
            Step::CloseDispute { newest, is_won } => self.close_dispute(newest, is_won).await,
            Step::Quantity { who, quantity } => self.on_live(who, "items", json!({"quantity": quantity})).await,
            Step::Discount { who, percent, months } => {
                self.on_live(who, "discount", json!({"percent_off": percent, "months": months})).await
            }
            Step::PauseCollection { who, behavior } => {
                let body = behavior.map_or(json!({}), |behavior| json!({"behavior": behavior}));
                self.on_live(who, "pause", body).await
            }
            Step::Schedule { who, plan } => self.schedule(who, plan).await,
            Step::Foreign { kind } => {
                let fields = json!({"currency": "hrk", "status": "frozen", "metadata": null, "livemode": "perhaps"});
                let answer = self.app.at_stripe("foreign", json!({"kind": kind, "fields": fields})).await;
                if answer.status == 201 { Ok(said(&answer)) } else { Err(format!("foreign {kind}: {}", answer.text)) }
            }
            Step::RefuseRefunds => {
                self.memory.was_disturbed = true;
                let refusal = json!({"operation": "POST /v1/refunds", "status": 400, "message": "Not refundable."});
                self.dashboard("refusals", refusal).await
            }
            _ => Ok(NOTHING.to_owned()),
        }
    }

    async fn close_dispute(&self, newest: usize, is_won: bool) -> Done {
        let mut open = self.app.stripe("disputes").await;
        open.retain(|dispute| !matches!(text(&dispute["status"]), "won" | "lost"));
        open.reverse();
        let Some(dispute) = nth(&open, newest) else { return Ok(NOTHING.to_owned()) };
        let status = if is_won { "won" } else { "lost" };
        self.dashboard(&format!("disputes/{}/close", text(&dispute["id"])), json!({"status": status})).await
    }

    /// Schedules a change to another plan at the end of the period.
    async fn schedule(&mut self, who: Who, plan: &str) -> Done {
        let plans = self.plans().await?;
        let plan = plans.iter().find(|found| found["code"] == plan);
        let price = plan.map(|plan| plan["stripe_price_id"].clone()).unwrap_or_default();
        let Some(live) = self.live(who).await else { return Ok(NOTHING.to_owned()) };
        let interval = &live["items"]["data"][0]["price"]["recurring"]["interval"];
        let phase = json!({"duration": {"interval": interval}});
        let mut next = phase.clone();
        next["price"] = price;
        self.on_live(who, "schedule", json!({"phases": [phase, next]})).await
    }

    /// An action in Stripe's dashboard on a user's live subscription.
    pub(super) async fn on_live(&self, who: Who, step: &str, body: Value) -> Done {
        let Some(live) = self.live(who).await else { return Ok(NOTHING.to_owned()) };
        self.dashboard(&format!("subscriptions/{}/{step}", text(&live["id"])), body).await
    }

    pub(super) async fn nth_paid(&self, who: Who, newest: usize) -> Option<Value> {
        let mut paid = self.of(who, "invoices").await;
        paid.retain(|invoice| int(&invoice["amount_paid"]) > 0);
        paid.reverse();
        nth(&paid, newest).cloned()
    }

    /// An action in the fake's dashboard.
    pub(super) async fn dashboard(&self, step: &str, body: Value) -> Done {
        let answer = self.app.at_stripe(step, body).await;
        match answer.status.as_u16() {
            200 | 422 => Ok(said(&answer)),
            _ => Err(format!("{step} was answered {}", said(&answer))),
        }
    }

    pub(super) async fn pay_second(&mut self, who: Who, plan: &str, card: Card) -> Done {
        let id = self.person(who).id();
        let customers = self.app.stripe("customers").await;
        let Some(customer) = customers.iter().find(|customer| customer["metadata"]["tollgate_user"] == id) else {
            return Ok(NOTHING.to_owned());
        };
        let customer = text(&customer["id"]).to_owned();
        // A customer whose creation was not answered belongs to no user yet.
        if !rows(&self.app, "billing").await.iter().any(|row| row["stripe_customer_id"] == customer.as_str()) {
            return Ok(NOTHING.to_owned());
        }
        let plans = self.plans().await?;
        // Not every active price: one of an incomplete change belongs to no plan.
        let plan = plans.iter().find(|found| found["code"] == plan);
        let Some(price) = plan.and_then(|plan| plan["stripe_price_id"].as_str()).map(str::to_owned) else {
            return Ok(NOTHING.to_owned());
        };
        // An unpaid one is ignored.
        let card = if card == Card::Declined { Card::Pays } else { card };
        let checkout = self.app.checkout_at_stripe(&customer, &price).await;
        self.press(path_of(text(&checkout["url"])), format!("card={}", card.number())).await
    }
}
