//! Errors of the contract (RFC 9457), in one place. The public text and the internal cause are different fields; the
//! cause is logged once, with the request.

mod answer;

use http::{Extensions, HeaderName, StatusCode};
use serde::Serialize;
use tollgate_domain::limit::Quota;
use tollgate_domain::password::WeakPasswordError;
use tollgate_guard::GuardError;

pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Every error of the contract.
#[derive(Debug, Clone)]
pub enum ApiError {
    /// The body is not JSON.
    InvalidJson,
    /// A field is missing or wrong.
    Validation(FieldError),
    /// Errors of several fields. The first one is the title.
    Several(Vec<ApiError>),
    /// The body is too large.
    BodyTooLarge,
    /// The body is of another type.
    UnsupportedMediaType,
    /// The path or object does not exist, or belongs to another user.
    NotFound,
    /// This deployment leaves it out: billing, sign-up or passwords.
    NotEnabled,
    /// The path exists, but not with this method; with the allowed methods.
    MethodNotAllowed,
    /// No access token, or one that is refused.
    Unauthenticated,
    /// No service credential, or one that is refused (RFC 6749, 5.2).
    InvalidClient,
    /// The largest number of service credentials is reached.
    TooManyServiceCredentials,
    /// The body is not a form.
    FormExpected,
    /// Authenticated, but not allowed.
    Forbidden,
    /// The plan lacks a tier, a feature, or uses of a quota.
    Plan(GuardError),
    /// The sign-in is too old for this.
    ReauthenticationRequired,
    /// The cursor does not belong to this list.
    InvalidCursor,
    /// The value of this filter is not valid, or the query cannot be parsed.
    InvalidFilter(&'static str),
    /// A query parameter that was given more than once.
    RepeatedParameter(String),
    /// The query names a filter that this list does not have; with the allowed names.
    UnknownFilter(Vec<String>),
    /// The current password is wrong.
    WrongPassword,
    /// Address and password do not match.
    InvalidCredentials,
    /// The address is not verified yet.
    EmailNotVerified,
    /// The account is closed.
    AccountDisabled,
    /// The refresh token is not valid.
    InvalidRefreshToken,
    /// The link or code is not valid.
    InvalidToken,
    /// The link has expired.
    TokenExpired,
    /// The code is not valid.
    InvalidCode,
    /// Too many calls.
    RateLimited(Exceeded),
    /// The address to return to after a sign-in is not allowed.
    InvalidReturnTo,
    /// This sign-in method is not configured.
    ProviderNotConfigured,
    /// The provider's answer belongs to no flow of this browser.
    OauthStateMismatch,
    /// The provider or the user denied the sign-in.
    OauthDenied,
    /// The provider has no verified address of this user.
    EmailNotVerifiedByProvider,
    /// Mail cannot reach the verified address at the provider.
    EmailNotSupported,
    /// The identity belongs to another account, or the account has one of this provider.
    AlreadyLinked,
    /// An account has this address, and the identity is not linked to it.
    AccountExists,
    /// An account has this address already: an answer for admins only (S6).
    EmailTaken,
    /// An account is created by an invitation only.
    InvitationRequired,
    /// The account would have no sign-in method.
    LastSignInMethod,
    /// The provider does not answer, or not as expected. The text is for the log.
    OauthProviderUnavailable(String),
    /// The user name is taken or reserved.
    UsernameTaken,
    /// The password in this field is not accepted.
    WeakPassword(&'static str, WeakPasswordError),
    /// Not a valid e-mail address.
    InvalidEmail(&'static str),
    /// Not a valid user name.
    InvalidUsername,
    /// The account has no password to change.
    NoPassword,
    /// The last admin cannot be removed.
    LastAdmin,
    /// The body is not signed by Stripe, or the signature is too old.
    InvalidSignature,
    /// The signed body is not an event.
    InvalidEvent,
    /// Stripe is not set up.
    StripeNotConfigured,
    /// Stripe does not answer, or not as expected. The text is for the log.
    StripeUnavailable(String),
    /// Stripe permanently refuses the request.
    StripeRefused(Refused),
    /// The card was declined: with Stripe's payment page, if there is one.
    PaymentFailed(Option<String>),
    /// The bank requires the payer's confirmation: with Stripe's page, if there is one.
    PaymentActionRequired(Option<String>),
    /// The subscription has that plan already, or is scheduled for it.
    SamePlan,
    /// A subscription cannot change its currency.
    CurrencyMismatch,
    /// Not a valid proration date.
    InvalidProrationDate,
    /// There is no such active plan.
    PlanNotFound,
    /// The plan is free.
    PlanIsFree,
    /// The user has a subscription that has not ended.
    AlreadySubscribed,
    /// There is no subscription.
    NoSubscription,
    /// The subscription ends with its period already.
    AlreadyCanceling,
    /// The subscription is not canceling: there is nothing to resume.
    NotCanceling,
    /// The user has no customer at Stripe.
    NoCustomer,
    /// Another plan has the code.
    PlanCodeTaken,
    /// The plan has changed since it was read.
    PlanChanged,
    /// The first call with this key is in progress.
    IdempotencyInProgress,
    /// This key was used with another body.
    IdempotencyKeyReused,
    /// The statement of a report is not accepted, with the reason.
    SqlNotAllowed(String),
    /// No chat model is configured.
    AiNotConfigured,
    /// The chat model does not answer, or not as expected. The text is for the log.
    AiUnavailable(String),
    /// Something unexpected happened. The text is for the log.
    Internal(String),
    /// A required service is unavailable. The text is for the log.
    Unavailable(String),
}

/// The reader of a refusal by Stripe, with Stripe's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// An admin, who can act on the reason.
    Admin(String),
    /// A user, who cannot act on the reason: it is for the log.
    User(String),
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// The error code.
    pub code: &'static str,
    /// The message.
    pub message: String,
}

impl FieldError {
    /// A `validation_failed` of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: "validation_failed", message: message.into() }
    }
}

impl ApiError {
    /// Status, code and the sentence for a person.
    fn public(&self) -> (StatusCode, &'static str, String) {
        use StatusCode as S;
        let (status, code, detail) = match self {
            Self::InvalidJson => (S::BAD_REQUEST, "invalid_json", "The body is not valid JSON."),
            Self::Validation(field) => return (S::UNPROCESSABLE_ENTITY, field.code, field.message.clone()),
            Self::Several(errors) => match errors.first() {
                Some(first) => return first.public(),
                None => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side."),
            },
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large."),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Send the body as content-type application/json.")
            }
            Self::NotFound => (S::NOT_FOUND, "not_found", "There is nothing here."),
            Self::NotEnabled => (S::NOT_FOUND, "not_enabled", "This service does not offer this."),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "This path does not take this method.")
            }
            Self::Unauthenticated => return GuardError::Unauthenticated.public(),
            Self::Forbidden => return GuardError::Forbidden.public(),
            Self::Plan(error) => return error.public(),
            Self::InvalidClient => (S::UNAUTHORIZED, "invalid_client", "A valid service credential is needed."),
            Self::TooManyServiceCredentials => (
                S::CONFLICT,
                "too_many_service_credentials",
                "There are 20 service credentials. Delete one that is not used.",
            ),
            Self::FormExpected => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the body as content-type application/x-www-form-urlencoded.",
            ),
            Self::ReauthenticationRequired => (
                S::FORBIDDEN,
                "reauthentication_required",
                "Confirm with your password, or sign in again and come back within 5 minutes.",
            ),
            Self::InvalidFilter(name) => {
                return (S::BAD_REQUEST, "invalid_filter", format!("{name} is not of the kind that this list takes."));
            }
            Self::RepeatedParameter(name) => {
                return (S::BAD_REQUEST, "invalid_filter", format!("{name} is given more than once. Give it once."));
            }
            Self::UnknownFilter(known) => {
                let detail = format!("This list has no such filter. The query may have: {}.", known.join(", "));
                return (S::BAD_REQUEST, "invalid_filter", detail);
            }
            Self::InvalidCursor => (S::BAD_REQUEST, "invalid_cursor", "The cursor does not belong to this list."),
            Self::WrongPassword => (S::FORBIDDEN, "wrong_password", "The password is not right."),
            Self::InvalidCredentials => (
                S::UNAUTHORIZED,
                "invalid_credentials",
                "Address and password do not match, or the address is not verified yet: look into your mail.",
            ),
            Self::EmailNotVerified => {
                (S::CONFLICT, "email_not_verified", "The address of this account is not verified yet.")
            }
            Self::AccountDisabled => (S::FORBIDDEN, "account_disabled", "This account is disabled."),
            Self::InvalidRefreshToken => (S::UNAUTHORIZED, "invalid_refresh_token", "Sign in again."),
            Self::InvalidToken => {
                (S::BAD_REQUEST, "invalid_token", "This link or code is not valid, or was used already.")
            }
            Self::InvalidCode => (S::UNAUTHORIZED, "invalid_code", "This code is not valid, or was used already."),
            Self::RateLimited(_) => {
                (S::TOO_MANY_REQUESTS, "rate_limited", "Too many attempts. Wait a moment, then try again.")
            }
            Self::InvalidReturnTo => {
                (S::BAD_REQUEST, "invalid_return_to", "return_to must be an address of an allowed origin.")
            }
            Self::ProviderNotConfigured => {
                (S::SERVICE_UNAVAILABLE, "provider_not_configured", "This sign-in method is not configured.")
            }
            Self::OauthStateMismatch => (
                S::BAD_REQUEST,
                "oauth_state_mismatch",
                "This sign-in was not started in this browser, or took too long. Start again.",
            ),
            Self::OauthDenied => (S::BAD_REQUEST, "oauth_denied", "The provider did not let you in."),
            Self::EmailNotVerifiedByProvider => (
                S::BAD_REQUEST,
                "email_not_verified_by_provider",
                "Verify your e-mail address at the provider first, then try again.",
            ),
            Self::EmailNotSupported => (
                S::BAD_REQUEST,
                "email_not_supported",
                "Mail cannot reach the address that the provider has: the part before the @ must be ASCII.",
            ),
            Self::AlreadyLinked => (S::CONFLICT, "already_linked", "This is linked already."),
            Self::AccountExists => (
                S::CONFLICT,
                "account_exists",
                "There is an account with this address. Sign in to it, then link this provider.",
            ),
            Self::LastSignInMethod => {
                (S::CONFLICT, "last_sign_in_method", "Set a password first: this is the only sign-in method.")
            }
            Self::OauthProviderUnavailable(_) => {
                (S::BAD_GATEWAY, "oauth_provider_unavailable", "The provider does not answer. Try again in a moment.")
            }
            Self::EmailTaken => (S::CONFLICT, "email_taken", "An account has this e-mail address."),
            Self::InvitationRequired => {
                (S::FORBIDDEN, "invitation_required", "A new account needs an invitation. Open the link in its mail.")
            }
            Self::TokenExpired => (S::BAD_REQUEST, "token_expired", "This link has expired. Ask for a new one."),
            Self::UsernameTaken => (S::CONFLICT, "username_taken", "This user name is taken."),
            Self::WeakPassword(_, reason) => return (S::UNPROCESSABLE_ENTITY, "weak_password", reason.to_string()),
            Self::InvalidEmail(_) => (S::UNPROCESSABLE_ENTITY, "invalid_email", "This is not an e-mail address."),
            Self::InvalidUsername => (
                S::UNPROCESSABLE_ENTITY,
                "invalid_username",
                "A user name has 3 to 40 letters, digits, dots, dashes or underscores.",
            ),
            Self::NoPassword => (
                S::CONFLICT,
                "no_password",
                "This account has no password. Set one by the link for a forgotten password.",
            ),
            Self::LastAdmin => (S::CONFLICT, "last_admin", "This is the last active admin. Name another one first."),
            Self::InvalidSignature => {
                (S::BAD_REQUEST, "invalid_signature", "The signature is missing, wrong or too old.")
            }
            Self::InvalidEvent => (S::BAD_REQUEST, "invalid_event", "The body is not a Stripe event."),
            Self::StripeNotConfigured => (S::SERVICE_UNAVAILABLE, "stripe_not_configured", "Payments are not set up."),
            Self::StripeUnavailable(_) => {
                (S::BAD_GATEWAY, "stripe_unavailable", "Payments cannot be reached. Try again in a moment.")
            }
            Self::StripeRefused(Refused::Admin(reason)) => {
                return (S::UNPROCESSABLE_ENTITY, "stripe_refused", format!("Stripe refused this: {reason}"));
            }
            Self::StripeRefused(Refused::User(_)) => (
                S::BAD_GATEWAY,
                "stripe_refused",
                "The payment provider refused this request. Trying again will not help: contact support.",
            ),
            Self::PaymentFailed(_) => (S::PAYMENT_REQUIRED, "payment_failed", "The payment was refused."),
            Self::PaymentActionRequired(_) => {
                (S::PAYMENT_REQUIRED, "payment_action_required", "Your bank requires your consent to the payment.")
            }
            Self::SamePlan => (S::CONFLICT, "same_plan", "This is your plan already, or from the next period on."),
            Self::CurrencyMismatch => {
                (S::CONFLICT, "currency_mismatch", "A subscription cannot change its currency. End it first.")
            }
            Self::InvalidProrationDate => (
                S::UNPROCESSABLE_ENTITY,
                "invalid_proration_date",
                "proration_date must be a moment of this period, not in the future, an hour old at most.",
            ),
            Self::PlanNotFound => (S::NOT_FOUND, "plan_not_found", "There is no such plan."),
            Self::PlanIsFree => {
                (S::UNPROCESSABLE_ENTITY, "plan_is_free", "This plan is free: it needs no subscription.")
            }
            Self::AlreadySubscribed => {
                (S::CONFLICT, "already_subscribed", "You have a subscription. Change that one instead.")
            }
            Self::NoSubscription => (S::NOT_FOUND, "no_subscription", "You have no subscription."),
            Self::AlreadyCanceling => {
                (S::CONFLICT, "already_canceling", "Your subscription is canceled at period end already.")
            }
            Self::NotCanceling => {
                (S::CONFLICT, "not_canceling", "Your subscription is not canceled: there is nothing to resume.")
            }
            Self::NoCustomer => (S::NOT_FOUND, "no_customer", "You have bought nothing yet."),
            Self::PlanCodeTaken => {
                (S::CONFLICT, "plan_code_taken", "This code is another plan's, perhaps an archived one's.")
            }
            Self::PlanChanged => (S::CONFLICT, "plan_changed", "The plan has changed. Reload it and try again."),
            Self::IdempotencyInProgress => {
                (S::CONFLICT, "idempotency_in_progress", "The first call with this idempotency-key is under way.")
            }
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This idempotency-key came with another body before.",
            ),
            Self::SqlNotAllowed(reason) => {
                return (
                    S::UNPROCESSABLE_ENTITY,
                    "sql_not_allowed",
                    format!("The statement is not accepted: {reason}{}", if reason.ends_with('?') { "" } else { "." }),
                );
            }
            Self::AiNotConfigured => (
                S::SERVICE_UNAVAILABLE,
                "ai_not_configured",
                "No model is configured. Put a key into the secret `ai`, locally into GROQ_API_KEY.",
            ),
            Self::AiUnavailable(_) => (
                S::BAD_GATEWAY,
                "ai_unavailable",
                "The model gave no answer that can be used. Try again, or write the SQL.",
            ),
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side."),
            Self::Unavailable(_) => (S::SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment."),
        };
        (status, code, detail.to_owned())
    }

    /// The error in the `extensions` of a response, also one of a guard.
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        let of_guard = || extensions.get::<GuardError>().cloned().map(Self::from);
        extensions.get::<Self>().cloned().or_else(of_guard)
    }

    /// The cause, for the log alone.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause)
            | Self::Unavailable(cause)
            | Self::OauthProviderUnavailable(cause)
            | Self::StripeUnavailable(cause)
            | Self::AiUnavailable(cause)
            | Self::StripeRefused(Refused::Admin(cause) | Refused::User(cause)) => Some(cause),
            _ => None,
        }
    }

    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.public().1
    }

    /// Its HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.public().0
    }

    /// The sentence for a person.
    #[must_use]
    pub fn detail(&self) -> String {
        self.public().2
    }
}

/// A limit that was exceeded, for the headers of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// The name of the limit.
    pub policy: &'static str,
    /// Its quota.
    pub quota: Quota,
    /// When it allows one more call.
    pub retry_after_seconds: u32,
}
