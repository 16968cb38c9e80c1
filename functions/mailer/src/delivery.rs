//! The call to SES, and the classification of its errors (R15).

use crate::Config;
use aws_sdk_ses::Client;
use aws_sdk_ses::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ses::operation::send_raw_email::SendRawEmailError;
use aws_sdk_ses::primitives::Blob;
use aws_sdk_ses::types::{MessageTag, RawMessage};
use tollgate_mail::{Envelope, Mail, compose};
use tollgate_store::OutboxMessage;

/// The class of an SES error.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It concerns only this mail or its address: a retry would fail again.
    OfThisMail(String),
    /// It concerns all mails: throttling, an outage, or a wrong configuration. Retried, with an alarm.
    TryAgain(String),
}

type SendError = SdkError<SendRawEmailError>;

/// Sends the mail of `row` by SES, as one composed message.
pub async fn send(client: &Client, config: &Config, mail: &Mail, row: &OutboxMessage) -> Result<(), SendError> {
    let id = row.id.to_string();
    let message = compose(mail, &Envelope { from: &config.mail_from, id: &id, date: row.created_at });
    let built = |error| SdkError::construction_failure(error);
    client
        .send_raw_email()
        .source(config.mail_from.address())
        .destinations(&mail.to)
        .raw_message(RawMessage::builder().data(Blob::new(message)).build().map_err(built)?)
        .tags(MessageTag::builder().name("kind").value(mail.kind).build().map_err(built)?)
        .set_configuration_set_name(config.configuration_set.clone())
        .send()
        .await?;
    Ok(())
}

/// Classifies `error`.
pub fn classify(error: &SendError) -> Refusal {
    match error.as_service_error() {
        Some(error) => classify_code(error.code().unwrap_or("Unknown"), error.message().unwrap_or_default()),
        None => Refusal::TryAgain("no answer".to_owned()),
    }
}

/// `message` without the addresses in it, which SES repeats: also in the name of the identity that a role does not
/// allow (S28).
fn without_addresses(message: &str) -> String {
    let without = |word: &str| match word.split_once('@') {
        Some((before, _)) => format!("{}(address)", before.rfind('/').map_or("", |slash| &before[..=slash])),
        None => word.to_owned(),
    };
    message.split(' ').map(without).collect::<Vec<_>>().join(" ")
}

fn classify_code(code: &str, message: &str) -> Refusal {
    let own_fault = message.contains("not verified"); // the operator's identity, in a sandbox or a wrong region
    match code {
        "MessageRejected" | "InvalidParameterValue" if !own_fault => Refusal::OfThisMail(code.to_owned()),
        _ => Refusal::TryAgain(format!("{code}: {}", without_addresses(message))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R15
    #[test]
    fn only_permanent_ses_errors_park_a_message() {
        let parked = |code: &str, message: &str| matches!(classify_code(code, message), Refusal::OfThisMail(_));
        assert!(parked("MessageRejected", "Address blacklisted."));
        assert!(parked("InvalidParameterValue", "Illegal address"));
        let unverified = "Email address is not verified. The following identities failed the check in region X: a@b";
        for (code, message) in [
            ("MessageRejected", unverified),
            ("Throttling", "Maximum sending rate exceeded."),
            ("MailFromDomainNotVerifiedException", ""),
            ("ConfigurationSetDoesNotExist", ""),
            ("AccountSendingPausedException", ""),
            ("ServiceUnavailable", ""),
            ("AccessDenied", ""),
            ("Unknown", ""),
        ] {
            assert!(!parked(code, message), "{code} {message}");
        }
    }

    // S28
    #[test]
    fn a_retried_refusal_keeps_the_text_of_ses_without_addresses() {
        let role = "arn:aws:sts::1:assumed-role/r/f";
        for (message, kept) in [
            ("Maximum sending rate exceeded.", "Maximum sending rate exceeded."),
            (
                "not verified. The identities failed: ann@example.com, x",
                "not verified. The identities failed: (address) x",
            ),
            (
                &format!(
                    "User `{role}' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:r:1:identity/a+b@example.com'"
                ),
                &format!(
                    "User `{role}' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:r:1:identity/(address)"
                ),
            ),
        ] {
            assert_eq!(classify_code("Any", message), Refusal::TryAgain(format!("Any: {kept}")));
        }
    }
}
