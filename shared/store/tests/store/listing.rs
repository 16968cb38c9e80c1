//! Lists: each page starts where the last one ended, with few units and few calls, for every filter.

use crate::faults::Fault;
use crate::people::{at, email, newcomer, user, username};
use crate::tables::Tables;
use serde_json::json;
use tollgate_domain::UserId;
use tollgate_store::{NewAccount, PageOf, Profile, Registration, RightsChange, StoreError, UserFilter};

const FIRST: PageOf<'_> = PageOf { after: None, limit: 20 };

/// This number of users, of whom every `nth` may not sign in.
async fn with_people(count: u8, nth: u8) -> Tables {
    let tables = Tables::new().await;
    for n in 0..count {
        let id = UserId::new(at(i64::from(n)), [n; 10]);
        let template = newcomer(&format!("person-{n}"), n);
        let is_active = n % nth != 0;
        let profile = Profile { id, is_active, created_at: at(i64::from(n)), ..template.profile };
        let mut gate = template.gate;
        (gate.user_id, gate.is_active) = (id, is_active);
        let account =
            NewAccount { profile, gate, credentials: None, verification: None, audit: template.audit, invited: None };
        assert_eq!(tables.rival.register(&account).await.unwrap(), Registration::Done);
    }
    tables
}

fn active(is_active: bool) -> UserFilter {
    UserFilter { is_active: Some(is_active), ..UserFilter::default() }
}

/// The names on all pages of this length, and the number of pages.
async fn names(tables: &Tables, filter: &UserFilter, limit: usize) -> (Vec<String>, usize) {
    let (mut names, mut pages, mut after) = (Vec::new(), 0, None::<String>);
    loop {
        let page = tables.store.users(filter, PageOf { after: after.as_deref(), limit }).await.unwrap();
        assert!(page.items.len() <= limit);
        names.extend(page.items.iter().map(|profile| profile.username.as_str().to_owned()));
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (names, pages);
        }
    }
}

#[tokio::test]
async fn an_unfiltered_list_costs_one_call_per_page_and_part_and_marks_the_last() {
    let tables = with_people(10, 11).await;
    for (limit, wanted) in [(1, 10), (3, 4), (5, 2), (9, 2), (10, 1), (100, 1)] {
        tables.faults.take_calls();
        let (names, pages) = names(&tables, &UserFilter::default(), limit).await;
        // One for verified users, one for the others.
        assert_eq!((names.len(), pages, tables.faults.take_calls().len()), (10, wanted, 2 * wanted), "{limit}");
        assert_eq!((&*names[0], &*names[9]), ("person-9", "person-0"), "the newest first");
    }
}

#[tokio::test]
async fn rare_flags_have_their_own_index() {
    let tables = with_people(100, 50).await;
    tables.faults.take_calls();
    let page = tables.store.users(&active(false), FIRST).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, None));
    let calls = tables.faults.take_calls();
    assert_eq!((calls.len(), &calls[0].body["IndexName"]), (1, &json!("closed")));
    let unverified = UserFilter { email_verified: Some(false), is_active: Some(false), ..UserFilter::default() };
    assert_eq!(tables.store.users(&unverified, FIRST).await.unwrap().items.len(), 2);
    assert_eq!(tables.faults.take_calls()[0].body["IndexName"], "closed");
}

#[tokio::test]
async fn a_page_with_one_filter_ends_early_when_most_rows_do_not_match() {
    // No user is an admin, so the filter for non-admins matches all; a user who may sign in is rare.
    let tables = with_people(100, 101).await;
    for n in 1..100 {
        let id = UserId::new(at(i64::from(n)), [n; 10]);
        tables.edit("identity", &format!("USER#{id}"), |row| row["is_active"] = json!(false)).await;
    }
    tables
        .edit("identity", &format!("USER#{}", UserId::new(at(0), [0; 10])), |row| row["is_active"] = json!(true))
        .await;
    tables.faults.take_calls();
    let page = tables.store.users(&active(true), FIRST).await.unwrap();
    assert_eq!((page.items.len(), page.next.is_some(), tables.faults.take_calls().len()), (0, true, 2));
    let (found, pages) = names(&tables, &active(true), 20).await;
    // Ten rows a page; only the next page shows that the tenth row of the tenth page was the last one.
    assert_eq!((found, pages), (vec!["person-0".to_owned()], 11));
    let no_admin = UserFilter { is_admin: Some(false), ..UserFilter::default() };
    let (found, pages) = names(&tables, &no_admin, 20).await;
    assert_eq!((found.len(), pages), (100, 5), "a filter that matches most rows fills the pages");
}

#[tokio::test]
async fn a_page_with_several_filters_reads_in_growing_steps() {
    let tables = with_people(200, 201).await;
    let no_user = UserFilter {
        email_verified: Some(false),
        is_active: Some(true),
        is_admin: Some(false),
        ..UserFilter::default()
    };
    for n in 0..200 {
        let id = UserId::new(at(i64::from(n)), [n; 10]);
        tables.edit("identity", &format!("USER#{id}"), |row| row["is_active"] = json!(false)).await;
    }
    tables.faults.take_calls();
    let page = tables.store.users(&no_user, FIRST).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None), "all of them were read");
    let limits: Vec<_> = tables.faults.take_calls().iter().map(|call| call.body["Limit"].as_u64().unwrap()).collect();
    assert_eq!(limits, [21, 21, 42, 84, 168]);
}

#[tokio::test]
async fn a_page_with_several_filters_reads_at_most_a_thousand_rows() {
    let tables = with_people(1, 1).await;
    let row = tables.rows("identity").await.into_values().find(|row| row["username"].is_string()).unwrap();
    for n in 0..1200_u16 {
        let [high, low] = n.to_be_bytes();
        let id = UserId::new(at(0), [high, low, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut row = row.clone();
        row["id"] = json!(id);
        row["pk"] = json!(format!("USER#{id}"));
        row["list"] = json!(if n % 2 == 0 { "proved" } else { "unproved" });
        row["email_key"] = json!(format!("{}{n}@example.com", if n % 3 == 0 { "person" } else { "else" }));
        row["email_initial"] = json!(if n % 3 == 0 { "p" } else { "e" });
        row["username_key"] = json!(format!("person-{n}"));
        tables.put("identity", row).await;
    }
    for filter in [
        UserFilter { is_active: Some(true), is_admin: Some(false), ..UserFilter::default() },
        UserFilter { is_active: Some(true), q: Some("p".to_owned()), ..UserFilter::default() },
        UserFilter { is_active: Some(true), email_verified: Some(false), is_admin: Some(false), q: None },
    ] {
        let (mut after, mut pages) = (None::<String>, 0);
        loop {
            tables.faults.take_calls();
            let page = tables.store.users(&filter, PageOf { after: after.as_deref(), limit: 20 }).await.unwrap();
            let limits = tables.faults.take_calls().into_iter().map(|call| call.body["Limit"].as_u64().unwrap());
            // The last row of the page before is read again in each part.
            assert!(limits.sum::<u64>() <= 1002, "{filter:?}");
            assert_eq!(page.items.len(), 0);
            (after, pages) = (page.next, pages + 1);
            assert!(pages <= 5, "{filter:?} never ends");
            if after.is_none() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn verified_and_unverified_users_form_one_list() {
    let tables = with_people(30, 31).await;
    for n in [0, 1, 2, 13, 14, 15, 16, 29] {
        let id = UserId::new(at(i64::from(n)), [n; 10]);
        tables
            .edit("identity", &format!("USER#{id}"), |row| {
                row["email_verified"] = json!(true);
                row["list"] = json!("proved");
            })
            .await;
    }
    let newest_first: Vec<_> = (0..30).rev().map(|n| format!("person-{n}")).collect();
    for limit in [1, 2, 3, 7, 29, 30, 31] {
        assert_eq!(names(&tables, &UserFilter::default(), limit).await.0, newest_first, "{limit}");
    }
    let proved = UserFilter { email_verified: Some(true), ..UserFilter::default() };
    assert_eq!(
        names(&tables, &proved, 3).await,
        (["29", "16", "15", "14", "13", "2", "1", "0"].map(|n| format!("person-{n}")).to_vec(), 3)
    );
}

#[tokio::test]
async fn a_position_beyond_the_end_or_of_no_list_gives_an_empty_last_page() {
    let tables = with_people(3, 4).await;
    for after in ["!", "usr_0"] {
        let page = tables.store.users(&UserFilter::default(), PageOf { after: Some(after), limit: 20 }).await.unwrap();
        assert_eq!((page.items.len(), page.next), (0, None), "{after}");
    }
    let page = tables.store.users(&UserFilter::default(), PageOf { after: Some("z"), limit: 20 }).await.unwrap();
    assert_eq!(page.items.len(), 3, "a place before the first");
}

#[tokio::test]
async fn a_search_returns_matches_by_address_and_then_by_name_each_once() {
    let tables = Tables::new().await;
    for (n, name, address) in [
        (1, "zoe", "ann1@example.com"),
        (2, "ann2", "zoe@example.com"),
        (3, "Ann0", "ANN3@example.com"),
        (4, "an", "b@b.de"),
    ] {
        let mut account = newcomer("somebody", n);
        account.profile.email = email(address);
        account.profile.username = username(&format!("{name}-{n}"));
        account.verification = None;
        account.credentials = None;
        tables.registered(account).await;
    }
    let search = |q: &str| UserFilter { q: Some(q.to_owned()), ..UserFilter::default() };
    for limit in [1, 2, 3, 20] {
        assert_eq!(names(&tables, &search("ann"), limit).await.0, ["zoe-1", "Ann0-3", "ann2-2"], "{limit}");
    }
    assert_eq!(names(&tables, &search("an"), 2).await.0, ["zoe-1", "Ann0-3", "an-4", "ann2-2"]);
    assert_eq!(names(&tables, &search("ann1@"), 1).await.0, ["zoe-1"]);
    assert_eq!(names(&tables, &search("nn"), 1).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn malformed_rows_are_corrupt_and_a_page_without_an_answer_is_unavailable() {
    let (tables, _) = Tables::with_ann().await;
    tables.faults.next("Query", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.users(&UserFilter::default(), FIRST).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.edit("identity", &format!("USER#{}", user(1)), |row| row["provider"] = json!("x")).await;
    let error = tables.store.users(&UserFilter::default(), FIRST).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "identity", .. }), "{error}");
}

#[tokio::test]
async fn rights_change_in_gate_and_lists_together_from_expected_values() {
    let (tables, ann) = Tables::with_ann().await;
    let (key, store, gate) = (format!("USER#{}", user(1)), &tables.store, ann.gate.clone());
    let entry = |n| crate::people::entry(n, &user(1));
    assert_eq!(store.set_admin(&gate, true, &entry(11)).await.unwrap(), RightsChange::Done);
    let stale = tables.untouched(store.set_admin(&gate, true, &entry(12))).await.unwrap();
    assert_eq!(stale, RightsChange::Changed);
    let profile = tables.row("identity", &key).await;
    assert_eq!((&profile["is_admin"], &profile["admin"]), (&json!(true), &json!("admin")));
    assert_eq!(tables.row("gate", "ADMINS").await["count"], 1);
    let gate = store.gate(&user(1)).await.unwrap().unwrap();
    for refused in [store.set_admin(&gate, false, &entry(13)).await, store.set_active(&gate, false, &entry(14)).await] {
        assert_eq!(refused.unwrap(), RightsChange::LastAdmin);
    }
    tables.edit("gate", "ADMINS", |row| row["count"] = json!(2)).await;
    assert_eq!(store.set_active(&gate, false, &entry(15)).await.unwrap(), RightsChange::Done);
    assert_eq!(tables.row("gate", "ADMINS").await["count"], 1, "a disabled admin is not counted");
    let profile = tables.row("identity", &key).await;
    assert_eq!((&profile["is_active"], &profile["closed"]), (&json!(false), &json!("closed")));
    let gate = store.gate(&user(1)).await.unwrap().unwrap();
    assert_eq!(store.set_admin(&gate, false, &entry(16)).await.unwrap(), RightsChange::Done);
    assert_eq!(tables.row("gate", "ADMINS").await["count"], 1);
    let gate = store.gate(&user(1)).await.unwrap().unwrap();
    assert_eq!(store.set_active(&gate, true, &entry(17)).await.unwrap(), RightsChange::Done);
    let profile = tables.row("identity", &key).await;
    assert_eq!((profile.get("closed"), profile.get("admin")), (None, None));
}
