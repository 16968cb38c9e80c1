//! How each service says that a call failed.

use crate::service::Service;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

/// A transaction met another one.
pub(crate) const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"canceled","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict","Message":"in conflict"}]}"#;

/// Status and body of the service's throttling error.
pub(crate) fn throttled(service: Service) -> (u16, String) {
    match service {
        Service::Dynamodb => {
            (400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#.into())
        }
        Service::Sqs => (400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}"#.into()),
        Service::Secrets => (400, r#"{"__type":"ThrottlingException","message":"slow down"}"#.into()),
        Service::Ses => (400, error_xml("Sender", "Throttling")),
        Service::Stripe => (429, r#"{"error":{"type":"invalid_request_error","code":"rate_limit","message":"slow down"}}"#.into()),
        Service::S3 => (503, s3_error("SlowDown")),
        Service::Ai => (429, r#"{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}"#.into()),
        Service::Google | Service::Github => (429, r#"{"message":"slow down"}"#.into()),
    }
}

/// The body of a 500 of the service.
pub(crate) fn internal(service: Service) -> String {
    match service {
        Service::Ses => error_xml("Receiver", "InternalFailure"),
        Service::Stripe => r#"{"error":{"type":"api_error","message":"internal"}}"#.into(),
        Service::S3 => s3_error("InternalError"),
        _ => r#"{"__type":"InternalServerError","message":"internal"}"#.into(),
    }
}

fn s3_error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>made to fail</Message></Error>")
}

fn error_xml(kind: &str, code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>made to fail</Message></Error></ErrorResponse>"
    )
}

/// A response with this status and body.
pub(crate) fn answered(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}

/// The response was lost on its way.
pub(crate) fn lost() -> ConnectorError {
    ConnectorError::io("the connection was closed before the answer".into())
}
