//! The fake of Secrets Manager.

use super::state::Fakes;
use crate::documents::DatabaseError;
use serde_json::{Value, json};

const SECRETS: &str = "secret";

impl Fakes {
    /// The text of a secret.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn secret(&self, name: &str) -> Result<Option<String>, DatabaseError> {
        self.documents.get(SECRETS, name)
    }

    /// Sets the text of a secret.
    ///
    /// # Errors
    /// When the document store does not.
    pub fn put_secret(&self, name: &str, text: &str) -> Result<(), DatabaseError> {
        self.documents.put(SECRETS, name, &text)
    }

    pub(super) fn get_secret(&self, request: &Value) -> Result<Value, DatabaseError> {
        let name = request["SecretId"].as_str().unwrap_or_default();
        Ok(match self.secret(name)? {
            Some(text) => {
                json!({"ARN": format!("arn:aws:secretsmanager:local:000000000000:secret:{name}"), "Name": name, "SecretString": text})
            }
            None => json!({"__type": "ResourceNotFoundException", "Message": "no such secret"}),
        })
    }

    pub(super) fn put_secret_value(&self, request: &Value) -> Result<Value, DatabaseError> {
        let name = request["SecretId"].as_str().unwrap_or_default();
        if self.secret(name)?.is_none() {
            return Ok(json!({"__type": "ResourceNotFoundException", "Message": "no such secret"}));
        }
        self.put_secret(name, request["SecretString"].as_str().unwrap_or_default())?;
        Ok(json!({"Name": name, "VersionId": request["ClientRequestToken"]}))
    }
}
