//! What holds for every state of a customer at Stripe.

use super::*;

proptest! {
    #[test]
    fn access_never_exceeds_the_paid_period_by_more_than_the_margin(read in any_read(), hour in 0_i64..5000) {
        let account = after(account(), &read, hour);
        if account.access.tier > 0 {
            let now = at(hour);
            let granted = |stored: &Subscription| {
                // One that ends after its period renews until then.
                let ends_later = stored.ends_at.is_none_or(|end| end > stored.current_period_end);
                let will_renew = !stored.cancel_at_period_end && ends_later;
                let margin = if will_renew { RENEWAL_MARGIN } else { SignedDuration::ZERO };
                match stored.status {
                    Status::Trialing | Status::Active => now < stored.current_period_end + margin,
                    Status::PastDue => now < stored.unpaid_since.unwrap_or(stored.current_period_start) + GRACE.0,
                    _ => false,
                }
            };
            prop_assert!(account.subscriptions.iter().any(granted));
            prop_assert!(account.access.until.is_some_and(|until| now < until));
        }
    }

    #[test]
    fn access_never_ends_early_for_a_paying_user(read in any_read(), hour in 0_i64..5000) {
        let now = at(hour);
        let pays = |stored: &&Subscription| {
            matches!(stored.status, Status::Active | Status::Trialing)
                && stored.ends_at.is_none_or(|end| now < end)
                && now < stored.current_period_end
                && stored.stripe_price_id != "price_4"
        };
        let refundable = read.subscriptions.iter().map(|found| &found.subscription).filter(pays).map(|stored| stored.stripe_price_id.clone()).collect::<Vec<_>>();
        let account = after(account(), &read, hour);
        if !refundable.is_empty() {
            // One of them is kept, with its own tier.
            prop_assert!(refundable.contains(&format!("price_{}", account.access.tier)), "{refundable:?} {:?}", account.access);
        }
    }

    #[test]
    fn the_same_read_again_changes_nothing(read in any_read(), hour in 0_i64..5000) {
        let account = after(account(), &read, hour);
        let again = converge(&account, &read, &catalogue(), GRACE, at(hour));
        prop_assert!(again.is_unchanged(), "{again:?}");
    }

    #[test]
    fn the_latest_read_decides_the_state(
        reads in prop::collection::vec((any_seen(0), any_invoice(0), any_invoice(1)), 1..6),
        hour in 0_i64..5000,
    ) {
        let read = |(subscription, first, second): &(Subscription, Invoice, Invoice)| {
            // Stripe never changes its last statuses, nor a paid or voided invoice, and an attempt stays one.
            StripeState { subscriptions: vec![subscription.clone().into()], invoices: vec![first.clone(), second.clone()], ..StripeState::default() }
        };
        let is_final = |(subscription, first, second): &(Subscription, Invoice, Invoice)| {
            subscription.status.is_ended() || [first, second].iter().any(|invoice| !matches!(invoice.status, InvoiceStatus::Open))
        };
        let (last, before) = reads.split_last().unwrap();
        let attempts = |(_, first, second): &(Subscription, Invoice, Invoice)| [first.attempted, second.attempted];
        let loses_attempt = |read: &(Subscription, Invoice, Invoice)| attempts(read).iter().zip(attempts(last)).any(|(was, is)| *was && !is);
        let once = after(account(), &read(last), hour);
        let all = before.iter().filter(|read| !is_final(read) && !loses_attempt(read)).chain([last]).fold(account(), |account, step| after(account, &read(step), hour));
        prop_assert_eq!(&once.subscriptions.iter().map(|s| (s.status, s.plan_id)).collect::<Vec<_>>(), &all.subscriptions.iter().map(|s| (s.status, s.plan_id)).collect::<Vec<_>>());
        prop_assert_eq!(&once.access, &all.access);
        let money = |account: &Account| account.payments.iter().filter(|p| p.status == PaymentStatus::Succeeded).map(|p| p.amount_cents).sum::<i64>();
        prop_assert_eq!(money(&once), money(&all));
    }

    #[test]
    fn all_but_one_of_several_live_subscriptions_are_ended(read in any_read(), hour in 0_i64..5000) {
        let changes = converge(&account(), &read, &catalogue(), GRACE, at(hour));
        let ours = |stripe_state: &&Subscription| catalogue().prices.contains_key(&stripe_state.stripe_price_id);
        let live = read.subscriptions.iter().map(|found| &found.subscription).filter(ours).filter(|stripe_state| stripe_state.status.is_live()).count();
        let staying = changes.subscriptions.iter().filter(|c| c.after.is_held()).count();
        prop_assert_eq!(staying, live.min(1));
        prop_assert_eq!(changes.endings.len(), live.saturating_sub(1));
    }

    #[test]
    fn an_ended_subscription_stays_ended(read in any_read(), again in any_read(), hour in 0_i64..5000) {
        let first = after(account(), &read, hour);
        let second = after(first.clone(), &again, hour);
        for ended in first.subscriptions.iter().filter(|stored| stored.status.is_ended()) {
            prop_assert!(second.subscriptions.iter().any(|stored| stored.stripe_id == ended.stripe_id && stored.status.is_ended()));
        }
    }

    #[test]
    fn a_payment_exists_for_each_attempted_invoice_with_an_amount(read in any_read()) {
        let account = after(account(), &read, 0);
        for invoice in &read.invoices {
            let payment = account.payments.iter().find(|payment| payment.stripe_invoice_id == invoice.stripe_id);
            let wanted = match invoice.status {
                InvoiceStatus::Paid => Some(PaymentStatus::Succeeded),
                InvoiceStatus::Open | InvoiceStatus::Uncollectible if invoice.attempted => Some(PaymentStatus::Failed),
                _ => None,
            };
            prop_assert_eq!(payment.map(|payment| payment.status), wanted);
        }
    }
}
