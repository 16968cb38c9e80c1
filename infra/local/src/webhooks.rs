//! The fake Stripe of this stack: its records are in the document store, and its events go to the webhook's own
//! address.

use crate::clock::LocalClock;
use crate::documents::Documents;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tollgate_fake_stripe::{Delivery, DocumentStoreError, Records, Settings, Stripe};
use tollgate_platform::Outbound;

/// The longest delay of a renewal on a running clock.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The fake Stripe and the delivery of its events.
pub struct Webhooks {
    stripe: Stripe,
    outbound: Outbound,
    clock: LocalClock,
    arrivals: Arc<Notify>,
    /// One round of deliveries at a time.
    turn: Mutex<()>,
}

impl Webhooks {
    /// Opens it with the records in the document store; in memory with these records.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn open(
        (documents, records): (Documents, Records),
        settings: Settings,
        clock: LocalClock,
        sdk: &SdkConfig,
    ) -> Result<Self, DocumentStoreError> {
        let arrivals = Arc::new(Notify::new());
        let (notify, present) = (Arc::clone(&arrivals), clock.clone());
        let wake = Arc::new(move || notify.notify_one());
        let now = Arc::new(move || present.now());
        let stripe = match documents.is_persistent() {
            true => Stripe::open(Arc::new(documents), settings, now, wake)?,
            false => Stripe::in_memory(records, settings, now, wake),
        };
        let plain = SharedHttpConnector::new(aws_smithy_http_client::Connector::builder().build_http());
        Ok(Self { stripe, outbound: Outbound::over(plain, sdk), clock, arrivals, turn: Mutex::default() })
    }

    /// The fake itself.
    #[must_use]
    pub fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// Sends events for as long as the stack runs.
    pub async fn run(&self) {
        loop {
            self.turn(false).await;
            tokio::select! {
                () = self.arrivals.notified() => {}
                () = self.clock.clone().sleep_for(TIMEOUT) => {}
            }
        }
    }

    /// Sends the due events; returns how many were accepted, and how many were not.
    pub async fn turn(&self, at_once: bool) -> (usize, usize) {
        let _alone = self.turn.lock().await;
        self.stripe.tick();
        let (mut sent, mut refused) = (0, 0);
        for delivery in self.stripe.deliveries_due(at_once) {
            let is_ok = self.send(&delivery).await;
            self.stripe.delivered(&delivery, is_ok);
            if is_ok { sent += 1 } else { refused += 1 }
        }
        (sent, refused)
    }

    /// The number of events that are still to be delivered.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.stripe.pending()
    }

    /// Delivers no event while the guard is held.
    pub async fn hold(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    async fn send(&self, delivery: &Delivery) -> bool {
        let request = http::Request::post(&delivery.url)
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", &delivery.signature)
            .body(delivery.body.clone().into_bytes());
        let Ok(request) = request else { return false };
        self.outbound.send(request).await.is_ok_and(|answer| answer.status().is_success())
    }
}
