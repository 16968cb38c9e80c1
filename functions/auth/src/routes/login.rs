//! `POST /login`.

use crate::devices;
use crate::devices::Shown;
use crate::mails::{self, Account};
use crate::named_account::{account_key, email_or_placeholder, placeholder_id};
use crate::passwords::PasswordComparison;
use crate::sign_in::{Client, SignInMethod, TokenDelivery, TokenResponse, refuse_closed, refused_entry, sign_in};
use crate::state::State;
use axum::extract::State as Shared;
use axum::response::Response;
use serde::Deserialize;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::Purpose;
use tollgate_domain::password::Password;
use tollgate_domain::{Email, Secret, SessionId};
use tollgate_http::{AccountKey, ApiError, ClientCount, CookieJar, JsonBody, Limiter, RequestContext, errors};
use tollgate_platform::random_bytes;
use tollgate_store::{Credentials, Profile};
use utoipa::ToSchema;

/// The address and the password.
#[derive(Deserialize, ToSchema)]
pub struct Login {
    #[schema(format = Email)]
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Password,
    #[serde(default)]
    #[schema(value_type = Option<TokenDelivery>)]
    token_delivery: TokenDelivery,
    /// The `device_token` of an earlier sign-in, from a client without cookies.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    device_token: Option<Secret<String>>,
}

errors! {
    /// Why a password does not sign in.
    LoginErrors = [ApiError::NotEnabled, ApiError::InvalidCredentials, ApiError::AccountDisabled]
}

/// Signs in by password.
#[utoipa::path(
    post, path = "/login", tag = "Sign-in", request_body = Login,
    responses((status = 200, body = TokenResponse), LoginErrors)
)]
pub async fn login(
    Shared(state): Shared<State>,
    context: RequestContext,
    count: ClientCount,
    cookies: CookieJar,
    JsonBody(body): JsonBody<Login>,
) -> Result<Response, ApiError> {
    let shown = Shown { cookies: &cookies, token: body.device_token.as_ref() };
    let named = Email::parse(&body.email).ok();
    let email = email_or_placeholder(&named)?;
    let (admitted, found) = tokio::join!(count.admitted(), state.store.credentials(&email));
    admitted?;
    let attempt = Attempt { state: &state, context: &context, body: &body, found: found? };
    let (key, account) = attempt.count(&named, shown).await?;
    let (verdict, right) = attempt.compare(account).await?;
    let (profile, gate) = attempt.accept(&key, right).await?;
    if verdict == PasswordComparison::RightButWeak {
        attempt.renew_hash(&email).await?;
    }
    let session = SessionId::new(context.now, random_bytes());
    let client = Client { context: &context, shown, delivery: body.token_delivery, session };
    sign_in(&state, &client, profile, gate, SignInMethod::Password).await
}

/// A sign-in by password. A stranger who registered an address must learn nothing from it: an unverified account with the
/// right password gets the answer for an unknown address, with the same calls (S6).
struct Attempt<'a> {
    state: &'a State,
    context: &'a RequestContext,
    body: &'a Login,
    /// The credentials of the address.
    found: Option<Credentials>,
}

impl Attempt<'_> {
    /// Counts it and reads the account, before the password is compared (S7): concurrent reads decide nothing before.
    async fn count(
        &self,
        named: &Option<Email>,
        shown: Shown<'_>,
    ) -> Result<(AccountKey, Option<(Profile, Gate)>), ApiError> {
        let Self { state, context, body, found } = self;
        let user = found.as_ref().map_or_else(|| placeholder_id(context), |found| found.user_id);
        let version = found.as_ref().map(|found| (found.user_id, found.password_version));
        let device = devices::find_device(state, shown, version).await?;
        let key = account_key(named, &body.email, device.as_ref());
        let (admitted, account) =
            tokio::join!(state.limiter.admit_account(context, &key), state.store.profile_and_gate(&user));
        admitted?;
        Ok((key, account?))
    }

    /// The account, if its password is that of the request; without one a placeholder is compared.
    async fn compare(
        &self,
        account: Option<(Profile, Gate)>,
    ) -> Result<(PasswordComparison, Option<(Profile, Gate)>), ApiError> {
        let hash = self.found.as_ref().map(|found| found.hash.as_str());
        let verdict = self.state.hasher.verify(&self.body.password, hash).await?;
        // A password of an older version was replaced by a reset or a change since.
        let version = self.found.as_ref().map(|found| found.password_version);
        let is_current = |gate: &Gate| version == Some(gate.password_version);
        let right = account.filter(|(_, gate)| verdict != PasswordComparison::Wrong && is_current(gate));
        Ok((verdict, right))
    }

    /// Replaces a hash of weaker parameters.
    async fn renew_hash(&self, email: &Email) -> Result<(), ApiError> {
        if let Some(weak) = &self.found {
            let stronger = self.state.hasher.hash(&self.body.password).await?;
            self.state.store.renew_hash(email, &weak.hash, &stronger).await?;
        }
        Ok(())
    }

    /// The account with the right password, if it may sign in; otherwise the attempt is refused.
    async fn accept(&self, key: &AccountKey, right: Option<(Profile, Gate)>) -> Result<(Profile, Gate), ApiError> {
        let Some((profile, gate)) = right else { return self.refuse(key, ApiError::InvalidCredentials, None).await };
        match refuse_closed(&gate, ApiError::InvalidCredentials) {
            Err(closed) => self.refuse(key, closed, None).await,
            Ok(()) if !profile.email_verified => {
                self.refuse(key, ApiError::InvalidCredentials, Some((&profile, &gate))).await
            }
            Ok(()) => Ok((profile, gate)),
        }
    }

    /// Records the refusal and mails the verification again to an account that is `unverified`, within the caps; otherwise
    /// writes a decoy, which is counted separately: failures of strangers use up no mail of the owner's.
    async fn refuse<T>(
        &self,
        key: &AccountKey,
        error: ApiError,
        unverified: Option<(&Profile, &Gate)>,
    ) -> Result<T, ApiError> {
        let Self { state, context, found, .. } = self;
        let decoy_key = key.decoy();
        let counted = if unverified.is_some() { key } else { &decoy_key };
        let user = found.as_ref().map(|found| &found.user_id);
        let entry = refused_entry(context, user, SignInMethod::Password.method(), &error);
        let mails = Limiter::mails_to(counted);
        let (recorded, mails) = tokio::join!(state.store.record(&entry), state.store.look_up(&mails));
        recorded?;
        let may_be_sent = state.limiter.admit_mail_beyond(context, mails?, mails::kind(Purpose::Verify)).await?;
        match unverified.filter(|_| may_be_sent) {
            Some((profile, gate)) => {
                let account = Account::of(profile, gate);
                let (row, mail) = mails::onetime(state, account, Purpose::Verify, context.now).await?;
                state.store.put_onetime(&row, &mail).await?;
            }
            None => state.store.put_decoys(&mails::decoy(state, context.now).await?, 1, context.now).await?,
        }
        Err(error)
    }
}
