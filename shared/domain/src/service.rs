//! Service credentials: an adopter's own service authenticates with them; an admin creates them.

use crate::{ServiceId, UserId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::ToSchema;

/// The largest number of service credentials.
pub const MAX_SERVICE_CREDENTIALS: usize = 20;
/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 80;

/// The name of a service, for admins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceName(String);

/// Not a name for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("name has 1 to 80 characters, no control characters among them.")]
pub struct InvalidServiceNameError;

impl FromStr for ServiceName {
    type Err = InvalidServiceNameError;

    fn from_str(text: &str) -> Result<Self, InvalidServiceNameError> {
        let name = text.trim();
        let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if fits { Ok(Self(name.to_owned())) } else { Err(InvalidServiceNameError) }
    }
}

/// The credential of a service, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceCredential {
    /// Its id: the `client_id` of OAuth.
    #[schema(value_type = String)]
    pub id: ServiceId,
    /// Its name.
    #[schema(value_type = String, max_length = 80)]
    pub name: ServiceName,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The admin who created it.
    #[schema(value_type = String)]
    pub created_by: UserId,
    /// The last day (UTC) on which it was used.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub last_used_on: Option<Date>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_80_characters_without_control_characters() {
        for good in ["x", " the API ", "Bücher", &"n".repeat(80)] {
            assert_eq!(good.parse::<ServiceName>().unwrap().0, good.trim());
        }
        for bad in ["", "  ", "a\nb", "\u{7f}", &"n".repeat(81)] {
            assert_eq!(bad.parse::<ServiceName>(), Err(InvalidServiceNameError), "{bad}");
        }
    }
}
