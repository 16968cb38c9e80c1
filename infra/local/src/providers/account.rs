//! The accounts at the fakes.

use serde::{Deserialize, Serialize};

/// An account at a fake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Digits.
    pub subject: String,
    /// Its address.
    pub email: String,
    /// Whether the provider has verified it.
    pub email_verified: bool,
    /// The name at the provider.
    #[serde(default)]
    pub username: Option<String>,
    /// GitHub: all its addresses; then the other address is ignored.
    #[serde(default)]
    pub emails: Option<Vec<Address>>,
    /// Google: the flaw of its ID tokens.
    #[serde(default)]
    pub id_token: Option<Flaw>,
}

/// An account in the dev console's answers.
#[derive(Deserialize)]
pub struct NewAccount {
    pub(super) email: String,
    #[serde(default = "yes")]
    pub(super) email_verified: bool,
    pub(super) subject: Option<String>,
    pub(super) username: Option<String>,
    pub(super) emails: Option<Vec<Address>>,
    pub(super) id_token: Option<Flaw>,
}

const fn yes() -> bool {
    true
}

/// One of an account's addresses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub email: String,
    /// Whether GitHub has verified it.
    pub verified: bool,
    /// Whether it is the primary address.
    pub primary: bool,
}

/// The flaw of an account's ID tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// The signature of another key.
    WrongSignature,
    /// Another issuer.
    WrongIss,
    /// Another client.
    WrongAud,
    /// Expired an hour ago.
    Expired,
    /// The nonce of another sign-in.
    WrongNonce,
    /// Not signed at all.
    AlgNone,
}
