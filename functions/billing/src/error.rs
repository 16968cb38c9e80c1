//! What Stripe's errors are to a caller.

use tollgate_convergence::ConvergeError;
use tollgate_http::ApiError;
use tollgate_stripe::GatewayError;

/// The contract's error for a call to Stripe that gave no answer to work with.
pub fn of_gateway(error: GatewayError) -> ApiError {
    match error {
        GatewayError::NotConfigured => ApiError::StripeNotConfigured,
        GatewayError::Key(error) => error.into(),
        GatewayError::Refused { status: 402, .. } => ApiError::PaymentFailed(None),
        GatewayError::Refused { .. } | GatewayError::Failed(_) | GatewayError::Unknown(_) => {
            ApiError::StripeUnavailable(error.to_string())
        }
    }
}

/// The same for a look at Stripe and the write that follows.
pub fn of_convergence(error: ConvergeError) -> ApiError {
    match error {
        ConvergeError::Stripe(error) => of_gateway(error),
        ConvergeError::Store(error) => error.into(),
        ConvergeError::Overtaken => ApiError::Unavailable(error.to_string()),
    }
}
