//! The rotation of the keys. It appends a random string to a secret; the functions see it within five minutes, publish
//! the new key, and sign with it a quarter of an hour after the rotation. No string is removed: tokens of the older
//! strings stay valid until they expire.

use aws_sdk_secretsmanager::Client;
use aws_smithy_types::error::display::DisplayErrorContext;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_platform::{Clock, Secret, random_bytes};
use tollgate_tokens::{InvalidSecretError, appended};

/// Why a secret was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// It could not be read or written.
    #[error("{0}: {1}")]
    Unavailable(String, String),
    /// Its content is not a secret of this kind.
    #[error("{0}: expected {1}")]
    Unusable(String, InvalidSecretError),
}

/// Appends a new string to the secret `id`.
///
/// # Errors
/// When the secret cannot be read or written, or is not one of those that keys are derived from.
pub async fn rotate(client: &Client, id: &str, clock: &Clock) -> Result<(), RotateError> {
    let unavailable = |text: String| RotateError::Unavailable(id.to_owned(), text);
    let read = client.get_secret_value().secret_id(id).send().await;
    let read = read.map_err(|error| unavailable(DisplayErrorContext(error).to_string()))?;
    let text = Secret::new(read.secret_string.unwrap_or_default());
    let value = Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<48>()));
    let rotated = appended(text.expose(), &value, clock.now());
    let rotated = rotated.map_err(|bad| RotateError::Unusable(id.to_owned(), bad))?;
    let write = client.put_secret_value().secret_id(id).secret_string(rotated.expose()).send().await;
    write.map_err(|error| unavailable(DisplayErrorContext(error).to_string()))?;
    Ok(())
}
