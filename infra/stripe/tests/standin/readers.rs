//! What it says, read by async-stripe's readers, which were made from Stripe's fuller description: each kind of object of
//! which the product makes something. They leave out of a list what they cannot read, so the entries are counted.

use crate::play::{DAY, KEY, PAYS, Play, REFUSED_LATER, text};
use axum::body::{Body, Bytes};
use http::Request;
use http_body_util::BodyExt;
use stripe_billing::billing_portal_session::CreateBillingPortalSession;
use stripe_billing::invoice::{
    CreatePreviewInvoice, CreatePreviewInvoiceSubscriptionDetails, CreatePreviewInvoiceSubscriptionDetailsItems,
    CreatePreviewInvoiceSubscriptionDetailsProrationBehavior, ListInvoice,
};
use stripe_billing::invoice_payment::ListInvoicePayment;
use stripe_billing::subscription::{
    ListSubscription, ListSubscriptionStatus, UpdateSubscription, UpdateSubscriptionItems,
    UpdateSubscriptionPaymentBehavior, UpdateSubscriptionProrationBehavior,
};
use stripe_billing::subscription_schedule::{
    CreateSubscriptionSchedule, ListSubscriptionSchedule, ReleaseSubscriptionSchedule, UpdateSubscriptionSchedule,
    UpdateSubscriptionSchedulePhases, UpdateSubscriptionSchedulePhasesDuration,
    UpdateSubscriptionSchedulePhasesDurationInterval, UpdateSubscriptionSchedulePhasesEndDate,
    UpdateSubscriptionSchedulePhasesItems, UpdateSubscriptionSchedulePhasesStartDate,
    UpdateSubscriptionScheduleProrationBehavior,
};
use stripe_checkout::checkout_session::ListCheckoutSession;
use stripe_client_core::{CustomizedStripeRequest, StripeClient, StripeClientErr, StripeMethod};
use stripe_core::charge::ListCharge;
use stripe_core::customer::{DeleteCustomer, ListCustomer, RetrieveCustomer, RetrieveCustomerReturned};
use stripe_core::dispute::ListDispute;
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;
use tollgate_stripe_standin::Outcome;
use tower::ServiceExt;

/// An answer that is none.
#[derive(Debug)]
pub struct Unread(#[allow(dead_code)] String); // shown where a test fails

impl StripeClientErr for Unread {
    fn deserialize_err(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl StripeClient for Play {
    type Err = Unread;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, Unread> {
        let (request, _) = request.into_pieces();
        let method = match request.method {
            StripeMethod::Get => "GET",
            StripeMethod::Post => "POST",
            StripeMethod::Delete => "DELETE",
        };
        let query = request.query.filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
        let call = Request::builder()
            .method(method)
            .uri(format!("/v1{}{}", request.path, query.unwrap_or_default()))
            .header("authorization", format!("Bearer {KEY}"))
            .body(Body::from(request.body.unwrap_or_default()))
            .unwrap();
        let answer = self.stripe.api().oneshot(call).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        if status.is_success() { Ok(body) } else { Err(Unread(String::from_utf8_lossy(&body).into_owned())) }
    }
}

#[tokio::test]
async fn every_object_in_every_state_is_read() {
    let play = Play::at("2026-01-10T08:00:00Z");
    let (customer, paying) = play.subscriber(PAYS, "").await;
    play.subscriber(PAYS, "60").await;
    play.subscriber(REFUSED_LATER, "").await;
    let (_, ended) = play.subscriber(PAYS, "").await;
    play.stripe.cancel(&ended).unwrap();
    play.checkout(&[("metadata[user]", "usr_1")]).await;
    play.pass(31 * DAY);
    play.checkout(&[]).await;
    play.stripe.renew(&paying, Outcome::ActionRequired).unwrap();
    let payments = play.get("invoice_payments?limit=100&payment[type]=payment_intent&status=paid").await;
    let intent = text(&payments.body["data"][0]["payment"]["payment_intent"]);
    CreateRefund::new().payment_intent(intent).amount(100).send(&play).await.unwrap();

    macro_rules! reads {
        ($path:literal, $request:expr) => {
            let all = play.get(concat!($path, "?limit=100")).await.ids().len();
            let read = $request.limit(100).send(&play).await.unwrap();
            assert!(all > 0 && read.data.len() == all, "{}: {} of {all}", $path, read.data.len());
        };
    }
    reads!("products", ListProduct::new());
    reads!("prices", ListPrice::new());
    reads!("customers", ListCustomer::new());
    reads!("checkout/sessions", ListCheckoutSession::new());
    reads!("invoices", ListInvoice::new());
    reads!("invoice_payments", ListInvoicePayment::new());
    reads!("refunds", ListRefund::new());
    let all = play.get("subscriptions?status=all&limit=100").await.ids().len();
    let read = ListSubscription::new().status(ListSubscriptionStatus::All).limit(100).send(&play).await.unwrap();
    assert_eq!((read.data.len(), all), (4, 4));
    assert!(read.data.iter().all(|subscription| subscription.items.data.len() == 1));
    let invoices = ListInvoice::new().limit(100).send(&play).await.unwrap();
    assert!(invoices.data.iter().all(|invoice| invoice.lines.data.len() == 1));

    DeleteCustomer::new(customer.clone()).send(&play).await.unwrap();
    let gone = RetrieveCustomer::new(customer).send(&play).await.unwrap();
    assert!(matches!(gone, RetrieveCustomerReturned::DeletedCustomer(_)));
}

#[tokio::test]
async fn a_change_its_preview_and_a_change_that_waits_are_asked_for_and_read() {
    let play = Play::at("2026-03-01T00:00:00Z");
    let (customer, subscription) = play.subscriber(REFUSED_LATER, "").await;
    let team = play.price("Team", "4900", "month").await;
    let item = text(&play.subscription(&subscription).await["items"]["data"][0]["id"]);
    play.pass(10 * DAY);
    let mut items = CreatePreviewInvoiceSubscriptionDetailsItems::new();
    (items.id, items.price) = (Some(item.clone()), Some(team.clone()));
    let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
    details.items = Some(vec![items]);
    details.proration_behavior = Some(CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::AlwaysInvoice);
    details.proration_date = Some(play.now());
    let preview = CreatePreviewInvoice::new()
        .customer(customer)
        .subscription(subscription.clone())
        .subscription_details(details)
        .send(&play)
        .await
        .unwrap();
    assert_eq!((preview.amount_due, preview.lines.data.len()), (2032, 2));
    let mut items = UpdateSubscriptionItems::new();
    (items.id, items.price) = (Some(item), Some(team.clone()));
    let changed = UpdateSubscription::new(subscription.clone())
        .items(vec![items])
        .proration_behavior(UpdateSubscriptionProrationBehavior::AlwaysInvoice)
        .payment_behavior(UpdateSubscriptionPaymentBehavior::PendingIfIncomplete)
        .proration_date(play.now())
        .send(&play)
        .await
        .unwrap();
    let pending = changed.pending_update.unwrap();
    assert_eq!(pending.subscription_items.unwrap()[0].price.id.as_str(), team);
    let invoices = ListInvoice::new().subscription(subscription).expand(["data.payments".to_owned()]).send(&play).await;
    let invoices = invoices.unwrap().data;
    assert_eq!((invoices.len(), invoices[0].lines.data.len()), (2, 2));
    assert!(invoices.iter().all(|invoice| invoice.payments.as_ref().unwrap().data.len() == 1));
}

#[tokio::test]
async fn schedules_portals_charges_and_disputes_are_asked_for_and_read() {
    let play = Play::at("2026-03-01T00:00:00Z");
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    let (pro, basic) = (play.price_of(&subscription).await, play.price("Basic", "700", "month").await);
    let made = CreateSubscriptionSchedule::new().from_subscription(subscription.clone()).send(&play).await.unwrap();
    let phase = |price: &str| {
        let mut item = UpdateSubscriptionSchedulePhasesItems::new();
        (item.price, item.quantity) = (Some(price.to_owned()), Some(1));
        UpdateSubscriptionSchedulePhases::new(vec![item])
    };
    let (mut now, mut then) = (phase(&pro), phase(&basic));
    now.start_date = Some(UpdateSubscriptionSchedulePhasesStartDate::Timestamp(made.phases[0].start_date));
    now.end_date = Some(UpdateSubscriptionSchedulePhasesEndDate::Timestamp(made.phases[0].end_date));
    let month = UpdateSubscriptionSchedulePhasesDurationInterval::Month;
    then.duration = Some(UpdateSubscriptionSchedulePhasesDuration::new(month));
    let changed = UpdateSubscriptionSchedule::new(made.id.clone())
        .phases(vec![now, then])
        .proration_behavior(UpdateSubscriptionScheduleProrationBehavior::None)
        .send(&play)
        .await
        .unwrap();
    assert_eq!((changed.phases.len(), changed.phases[1].items[0].price.id().as_str()), (2, basic.as_str()));
    let listed = ListSubscription::new().customer(&customer).expand(["data.schedule".to_owned()]).send(&play).await;
    let schedule = listed.unwrap().data[0].schedule.clone().unwrap();
    assert_eq!(schedule.as_object().unwrap().phases.len(), 2);
    ReleaseSubscriptionSchedule::new(made.id).send(&play).await.unwrap();
    let read = ListSubscriptionSchedule::new().send(&play).await.unwrap();
    assert_eq!((read.data.len(), read.data[0].released_subscription.as_deref()), (1, Some(subscription.as_str())));

    let session =
        CreateBillingPortalSession::new().customer(&customer).return_url("https://app.example").send(&play).await;
    assert!(session.unwrap().url.starts_with("https://pay.example/portal/"));
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    play.stripe.dispute(&invoice).unwrap();
    let charges = ListCharge::new().customer(&customer).send(&play).await.unwrap();
    assert!(charges.data.len() == 1 && charges.data[0].disputed);
    let disputes = ListDispute::new().charge(charges.data[0].id.as_str()).send(&play).await.unwrap();
    assert_eq!((disputes.data.len(), disputes.data[0].amount), (1, 1900));
}
