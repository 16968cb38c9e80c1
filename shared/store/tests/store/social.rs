//! Flows to providers, links, and takeovers by the owner of an address.

use crate::faults::Fault;
use crate::people::{START, at, entry, mail, newcomer, request, secret, session, user};
use crate::tables::Tables;
use serde_json::{Value, json};
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::user::IdentityProvider::{self, Github, Google};
use tollgate_store::{FlowRow, LinkFor, Linked, NewAccount, Profile, StoreError, TakenFlow, Takeover, UseOfFlow};

fn flow() -> FlowRow {
    FlowRow {
        id: "f1".into(),
        provider: Google,
        browser_hash: "browser".into(),
        return_to: Some("https://app.example".into()),
        link: Some(LinkFor { user_id: user(1), session_id: session(1) }),
        session_id: None,
        expires_at: at(600),
    }
}

/// Flow `f1`, which has begun.
async fn begun() -> Tables {
    let tables = Tables::new().await;
    tables.store.put_flow(&flow()).await.unwrap();
    tables.faults.take_calls();
    tables
}

async fn attempt(
    tables: &Tables,
    id: &str,
    provider: IdentityProvider,
    browsers: &[&str],
    by: u8,
    seconds: i64,
) -> Result<TakenFlow, StoreError> {
    let browsers: Vec<_> = browsers.iter().map(|browser| (*browser).to_owned()).collect();
    let by = UseOfFlow { browsers: &browsers, session: &session(by), request: &request(by) };
    tables.store.take_flow(id, provider, &by, at(seconds)).await
}

async fn take(tables: &Tables, provider: IdentityProvider, browser: &str, by: u8, seconds: i64) -> Option<FlowRow> {
    match attempt(tables, "f1", provider, &[browser], by, seconds).await.unwrap() {
        TakenFlow::Now(row) => Some(row),
        TakenFlow::Before(_) | TakenFlow::Refused => None,
    }
}

// B3, S21
#[tokio::test]
async fn one_of_several_secrets_of_a_browser_uses_its_flow() {
    for browsers in [["other", "browser"], ["browser", "other"]] {
        let tables = begun().await;
        let taken = attempt(&tables, "f1", Google, &browsers, 1, 0).await.unwrap();
        assert!(matches!(taken, TakenFlow::Now(_)), "{browsers:?}");
        let many: Vec<_> = (0..200).map(|n| format!("other{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert!(matches!(attempt(&tables, "f1", Google, &many, 2, 0).await.unwrap(), TakenFlow::Refused));
    }
}

// B14
#[tokio::test]
async fn a_used_flow_names_its_session_to_its_browser() {
    let tables = begun().await;
    take(&tables, Google, "browser", 1, 0).await.unwrap();
    match tables.untouched(attempt(&tables, "f1", Google, &["other", "browser"], 2, 10)).await.unwrap() {
        TakenFlow::Before(row) => assert_eq!((row.session_id, row.return_to), (Some(session(1)), flow().return_to)),
        other => panic!("{other:?}"),
    }
    for (provider, browser, seconds) in [(Github, "browser", 10), (Google, "other", 10), (Google, "browser", 600)] {
        let again = tables.untouched(attempt(&tables, "f1", provider, &[browser], 2, seconds)).await.unwrap();
        assert!(matches!(again, TakenFlow::Refused), "{provider:?} {browser} {seconds}");
    }
}

// S21
#[tokio::test]
async fn a_flow_is_used_once_in_its_browser() {
    let tables = begun().await;
    assert_eq!(tables.row("sessions", "FLOW#f1/FLOW").await["ttl"], START + 660);
    let taken = take(&tables, Google, "browser", 1, 599).await.unwrap();
    assert_eq!((taken.id.as_str(), taken.provider, taken.link), ("f1", Google, flow().link));
    assert_eq!((taken.return_to, taken.expires_at), (flow().return_to, at(600)));
    assert!(tables.untouched(take(&tables, Google, "browser", 2, 10)).await.is_none(), "used by another request");
}

// S21
#[tokio::test]
async fn a_flow_at_another_provider_in_another_browser_or_too_late_is_refused() {
    let tables = begun().await;
    assert!(tables.untouched(take(&tables, Github, "browser", 1, 0)).await.is_none());
    assert!(tables.untouched(take(&tables, Google, "other", 1, 0)).await.is_none());
    assert!(tables.untouched(take(&tables, Google, "browser", 1, 600)).await.is_none());
    let unknown = attempt(&tables, "f2", Google, &["browser"], 1, 0);
    assert!(matches!(tables.untouched(unknown).await.unwrap(), TakenFlow::Refused));
}

// R8
#[tokio::test]
async fn a_flow_whose_answer_was_lost_is_used() {
    let tables = begun().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    assert!(take(&tables, Google, "browser", 1, 0).await.is_some());
    tables.faults.next("PutItem", [Fault::LostAnswer]);
    tables.store.put_flow(&FlowRow { id: "f2".into(), return_to: None, link: None, ..flow() }).await.unwrap();
    match attempt(&tables, "f2", Google, &["browser"], 1, 0).await.unwrap() {
        TakenFlow::Now(taken) => assert_eq!((taken.return_to, taken.link), (None, None)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_flow_of_another_shape_is_corrupt_and_no_answer_is_unavailable() {
    let tables = begun().await;
    tables.edit("sessions", "FLOW#f1/FLOW", |row| row["expires_at"] = json!("soon")).await;
    let error = attempt(&tables, "f1", Google, &["browser"], 1, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "sessions", .. }), "{error}");
    tables.faults.next("UpdateItem", (0..3).map(|_| Fault::Unreachable));
    let error = attempt(&tables, "f1", Google, &["browser"], 1, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

fn key() -> String {
    format!("USER#{}", user(1))
}

/// Ann, not verified, with a session of the stranger who registered her address, and a code that was mailed to it.
async fn unverified() -> (Tables, NewAccount, OneTimeRow) {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    ann.gate.sessions = [(session(1), at(900))].into();
    let ann = tables.registered(ann).await;
    let row = secret("c1", Purpose::LoginCode, &ann.profile);
    tables.rival.put_onetime(&row, &mail(50)).await.unwrap();
    (tables, ann, row)
}

async fn take_over_by_code(tables: &Tables, ann: &NewAccount, row: &OneTimeRow) -> Result<bool, StoreError> {
    let session = session(9);
    let audit = [entry(60, &user(1))];
    let takeover = Takeover {
        profile: &ann.profile,
        replaces_version: 1,
        session: Some((&session, at(5000))),
        code: Some(row),
        identity: None,
        audit: &audit,
    };
    tables.store.take_over(&takeover, at(60)).await
}

async fn take_over_by_identity(tables: &Tables, ann: &NewAccount) -> Result<bool, StoreError> {
    let audit = [entry(60, &user(1)), entry(61, &user(1))];
    let takeover = Takeover {
        profile: &ann.profile,
        replaces_version: 1,
        session: None,
        code: None,
        identity: Some((Google, "g-1")),
        audit: &audit,
    };
    tables.store.take_over(&takeover, at(60)).await
}

// S23
#[tokio::test]
async fn the_owner_takes_over_by_code_and_the_password_and_sessions_end() {
    let (tables, ann, row) = unverified().await;
    assert!(take_over_by_code(&tables, &ann, &row).await.unwrap());
    assert!(tables.store.profile(&user(1)).await.unwrap().unwrap().email_verified);
    assert_eq!(tables.count("credentials").await, 0);
    let gate = Gate {
        password_version: 2,
        has_password: Some(false),
        sessions: [(session(9), at(5000))].into(),
        ..ann.gate.clone()
    };
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), Some(gate));
    assert_eq!(tables.row("sessions", &format!("{}/OTP#login_code#c1", key())).await["code_used_at"], json!(at(60)));
    assert_eq!(tables.count("audit").await, 2);
    assert!(!tables.untouched(take_over_by_code(&tables, &ann, &row)).await.unwrap(), "another tab came before");
}

// S23
#[tokio::test]
async fn a_takeover_by_a_provider_links_the_identity_and_ends_every_session() {
    let (tables, ann, _) = unverified().await;
    assert!(take_over_by_identity(&tables, &ann).await.unwrap());
    let profile = tables.store.profile(&user(1)).await.unwrap().unwrap();
    assert_eq!((profile.email_verified, profile.links), (true, [(Google, "g-1".to_owned())].into()));
    assert_eq!(tables.store.user_of_identity(Google, "g-1").await.unwrap(), Some(user(1)));
    assert_eq!(tables.count("credentials").await, 0);
    let gate = tables.store.gate(&user(1)).await.unwrap().unwrap();
    assert_eq!((gate.password_version, gate.sessions.len()), (2, 0));
    assert_eq!(tables.count("audit").await, 3);
}

// S23
#[tokio::test]
async fn an_account_without_password_is_taken_over_too() {
    let tables = Tables::new().await;
    let ann = tables.registered(NewAccount { credentials: None, ..newcomer("Ann", 1) }).await;
    assert!(take_over_by_identity(&tables, &ann).await.unwrap());
}

// S23
#[tokio::test]
async fn nothing_is_taken_over_if_the_account_has_changed() {
    type Change = fn(&mut Value);
    let changes: [(&str, &str, Change, &str); 7] = [
        ("identity", "", |profile| profile["email_verified"] = json!(true), "verified"),
        ("identity", "", |profile| profile["email_key"] = json!("new@example.com"), "another address"),
        ("credentials", "ann@example.com", |found| found["user_id"] = json!(user(2)), "the password of another user"),
        ("credentials", "ann@example.com", |found| found["password_version"] = json!(2), "a new password"),
        ("gate", "", |gate| gate["password_version"] = json!(2), "a new password in the gate"),
        ("gate", "", |gate| gate["is_active"] = json!(false), "closed"),
        ("sessions", "/OTP#login_code#c1", |row| row["code_used_at"] = json!(at(1)), "the code was used"),
    ];
    for (table, row_key, change, why) in changes {
        let (tables, ann, code) = unverified().await;
        let row_key = if table == "credentials" { row_key.to_owned() } else { key() + row_key };
        tables.edit(table, &row_key, change).await;
        assert!(!tables.untouched(take_over_by_code(&tables, &ann, &code)).await.unwrap(), "{why}");
        if table != "sessions" {
            assert!(!tables.untouched(take_over_by_identity(&tables, &ann)).await.unwrap(), "{why}");
        }
    }
}

// S22
#[tokio::test]
async fn an_identity_of_another_account_takes_nothing_over() {
    let (tables, ann, _) = unverified().await;
    tables.put("identity", json!({"pk": "OAUTH#google#g-1", "user_id": user(2), "v": 1})).await;
    assert!(!tables.untouched(take_over_by_identity(&tables, &ann)).await.unwrap());
}

/// Ann with one session and these links.
async fn with_links(links: &[(IdentityProvider, &str)]) -> (Tables, Profile) {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    ann.gate.sessions = [(session(1), at(900))].into();
    ann.profile.links = links.iter().map(|(provider, subject)| (*provider, (*subject).to_owned())).collect();
    let ann = tables.registered(ann).await;
    (tables, ann.profile)
}

async fn link(tables: &Tables, profile: &Profile, identity: (IdentityProvider, &str)) -> Linked {
    let entry = entry(60, &user(1));
    tables.store.link(profile, (identity.0, identity.1, None), &session(1), &mail(60), &entry).await.unwrap()
}

async fn links(tables: &Tables) -> Vec<(IdentityProvider, String)> {
    tables.store.profile(&user(1)).await.unwrap().unwrap().links.into_iter().collect()
}

// S22
#[tokio::test]
async fn an_identity_is_linked_in_addition_to_existing_ones() {
    for before in [&[][..], &[(Github, "h-1")]] {
        let (tables, profile) = with_links(before).await;
        assert_eq!(link(&tables, &profile, (Google, "g-1")).await, Linked::Done);
        let mut expected = vec![(Google, "g-1".to_owned())];
        expected.extend(before.iter().map(|(provider, subject)| (*provider, (*subject).to_owned())));
        assert_eq!(links(&tables).await, expected);
        assert_eq!(tables.store.user_of_identity(Google, "g-1").await.unwrap(), Some(user(1)));
        assert_eq!((tables.count("outbox").await, tables.count("audit").await), (2, 2));
    }
}

#[tokio::test]
async fn a_profile_without_links_gets_its_first_link() {
    let (tables, profile) = with_links(&[]).await;
    tables.edit("identity", &key(), |profile| drop(profile.as_object_mut().unwrap().remove("links"))).await;
    assert_eq!(link(&tables, &profile, (Google, "g-1")).await, Linked::Done);
    assert_eq!(links(&tables).await, [(Google, "g-1".to_owned())]);
    tables.edit("identity", &key(), |profile| drop(profile.as_object_mut().unwrap().remove("links"))).await;
    let expected = Profile { links: [(Google, "g-1".to_owned())].into(), ..profile };
    assert_eq!(
        tables.untouched(link(&tables, &expected, (Github, "h-1"))).await,
        Linked::Changed,
        "they were removed meanwhile"
    );
}

// S22
#[tokio::test]
async fn an_identity_of_another_account_is_not_linked() {
    let (tables, profile) = with_links(&[]).await;
    tables.put("identity", json!({"pk": "OAUTH#google#g-1", "user_id": user(2), "v": 1})).await;
    assert_eq!(tables.untouched(link(&tables, &profile, (Google, "g-1"))).await, Linked::Taken);
}

#[tokio::test]
async fn nothing_is_linked_if_the_links_or_the_session_have_changed() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 3] = [
        ("identity", |profile| profile["links"] = json!({"github": "h-9"})),
        ("gate", |gate| gate["is_active"] = json!(false)),
        ("gate", |gate| gate["sessions"] = json!({session(2).to_string(): at(900)})),
    ];
    for (table, change) in changes {
        let (tables, profile) = with_links(&[]).await;
        tables.edit(table, &key(), change).await;
        assert_eq!(tables.untouched(link(&tables, &profile, (Google, "g-1"))).await, Linked::Changed);
    }
    let (tables, profile) = with_links(&[]).await;
    tables.delete("identity", &key()).await;
    assert_eq!(
        tables.untouched(link(&tables, &profile, (Google, "g-1"))).await,
        Linked::Changed,
        "there is no account"
    );
}

#[tokio::test]
async fn an_existing_notice_id_is_a_bug() {
    let (tables, profile) = with_links(&[]).await;
    let (session, notice, entry) = (session(1), mail(1), entry(60, &user(1)));
    let linking = tables.store.link(&profile, (Google, "g-1", None), &session, &notice, &entry);
    let error = tables.untouched(linking).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}

async fn unlink(tables: &Tables, profile: &Profile, provider: IdentityProvider) -> Linked {
    tables.store.unlink(profile, provider, &entry(70, &user(1))).await.unwrap()
}

// S22
#[tokio::test]
async fn unlinking_removes_one_identity_and_keeps_the_others() {
    let (tables, profile) = with_links(&[(Google, "g-1"), (Github, "h-1")]).await;
    assert_eq!(unlink(&tables, &profile, Google).await, Linked::Done);
    assert_eq!(links(&tables).await, [(Github, "h-1".to_owned())]);
    assert_eq!(tables.store.user_of_identity(Google, "g-1").await.unwrap(), None);
    assert_eq!(tables.store.user_of_identity(Github, "h-1").await.unwrap(), Some(user(1)));
    assert_eq!(tables.count("audit").await, 2);
    assert_eq!(tables.untouched(unlink(&tables, &profile, Google)).await, Linked::Changed, "another tab came before");
}

#[tokio::test]
async fn an_identity_that_is_not_linked_to_the_account_is_not_unlinked() {
    let (tables, profile) = with_links(&[(Google, "g-1")]).await;
    assert_eq!(tables.untouched(unlink(&tables, &profile, Github)).await, Linked::Changed);
    tables.edit("identity", "OAUTH#google#g-1", |marker| marker["user_id"] = json!(user(2))).await;
    assert_eq!(tables.untouched(unlink(&tables, &profile, Google)).await, Linked::Changed);
}
