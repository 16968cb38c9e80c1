//! Lists of objects: pages, entries that cannot be read, and searches by attempt.

use super::*;
use std::cell::RefCell;
use std::sync::Once;

fn list(entries: &[Value], has_more: bool) -> List {
    capture();
    parse(&json!({"object": "list", "url": "/v1/subscriptions", "data": entries, "has_more": has_more}))
}

fn numbered(n: usize) -> Value {
    with(&subscription(), &json!({"id": format!("sub_{n}")}))
}

thread_local! {
    /// The log of the test that this thread runs.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct OwnLog;

impl Write for OwnLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Captures the log of each thread. It is called before a list is read: `tracing` may disable a line for good whose first use
/// is concurrent with the start of the capture.
fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().json().with_writer(|| OwnLog).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The ids of the subscriptions that are read from a list, and the log.
fn read(entries: &[Value]) -> (Vec<String>, String) {
    let list = list(entries, false);
    LOG.take();
    let ids = list.read(|object| read_subscription(object).map(|read| Some(read.subscription.stripe_id)));
    (ids, String::from_utf8(LOG.take()).unwrap())
}

// A5, R5
#[test]
fn an_entry_that_cannot_be_read_is_logged_once_and_the_others_are_used() {
    let secret = "ann@example.com";
    let bad = [
        json!({"id": "sub_bad", "object": "subscription", "description": secret}),
        with(&numbered(9), &json!({"id": "sub_bad", "currency": "dollars", "description": secret})),
        with(&numbered(9), &json!({"id": "sub_bad", "created": i64::MAX, "description": secret})),
    ];
    for bad in bad {
        for place in 0..3 {
            let mut entries = vec![numbered(1), numbered(2)];
            entries.insert(place, bad.clone());
            let (ids, log) = read(&entries);
            assert_eq!(ids, ["sub_1", "sub_2"], "{place}");
            let [line] = &log.lines().collect::<Vec<_>>()[..] else { panic!("one line: {log}") };
            let line: Value = serde_json::from_str(line).unwrap();
            let fields = &line["fields"];
            assert_eq!(
                (&line["level"], &fields["object"], &fields["id"]),
                (&json!("WARN"), &json!("subscription"), &json!("sub_bad"))
            );
            assert_eq!(fields.as_object().unwrap().len(), 3, "and the message: {log}");
            assert!(!log.contains(secret));
        }
    }
    assert_eq!(read(&[numbered(1)]), (vec!["sub_1".to_owned()], String::new()));
    assert_eq!(read(&[json!(null), json!([]), numbered(1)]).0, ["sub_1"]);
}

#[test]
fn the_next_page_starts_after_the_last_entry_readable_or_not() {
    let next = |entries: &[Value], has_more| list(entries, has_more).next();
    assert_eq!(next(&[numbered(1)], false).unwrap(), None);
    let bad = json!({"id": "sub_bad"});
    assert_eq!(next(&[numbered(1), bad], true).unwrap().as_deref(), Some("sub_bad"));
    assert_eq!(next(&[numbered(1), json!({})], true).unwrap().as_deref(), Some("sub_1"));
    assert!(matches!(next(&[json!({})], true), Err(GatewayError::Unknown(_))), "it would never end");
    for no_list in [json!({"data": []}), json!({"has_more": false}), json!({"data": {}, "has_more": false})] {
        assert!(!is_readable::<List>(&no_list));
    }
}

#[test]
fn a_list_in_which_absence_matters_is_read_completely_or_not_at_all() {
    let good = json!({"id": "cus_1", "object": "customer", "currency": "zzq", "tax_exempt": "a_word_of_tomorrow"});
    assert_eq!(list(&[good.clone(), good.clone()], false).read_whole::<Customer>().unwrap().len(), 2);
    for place in 0..3 {
        let mut entries = vec![good.clone(), good.clone()];
        entries.insert(place, json!({"object": "customer"}));
        let unread = list(&entries, false).read_whole::<Customer>();
        assert!(matches!(&unread, Err(error) if error.may_have_happened()), "{unread:?}");
    }
}

#[test]
fn an_object_is_found_by_the_attempt_in_its_metadata() {
    let made = |id: &str, attempt: &str| json!({"id": id, "metadata": {"tollgate_attempt": attempt, "other": "x"}});
    let entries = [json!({"no": "id"}), json!({"id": "price_0"}), made("price_1", "a"), made("price_2", "b")];
    let of = |attempt: &str| list(&entries, false).id_of_attempt(attempt, |price: Price| (price.id, price.metadata));
    assert_eq!((of("b").as_deref(), of("c")), (Some("price_2"), None));
}

#[test]
fn a_lists_parameters_have_stripes_form() {
    let query = |params: &ListParams<'_>| {
        let request = stripe_client_core::RequestBuilder::new(stripe_client_core::StripeMethod::Get, "/x");
        request.query(params).query.unwrap()
    };
    assert_eq!(query(&ListParams::default()), "");
    let created = Some(jiff::Timestamp::UNIX_EPOCH.into());
    let params = ListParams { created, starting_after: Some("in_1"), limit: Some(100), ..reads::every_invoice() };
    assert_eq!(query(&params), "created[gte]=0&expand[0]=data.payments&limit=100&starting_after=in_1");
    let params = ListParams { customer: Some("cus_1"), ..reads::every_subscription() };
    assert_eq!(
        query(&params),
        "customer=cus_1&expand[0]=data.schedule&expand[1]=data.discounts.source.coupon\
            &expand[2]=data.items.data.discounts&expand[3]=data.default_payment_method&status=all"
    );
}
