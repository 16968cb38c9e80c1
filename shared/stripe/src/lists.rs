//! Lists, read whole. The library's reader leaves out, without a word, an entry that it cannot read; to the code above, what
//! it does not see does not exist: a payment never made, a subscription that has ended. Here that is an error.

use crate::client::GatewayError;
use bytes::Bytes;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use stripe_client_core::{CustomizedStripeRequest, StripeClient};

/// The way of one list, which counts the entries that come along.
pub(crate) struct Counted<'a, C> {
    client: &'a C,
    sent: AtomicUsize,
}

impl<'a, C> Counted<'a, C> {
    pub(crate) const fn new(client: &'a C) -> Self {
        Self { client, sent: AtomicUsize::new(0) }
    }

    /// The entries that were read, if they are all that were sent.
    pub(crate) fn all<T>(&self, read: Vec<T>) -> Result<Vec<T>, GatewayError> {
        let unread = self.sent.load(Ordering::SeqCst).saturating_sub(read.len());
        match unread {
            0 => Ok(read),
            _ => Err(GatewayError::Unknown(format!("unreadable answer: {unread} entries of a list"))),
        }
    }
}

impl<C: StripeClient<Err = GatewayError> + Sync> StripeClient for Counted<'_, C> {
    type Err = GatewayError;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, GatewayError> {
        let answer = self.client.execute(request).await?;
        let body: Value = serde_json::from_slice(&answer).unwrap_or_default();
        self.sent.store(body["data"].as_array().map_or(0, Vec::len), Ordering::SeqCst);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stripe_core::customer::ListCustomer;

    /// A Stripe that has one answer.
    struct Canned(&'static str);

    impl StripeClient for Canned {
        type Err = GatewayError;

        async fn execute(&self, _: CustomizedStripeRequest) -> Result<Bytes, GatewayError> {
            Ok(Bytes::from_static(self.0.as_bytes()))
        }
    }

    #[tokio::test]
    async fn a_list_of_which_an_entry_cannot_be_read_is_no_shorter_list() {
        let read = async |body: &'static str| {
            let stripe = Canned(body);
            let list = Counted::new(&stripe);
            let read = ListCustomer::new().send(&list).await?;
            list.all(read.data).map(|customers| customers.len())
        };
        let good = r#"{"id":"cus_1","object":"customer","created":1,"livemode":false}"#;
        let list = |entries: String| -> &'static str {
            format!(r#"{{"object":"list","data":[{entries}],"has_more":false,"url":"/v1/customers"}}"#).leak()
        };
        assert!(matches!(read(list(String::new())).await, Ok(0)));
        assert!(matches!(read(list(format!("{good},{good}"))).await, Ok(2)));
        let unreadable = read(list(format!(r#"{good},{{"id":"cus_2","object":"customer"}}"#))).await;
        assert!(matches!(&unreadable, Err(error) if error.may_have_happened()), "{unreadable:?}");
    }
}
