//! What it says, read by async-stripe's readers, which were made from Stripe's fuller description: each kind of object of
//! which the product makes something. They leave out of a list what they cannot read, so the entries are counted.

use crate::play::{DAY, KEY, PAYS, Play, REFUSED_LATER, text};
use axum::body::{Body, Bytes};
use http::Request;
use http_body_util::BodyExt;
use stripe_billing::invoice::ListInvoice;
use stripe_billing::invoice_payment::ListInvoicePayment;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus};
use stripe_checkout::checkout_session::ListCheckoutSession;
use stripe_client_core::{CustomizedStripeRequest, StripeClient, StripeClientErr, StripeMethod};
use stripe_core::customer::{DeleteCustomer, ListCustomer, RetrieveCustomer, RetrieveCustomerReturned};
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
