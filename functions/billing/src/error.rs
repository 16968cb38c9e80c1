//! Maps Stripe's errors to answers; nothing else does.

use tollgate_convergence::ConvergeError;
use tollgate_http::{ApiError, Refused};
use tollgate_stripe::{GatewayError, Unpaid};

/// The contract's error for a user's call that Stripe refused or failed.
pub fn of_gateway(error: GatewayError) -> ApiError {
    classify(error, Refused::User)
}

/// The same for an admin's call: a refusal includes Stripe's reason, on which the admin can act.
pub fn for_admin(error: GatewayError) -> ApiError {
    classify(error, Refused::Admin)
}

/// The answer to a change that waits for a payment.
pub fn of_unpaid(unpaid: Unpaid) -> ApiError {
    match unpaid.needs_consent {
        true => ApiError::PaymentActionRequired(unpaid.invoice_url),
        false => ApiError::PaymentFailed(unpaid.invoice_url),
    }
}

/// The errors of [`of_gateway`].
pub fn user_errors() -> [ApiError; 4] {
    errors(Refused::User(String::new()))
}

/// The errors of [`for_admin`].
pub fn admin_errors() -> [ApiError; 4] {
    errors(Refused::Admin(String::new()))
}

fn errors(refused: Refused) -> [ApiError; 4] {
    [
        ApiError::StripeNotConfigured,
        ApiError::PaymentFailed(None),
        ApiError::StripeRefused(refused),
        ApiError::StripeUnavailable(String::new()),
    ]
}

fn classify(error: GatewayError, refused: fn(String) -> Refused) -> ApiError {
    match error {
        GatewayError::NotConfigured => ApiError::StripeNotConfigured,
        GatewayError::Key(error) => error.into(),
        GatewayError::Refused { status: 401, message, .. } => {
            tracing::error!(
                metric = "stripe_refused",
                reason = message,
                "Stripe does not accept the API key: set another one"
            );
            ApiError::StripeNotConfigured
        }
        GatewayError::Refused { status: 402, .. } => ApiError::PaymentFailed(None),
        error if error.is_permanent() => {
            tracing::error!(metric = "stripe_refused", reason = %error, "Stripe refused a request for good");
            let GatewayError::Refused { message, .. } = error else {
                return ApiError::StripeUnavailable(error.to_string());
            };
            ApiError::StripeRefused(refused(message))
        }
        GatewayError::Refused { .. } | GatewayError::Failed(_) | GatewayError::Unknown(_) => {
            ApiError::StripeUnavailable(error.to_string())
        }
    }
}

/// The same for a read of Stripe's state and the write that follows.
pub fn of_convergence(error: ConvergeError) -> ApiError {
    match error {
        ConvergeError::Stripe(error) => of_gateway(error),
        ConvergeError::Key(error) => error.into(),
        ConvergeError::Store(error) => error.into(),
        ConvergeError::Overtaken => ApiError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> GatewayError {
        GatewayError::Refused { status, code: String::new(), message: "No such price.".to_owned() }
    }

    // A10
    #[test]
    fn each_answer_of_stripe_has_its_code_and_its_reader() {
        for status in [400, 403, 404] {
            let (user, admin) = (of_gateway(refused(status)), for_admin(refused(status)));
            assert_eq!((user.status().as_u16(), user.code()), (502, "stripe_refused"));
            assert_eq!((admin.status().as_u16(), admin.code()), (422, "stripe_refused"));
            assert!(admin.detail().contains("No such price.") && !user.detail().contains("No such price."));
            assert!(user.detail().contains("will not help"), "{}", user.detail());
        }
        assert_eq!(of_gateway(refused(401)).code(), "stripe_not_configured");
        assert_eq!(of_gateway(refused(402)).code(), "payment_failed");
        for error in [GatewayError::Failed("500".to_owned()), GatewayError::Unknown("429".to_owned()), refused(418)] {
            let answer = of_gateway(error);
            assert_eq!((answer.status().as_u16(), answer.code()), (502, "stripe_unavailable"));
        }
    }
}
