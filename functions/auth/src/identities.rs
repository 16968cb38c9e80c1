//! The account of an identity: the linked one, an unverified one, or a new one; and the link of an identity to an
//! existing account (S22, S23).

use crate::providers::Identity;
use crate::sign_in::{refuse_closed, taken_over_entry};
use crate::state::State;
use crate::{invited, mails};
use serde_json::json;
use std::collections::BTreeMap;
use tollgate_domain::audit::Action;
use tollgate_domain::gate::Gate;
use tollgate_domain::invitation::Invitation;
use tollgate_domain::{Email, UserId, Username};
use tollgate_http::{ApiError, RequestContext};
use tollgate_mail::ProviderLinked;
use tollgate_platform::{SignUp, random_bytes};
use tollgate_store::{AcceptedInvitation, LinkFor, Linked, NewAccount, Profile, Registration, Takeover};

/// The account of an identity: the linked one, an unverified one with its address, or a new one.
pub async fn account_of(
    state: &State,
    context: &RequestContext,
    identity: &Identity,
) -> Result<(Profile, Gate), ApiError> {
    // A concurrent request may create or take over the account: then it is looked up again.
    for _ in 0..3 {
        if let Some(user) = state.store.user_of_identity(identity.provider, &identity.subject).await? {
            let missing = || ApiError::Internal("an identity without an account".into());
            return account(state, &user).await?.ok_or_else(missing);
        }
        let email = identity.email.as_ref().map_err(Clone::clone)?;
        let found = match state.store.user_of_email(email).await? {
            Some(user) => take_over(state, context, identity, &user).await?,
            None => {
                let invitation = required_invitation(state, context, email).await?;
                new_account(state, context, identity, email, invitation).await?
            }
        };
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Err(ApiError::Unavailable("the account changes too often".into()))
}

/// The invitation that a new account with this address accepts, where one is required: the provider has verified the
/// address (S22).
async fn required_invitation(
    state: &State,
    context: &RequestContext,
    email: &Email,
) -> Result<Option<Invitation>, ApiError> {
    match state.config.offer.sign_up {
        SignUp::Closed => Err(ApiError::NotEnabled),
        SignUp::Open => Ok(None),
        SignUp::Invite => {
            let stored = state.store.invitation_of(email).await?.map(|stored| stored.invitation);
            let valid = stored.filter(|invitation| invitation.check(context.now).is_ok());
            valid.map(Some).ok_or(ApiError::InvitationRequired)
        }
    }
}

async fn account(state: &State, user: &UserId) -> Result<Option<(Profile, Gate)>, ApiError> {
    Ok(state.store.profile_and_gate(user).await?)
}

/// Takes over the unverified account with the identity's address: its password and sessions end (S23).
async fn take_over(
    state: &State,
    context: &RequestContext,
    identity: &Identity,
    user: &UserId,
) -> Result<Option<(Profile, Gate)>, ApiError> {
    let Some((mut profile, mut gate)) = account(state, user).await? else { return Ok(None) };
    if profile.email_verified {
        return Err(ApiError::AccountExists);
    }
    refuse_closed(&gate, ApiError::AccountDisabled)?;
    let provider = identity.provider;
    let mut linked = context.entry(Action::Linked, Some(*user), Some(user.to_string()));
    linked.after = Some(json!({"provider": provider}));
    let takeover = Takeover {
        profile: &profile,
        replaces_version: gate.password_version,
        session: None,
        code: None,
        identity: Some((provider, &identity.subject)),
        audit: &[taken_over_entry(context, &profile, provider.as_str()), linked],
    };
    if !state.store.take_over(&takeover, context.now).await? {
        return Ok(None);
    }
    profile.email_verified = true;
    profile.links.insert(provider, identity.subject.clone());
    gate.password_version += 1;
    gate.sessions.clear();
    Ok(Some((profile, gate)))
}

/// Creates an account that the provider has verified, with a unique name similar to the provider's.
async fn new_account(
    state: &State,
    context: &RequestContext,
    identity: &Identity,
    email: &Email,
    invitation: Option<Invitation>,
) -> Result<Option<(Profile, Gate)>, ApiError> {
    let id = UserId::new(context.now, random_bytes());
    let mut username = Username::near(&identity.name, None);
    for _ in 0..4 {
        let taken = state.store.find_taken(&username, email, context.now).await?.username;
        if !taken {
            let profile = Profile {
                id,
                email: email.clone(),
                username: username.clone(),
                provider: identity.provider.into(),
                email_verified: true,
                is_active: true,
                is_admin: false,
                created_at: context.now,
                links: BTreeMap::from([(identity.provider, identity.subject.clone())]),
                link_emails: BTreeMap::from([(identity.provider, email.key().to_owned())]),
                locale: mails::locale_of(context),
            };
            let mut audit = context.entry(Action::Registered, Some(id), Some(id.to_string()));
            audit.after = Some(json!({"provider": profile.provider, "email_verified": true}));
            let invited = invitation.as_ref().map(|invitation| AcceptedInvitation {
                invitation: invitation.clone(),
                session: None,
                audit: vec![invited::accepted_entry(context, invitation, &id)],
            });
            let account =
                NewAccount { profile, credentials: None, gate: Gate::new(id), verification: None, audit, invited };
            match state.store.register(&account).await? {
                Registration::Done => return Ok(Some((account.profile, account.gate))),
                Registration::EmailTaken | Registration::IdentityTaken | Registration::InvitationEnded => {
                    return Ok(None);
                }
                Registration::UsernameTaken => {}
            }
        }
        let suffix = u32::from_be_bytes(random_bytes());
        username = Username::near(&identity.name, Some(&format!("{suffix:08x}")));
    }
    Err(ApiError::Unavailable("no free user name was found".into()))
}

/// Links an identity to the account that requested it, while the requesting session is live.
pub async fn link_identity(
    state: &State,
    context: &RequestContext,
    identity: &Identity,
    link: LinkFor,
) -> Result<(), ApiError> {
    let profile = state.store.profile(&link.user_id).await?.ok_or(ApiError::OauthStateMismatch)?;
    let (provider, subject) = (identity.provider, identity.subject.as_str());
    match profile.links.get(&provider) {
        Some(own) if own == subject => return Ok(()), // by another tab
        Some(_) => return Err(ApiError::AlreadyLinked),
        None => {}
    }
    let notice = ProviderLinked {
        to: profile.email.as_str().to_owned(),
        username: profile.username.as_str().to_owned(),
        provider: provider.title().to_owned(),
        at: context.now,
    };
    let notice = mails::outbox_message(notice, profile.locale.clone(), context.now)?;
    let mut entry = context.entry(Action::Linked, Some(profile.id), Some(profile.id.to_string()));
    entry.after = Some(json!({"provider": provider}));
    let identity = (provider, subject, identity.email.as_ref().ok());
    match state.store.link(&profile, identity, &link.session_id, &notice, &entry).await? {
        Linked::Done => Ok(()),
        Linked::Taken => Err(ApiError::AlreadyLinked),
        Linked::Changed => Err(ApiError::OauthStateMismatch),
    }
}
