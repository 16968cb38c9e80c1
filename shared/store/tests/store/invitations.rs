//! Invitations: one for each address, ended once, by an account, a revocation or another invitation.

use crate::billing::{unavailable, unreachable};
use crate::faults::Fault;
use crate::people::{at, email, entry, mail, new_session, newcomer, user};
use crate::tables::Tables;
use tollgate_domain::InvitationId;
use tollgate_domain::invitation::{INVITATION_SECONDS, Invitation};
use tollgate_store::{AcceptedInvitation, Invited, NewAccount, PageOf, Registration, StoreError, StoredInvitation};

/// The invitation of `Ann@Example.com` at this second.
fn invitation(seconds: i64) -> StoredInvitation {
    let n = u8::try_from(seconds % 200).unwrap();
    let invitation = Invitation {
        id: InvitationId::new(at(seconds), [n; 10]),
        email: email("Ann@Example.com"),
        locale: None,
        created_by: user(9),
        created_at: at(seconds),
        expires_at: at(seconds + i64::from(INVITATION_SECONDS)),
    };
    StoredInvitation { invitation, generation: "g".into() }
}

async fn invite(tables: &Tables, n: u8, previous: Option<u8>) -> Result<Invited, StoreError> {
    let previous = previous.map(|n| invitation(n.into()).invitation);
    tables.store.invite(&invitation(n.into()), previous.as_ref(), &mail(100 + n), &entry(100 + n, &user(9))).await
}

/// Ann's account, by the invitation of this second.
fn by_invitation(n: u8) -> NewAccount {
    let session = Some(new_session(user(1), 1));
    let accepted = AcceptedInvitation { invitation: invitation(n.into()).invitation, session, audit: Vec::new() };
    NewAccount { invited: Some(accepted), ..newcomer("Ann", 1) }
}

async fn stored(tables: &Tables) -> [Option<StoredInvitation>; 2] {
    let of_address = tables.store.invitation_of(&email("ann@example.com")).await.unwrap();
    let by_id = match &of_address {
        Some(found) => tables.store.invitation(&found.invitation.id).await.unwrap(),
        None => None,
    };
    [of_address, by_id]
}

#[tokio::test]
async fn an_address_has_one_invitation_which_the_next_one_replaces() {
    let tables = Tables::new().await;
    assert_eq!(invite(&tables, 1, None).await.unwrap(), Invited::Done);
    assert_eq!(stored(&tables).await, [Some(invitation(1)), Some(invitation(1))]);
    // Without the current one, or with another one, it is refused.
    assert_eq!(tables.untouched(invite(&tables, 2, None)).await.unwrap(), Invited::Changed);
    assert_eq!(tables.untouched(invite(&tables, 3, Some(2))).await.unwrap(), Invited::Changed);
    assert_eq!(invite(&tables, 3, Some(1)).await.unwrap(), Invited::Done);
    assert_eq!(stored(&tables).await, [Some(invitation(3)), Some(invitation(3))]);
    assert_eq!(tables.store.invitation(&invitation(1).invitation.id).await.unwrap(), None);
    assert_eq!((tables.count("sessions").await, tables.count("outbox").await, tables.count("audit").await), (2, 2, 2));
}

#[tokio::test]
async fn an_address_with_an_account_is_not_invited() {
    let tables = Tables::new().await;
    tables.registered(newcomer("Ann", 1)).await;
    assert_eq!(tables.untouched(invite(&tables, 2, None)).await.unwrap(), Invited::HasAccount);
}

#[tokio::test]
async fn an_invitation_is_accepted_once_with_its_account_and_session() {
    let tables = Tables::new().await;
    assert_eq!(
        tables.untouched(tables.store.register(&by_invitation(1))).await.unwrap(),
        Registration::InvitationEnded
    );
    invite(&tables, 1, None).await.unwrap();
    assert_eq!(
        tables.untouched(tables.store.register(&by_invitation(2))).await.unwrap(),
        Registration::InvitationEnded
    );
    assert_eq!(tables.store.register(&by_invitation(1)).await.unwrap(), Registration::Done);
    assert_eq!(stored(&tables).await, [None, None]);
    let session = new_session(user(1), 1);
    assert!(tables.store.session(&user(1), &session.id).await.unwrap().is_some());
    let other = NewAccount { invited: by_invitation(1).invited, ..newcomer("Bob", 2) };
    assert_eq!(tables.untouched(tables.store.register(&other)).await.unwrap(), Registration::InvitationEnded);
}

#[tokio::test]
async fn a_revoked_invitation_is_revoked_once_and_a_replaced_one_is_not() {
    let tables = Tables::new().await;
    let revoke =
        async |n: u8| tables.store.revoke_invitation(&invitation(n.into()).invitation, &entry(50 + n, &user(9))).await;
    invite(&tables, 1, None).await.unwrap();
    invite(&tables, 2, Some(1)).await.unwrap();
    assert!(!tables.untouched(revoke(1)).await.unwrap());
    assert!(revoke(2).await.unwrap());
    assert!(!tables.untouched(revoke(2)).await.unwrap());
    assert_eq!(tables.count("sessions").await, 0);
}

// S10
#[tokio::test]
async fn expired_invitations_are_not_listed() {
    let tables = Tables::new().await;
    invite(&tables, 1, None).await.unwrap();
    let lifetime = i64::from(INVITATION_SECONDS);
    let listed = async |seconds: i64| {
        let page = PageOf { after: None, limit: 10 };
        tables.store.list_invitations(page, at(seconds)).await.unwrap().items.len()
    };
    assert_eq!([listed(1).await, listed(lifetime).await, listed(lifetime + 1).await], [1, 1, 0]);
}

#[tokio::test]
async fn a_forgotten_invitation_leaves_no_row() {
    let tables = Tables::new().await;
    invite(&tables, 1, None).await.unwrap();
    tables.untouched(tables.store.forget_invitation(&email("bob@example.com"))).await.unwrap();
    tables.store.forget_invitation(&email("ANN@example.com")).await.unwrap();
    assert_eq!(tables.count("sessions").await, 0);
    tables.untouched(tables.store.forget_invitation(&email("ann@example.com"))).await.unwrap();
}

// R8
#[tokio::test]
async fn a_lost_answer_invites_and_accepts_once_and_no_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    assert_eq!(invite(&tables, 1, None).await.unwrap(), Invited::Done);
    tables.faults.next("TransactWriteItems", unreachable());
    unavailable(tables.untouched(invite(&tables, 2, Some(1))).await);
    tables.faults.next("TransactWriteItems", unreachable());
    let (first, entry) = (invitation(1).invitation, entry(51, &user(9)));
    unavailable(tables.untouched(tables.store.revoke_invitation(&first, &entry)).await);
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    assert_eq!(tables.store.register(&by_invitation(1)).await.unwrap(), Registration::Done);
    assert_eq!(stored(&tables).await, [None, None]);
    tables.faults.take_calls();
}
