//! `POST /register`.

use super::{Message, email, message};
use crate::State;
use crate::mails::{self, Account};
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use tollgate_domain::audit::Action;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::Purpose;
use tollgate_domain::user::Provider;
use tollgate_domain::{Secret, UserId, Username};
use tollgate_http::{AccountKey, ApiError, JsonBody, RequestContext};
use tollgate_mail::Message as Mail;
use tollgate_platform::random_bytes;
use tollgate_store::{Credentials, NewAccount, Profile, Registration};
use utoipa::ToSchema;

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
pub struct Register {
    #[schema(format = Email)]
    email: String,
    #[schema(min_length = 3, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", examples("ann"))]
    username: String,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Secret<String>,
}

/// The kind of the mail to the owner of an address that somebody registers again.
pub(super) const ALREADY_REGISTERED: &str = "already_registered";

/// Makes an account, or tells the owner of the address by mail that there is one. The answer is the same.
#[utoipa::path(
    post, path = "/register", tag = "Accounts", request_body = Register,
    responses((status = 202, body = Message), (status = 409, description = "`username_taken`"),
        (status = 422, description = "`invalid_email`, `invalid_username`, `weak_password`"), (status = 429, description = "`rate_limited`"))
)]
pub async fn register(
    Shared(state): Shared<State>,
    context: RequestContext,
    JsonBody(body): JsonBody<Register>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    let email = email(&body.email, "email")?;
    let username = Username::parse(&body.username).map_err(|_| ApiError::InvalidUsername)?;
    state
        .config
        .passwords
        .check(&body.password, &email, &username)
        .map_err(|weak| ApiError::WeakPassword("password", weak))?;
    let account = AccountKey::address(&email, None);
    state.limiter.admit_account(&context, &account).await?;
    let taken = state.store.taken(&username, &email, context.now).await?;
    if taken.username {
        return Err(ApiError::UsernameTaken);
    }
    let kind = if taken.email.is_some() { ALREADY_REGISTERED } else { mails::kind(Purpose::Verify) };
    let mut may_be_sent = state.limiter.admit_mail(&context, &account, kind).await?;
    // Hashed also where it is not kept: both ways take as long (S6).
    let hash = state.hasher.hash(&body.password).await?;
    let id = UserId::new(context.now, random_bytes());
    let newcomer = Account { id, email: &email, username: &username, password_version: 1 };
    let proof = mails::onetime(&state, newcomer, Purpose::Verify, None, context.now).await?;
    let outcome = if taken.email.is_some() {
        Registration::EmailTaken
    } else {
        let mut audit = context.entry(Action::Registered, Some(id), Some(id.to_string()));
        audit.after = Some(json!({"provider": Provider::Local}));
        let newcomer = NewAccount {
            profile: Profile {
                id,
                email: email.clone(),
                username: username.clone(),
                provider: Provider::Local,
                email_verified: false,
                created_at: context.now,
                links: BTreeMap::new(),
            },
            credentials: Some(Credentials { user_id: id, hash, password_version: 1 }),
            gate: Gate::new(id),
            proof: Some(proof),
            audit,
        };
        state.store.register(&newcomer).await?
    };
    match outcome {
        Registration::Done => {}
        Registration::UsernameTaken => return Err(ApiError::UsernameTaken),
        Registration::IdentityTaken => return Err(ApiError::Internal("a registration without an identity".into())),
        Registration::EmailTaken => {
            // Lost to another registration of this moment? Then its spelling of the address is read now.
            let known = match taken.email {
                Some(known) => known,
                None => {
                    may_be_sent = state.limiter.admit_mail(&context, &account, ALREADY_REGISTERED).await?;
                    state.store.taken(&username, &email, context.now).await?.email.unwrap_or(email)
                }
            };
            let mail = if may_be_sent {
                mails::outgoing(&Mail::AlreadyRegistered { to: known.as_str().to_owned() }, context.now)?
            } else {
                mails::decoy(&state, context.now).await?
            };
            if !state.store.register_known(&username, &mail, context.now).await? {
                return Err(ApiError::UsernameTaken);
            }
        }
    }
    Ok((StatusCode::ACCEPTED, message("Look into your mail: we have sent you what to do next.")))
}
