//! The export of all data about one user, for that user or for an admin.

use crate::{ApiError, OwnedPayment, OwnedSubscription};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::billing::{Customer, Grace};
use tollgate_domain::gate::Gate;
use tollgate_domain::invitation::Invitation;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::session::Session;
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{Email, SessionId, User, UserId};
use tollgate_store::roles::{ReadAudit, ReadBilling, ReadSessions};
use tollgate_store::{AuditFilter, BillingFilter, Listed, PageOf, Profile, Store};
use utoipa::ToSchema;

/// The largest number of entries of each kind in an export, the newest.
const MOST: PageOf<'_> = PageOf { after: None, limit: 2000 };

/// All data about a user. Passwords, tokens and codes are not included: they are stored as hashes, or derived.
#[derive(Serialize, ToSchema)]
pub struct Export {
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    exported_at: Timestamp,
    user: User,
    /// The language of mails; `null` for English.
    locale: Option<String>,
    /// The user's identities at the linked providers.
    #[schema(value_type = Object)]
    linked_identities: BTreeMap<IdentityProvider, String>,
    access: Access,
    /// The sessions, with ended ones that are still stored.
    sessions: Vec<Session>,
    /// The mailed links and codes that are still stored.
    mailed_secrets: Vec<MailedSecret>,
    /// The open invitation of the user's address; `null` for none.
    invitation: Option<InvitationOf>,
    /// The customer at Stripe; `null` for a user without a checkout.
    customer: Option<CustomerOf>,
    subscriptions: Vec<OwnedSubscription>,
    payments: Vec<OwnedPayment>,
    /// The actions on or by the user, the newest first. The address of another actor is not included.
    audit_entries: Vec<AuditEntry>,
    /// Whether the export is complete: it contains the newest 2,000 of each kind.
    is_complete: bool,
}

/// The access by the user's plan.
#[derive(Serialize, ToSchema)]
pub struct Access {
    tier: u32,
    #[schema(value_type = Object)]
    features: Map<String, Value>,
    #[schema(value_type = Option<String>, format = DateTime)]
    access_until: Option<Timestamp>,
}

/// A link or a code that was mailed.
#[derive(Serialize, ToSchema)]
pub struct MailedSecret {
    /// Its purpose.
    purpose: &'static str,
    /// The requested address.
    #[schema(value_type = Option<String>)]
    new_email: Option<Email>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    used_at: Option<Timestamp>,
}

/// An invitation of the user's address.
#[derive(Serialize, ToSchema)]
pub struct InvitationOf {
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The user as Stripe's customer.
#[derive(Serialize, ToSchema)]
pub struct CustomerOf {
    stripe_customer_id: Option<String>,
    /// Stripe's id of the last checkout, which may be open.
    checkout_session_id: Option<String>,
    /// Stripe's page of it, while it is stored.
    checkout_url: Option<String>,
    #[schema(value_type = Option<String>)]
    email: Option<Email>,
    /// The address that was sent to Stripe and is not confirmed yet.
    #[schema(value_type = Option<String>)]
    attempt_email: Option<Email>,
    had_trial: bool,
}

impl From<Gate> for Access {
    fn from(gate: Gate) -> Self {
        Self { tier: gate.tier, features: gate.features, access_until: gate.access_until }
    }
}

impl From<OneTimeRow> for MailedSecret {
    fn from(row: OneTimeRow) -> Self {
        Self {
            purpose: row.purpose.as_str(),
            new_email: row.new_email,
            expires_at: row.expires_at,
            used_at: row.used_at,
        }
    }
}

impl From<Invitation> for InvitationOf {
    fn from(invitation: Invitation) -> Self {
        Self { created_at: invitation.created_at, expires_at: invitation.expires_at }
    }
}

impl From<Customer> for CustomerOf {
    fn from(customer: Customer) -> Self {
        let session = customer.checkout.map(|checkout| (checkout.session_id, checkout.url));
        let (checkout_session_id, checkout_url) = session.unwrap_or_default();
        Self {
            stripe_customer_id: customer.stripe_customer_id,
            checkout_session_id,
            checkout_url,
            email: customer.email,
            attempt_email: customer.attempt_email,
            had_trial: customer.had_trial,
        }
    }
}

impl Export {
    /// The export of the user with this profile and this gate; `current` is the session of the request.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn read<R: ReadSessions + ReadBilling + ReadAudit>(
        store: &Store<R>,
        (profile, gate): (Profile, Gate),
        current: &SessionId,
        grace: Grace,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let user_id = gate.user_id;
        let customer = store.customer(&user_id).await?;
        let own = BillingFilter { user_id: Some(user_id), ..BillingFilter::default() };
        let about = AuditFilter { target_id: Some(user_id.to_string()), ..AuditFilter::default() };
        let by = AuditFilter { actor_id: Some(user_id), ..AuditFilter::default() };
        let mut progress = Progress { is_complete: true };
        let sessions = progress.of(store.kept_sessions(&user_id, MOST).await?);
        let secrets = progress.of(store.kept_secrets(&user_id, MOST).await?);
        let invitation = store.invitation_of(&profile.email).await?.map(|stored| stored.invitation);
        let subscriptions = progress.of(store.list_subscriptions(&own, MOST).await?);
        let payments = progress.of(store.list_payments(&own, MOST).await?);
        let mut entries = progress.of(store.entries(&about, MOST).await?);
        entries.extend(progress.of(store.entries(&by, MOST).await?));
        let plans = store.plans().await?;
        let subscription = |owned| OwnedSubscription::of(owned, &plans, grace, now);
        Ok(Self {
            exported_at: now,
            locale: profile.locale.clone(),
            linked_identities: profile.links.clone(),
            user: profile.into_user(),
            sessions: sessions.into_iter().map(|row| row.into_session(current)).collect(),
            mailed_secrets: secrets.into_iter().map(MailedSecret::from).collect(),
            invitation: invitation.filter(|open| open.check(now).is_ok()).map(InvitationOf::from),
            customer: customer.map(CustomerOf::from),
            subscriptions: subscriptions.into_iter().map(subscription).collect(),
            payments: payments.into_iter().map(OwnedPayment::from).collect(),
            audit_entries: each_once(entries, &user_id),
            access: gate.into(),
            is_complete: progress.is_complete,
        })
    }
}

/// Whether the export is complete so far.
struct Progress {
    is_complete: bool,
}

impl Progress {
    fn of<T>(&mut self, listed: Listed<T>) -> Vec<T> {
        self.is_complete &= listed.next.is_none();
        listed.items
    }
}

/// The entries, each once, the newest first, without the client addresses of other actors.
fn each_once(mut entries: Vec<AuditEntry>, user: &UserId) -> Vec<AuditEntry> {
    entries.sort_by_key(|entry| Reverse(entry.id));
    entries.dedup_by_key(|entry| entry.id);
    for entry in entries.iter_mut().filter(|entry| entry.actor_id.is_some_and(|actor| actor != *user)) {
        entry.ip = None;
    }
    entries
}
