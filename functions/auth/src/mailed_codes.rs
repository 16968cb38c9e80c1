//! Attempts at mailed codes: counted for the code and for the account before they are compared, and only wrong ones
//! stay counted (S11).

use crate::state::State;
use tollgate_domain::Secret;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_http::{AccountKey, ApiError, RequestContext};

/// A code is a string of six ASCII digits.
pub fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The row, if `code` is its code. Without a valid row the same work is done (S6), and none of the account's attempts is
/// used up: there is no code to guess.
pub async fn try_code(
    state: &State,
    context: &RequestContext,
    whose: &AccountKey,
    row: Option<OneTimeRow>,
    code: &Secret<String>,
) -> Result<Option<OneTimeRow>, ApiError> {
    let codes = state.keys.codes().await?;
    let row = state.store.count_try(row, &context.request_id, context.now).await?;
    let has_tries = state.store.count_code_try(whose.as_str(), row.is_some(), &context.request_id, context.now).await?;
    let Some(row) = row.filter(|_| has_tries) else { return Ok(None) };
    if !codes.is_code_of(code.expose(), &row) {
        return Ok(None);
    }
    state.store.forgive_code_try(whose.as_str(), &context.request_id).await?;
    Ok(Some(row))
}
