//! Mailed secrets, which are derived when they are mailed and again when they are presented: the contents of tables and
//! queues are useless without the secret `codes` (S19).

use crate::generation::{Generation, signing_index};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::{InvitationId, UserId};
use tollgate_platform::{Secret, constant_time_eq, hex};

/// A link's token or a code, as mailed.
pub type Plain = Secret<String>;

/// The keys of all generations.
pub struct Codes(Vec<CodeKey>);

struct CodeKey {
    id: String,
    since: Timestamp,
    key: hmac::Key,
}

/// The parts of a link's token, by which its row is found: `user.row.mac`.
#[derive(Debug)]
pub struct LinkToken {
    /// The user of the row.
    pub user_id: UserId,
    /// The row's id.
    pub row_id: String,
    mac: Vec<u8>,
}

impl LinkToken {
    /// Splits a token. It is not verified yet.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (user, row, mac) = (parts.next()?, parts.next()?, parts.next()?);
        let row_fits = row.len() == ROW_ID_CHARS && row.bytes().all(|b| b.is_ascii_hexdigit());
        if parts.next().is_some() || !row_fits {
            return None;
        }
        Some(Self {
            user_id: UserId::from_bare(user).ok()?,
            row_id: row.to_owned(),
            mac: URL_SAFE_NO_PAD.decode(mac).ok()?,
        })
    }
}

/// The parts of an invitation's token: `invitation.mac`.
#[derive(Debug)]
pub struct InvitationToken {
    /// The invitation.
    pub id: InvitationId,
    mac: Vec<u8>,
}

impl InvitationToken {
    /// Splits a token. It is not verified yet.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, mac) = text.split_once('.')?;
        Some(Self { id: InvitationId::from_bare(id).ok()?, mac: URL_SAFE_NO_PAD.decode(mac).ok()? })
    }
}

/// The name of invitations where other secrets have their purpose.
const INVITATION: &str = "invitation";

const ROW_ID_CHARS: usize = 44;

/// A new row id: 12 hex digits of time, so that the newest sorts first, then 128 random bits.
#[must_use]
pub fn new_row_id(now: Timestamp) -> String {
    let random = u128::from_be_bytes(tollgate_platform::random_bytes());
    format!("{:012x}{random:032x}", now.as_millisecond().max(0))
}

impl Codes {
    pub(crate) fn new(generations: Vec<Generation>) -> Self {
        let key = |generation: &Generation| CodeKey {
            id: hex(&generation.derive::<4>("codes id")),
            since: generation.since,
            key: hmac::Key::new(hmac::HMAC_SHA256, &generation.derive::<32>("codes")),
        };
        Self(generations.iter().map(key).collect())
    }

    /// The id of the generation from which new secrets are derived at `now`.
    #[must_use]
    pub fn generation(&self, now: Timestamp) -> &str {
        let since: Vec<_> = self.0.iter().map(|key| key.since).collect();
        &self.0[signing_index(&since, now)].id
    }

    /// The token of the link of `row_id`; `None` when the generation was removed.
    #[must_use]
    pub fn link_token(&self, purpose: Purpose, user_id: &UserId, row_id: &str, generation: &str) -> Option<Plain> {
        let mac = self.mac(generation, "link", purpose.as_str(), row_id)?;
        Some(Secret::new(format!("{}.{row_id}.{}", user_id.bare(), URL_SAFE_NO_PAD.encode(mac))))
    }

    /// The six digits of `row_id`; `None` when the generation was removed.
    #[must_use]
    pub fn code(&self, purpose: Purpose, row_id: &str, generation: &str) -> Option<Plain> {
        let mac = self.mac(generation, "code", purpose.as_str(), row_id)?;
        let mut first = [0; 8];
        first.copy_from_slice(&mac.as_ref()[..8]);
        // 2^64 values are mapped to 10^6 with a bias below 10^-13.
        Some(Secret::new(format!("{:06}", u64::from_be_bytes(first) % 1_000_000)))
    }

    /// Whether `token` is the link of `row`, in constant time.
    #[must_use]
    pub fn is_link_of(&self, token: &LinkToken, row: &OneTimeRow) -> bool {
        let mac = self.mac(&row.generation, "link", row.purpose.as_str(), &row.id);
        mac.is_some_and(|mac| constant_time_eq(mac.as_ref(), &token.mac)) && token.user_id == row.user_id
    }

    /// Whether `code` is that of `row`, in constant time.
    #[must_use]
    pub fn is_code_of(&self, code: &str, row: &OneTimeRow) -> bool {
        let right = self.code(row.purpose, &row.id, &row.generation);
        right.is_some_and(|right| constant_time_eq(right.expose().as_bytes(), code.as_bytes()))
    }

    /// The token of the link of an invitation; `None` when the generation was removed.
    #[must_use]
    pub fn invitation_token(&self, id: &InvitationId, generation: &str) -> Option<Plain> {
        let mac = self.mac(generation, "link", INVITATION, &id.bare())?;
        Some(Secret::new(format!("{}.{}", id.bare(), URL_SAFE_NO_PAD.encode(mac))))
    }

    /// Whether `token` is the link of the invitation that it names, in constant time.
    #[must_use]
    pub fn is_invitation(&self, token: &InvitationToken, generation: &str) -> bool {
        let mac = self.mac(generation, "link", INVITATION, &token.id.bare());
        mac.is_some_and(|mac| constant_time_eq(mac.as_ref(), &token.mac))
    }

    fn mac(&self, generation: &str, form: &str, purpose: &str, row_id: &str) -> Option<hmac::Tag> {
        let key = self.0.iter().find(|key| key.id == generation)?;
        Some(hmac::sign(&key.key, format!("{form}\n{purpose}\n{row_id}").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::parse_generations;

    fn codes() -> Codes {
        Codes::new(parse_generations("q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe").unwrap())
    }

    fn row(purpose: Purpose) -> OneTimeRow {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        OneTimeRow {
            id: format!("{:044x}", 7),
            purpose,
            user_id: UserId::new(now, [3; 10]),
            generation: codes().generation(now).to_owned(),
            email_key: String::new(),
            new_email: None,
            session_id: None,
            password_version: 1,
            expires_at: now,
            code_expires_at: now,
            tries: 0,
            used_at: None,
        }
    }

    // S12
    #[test]
    fn a_link_or_code_of_one_purpose_is_invalid_for_another() {
        let (verify, codes) = (row(Purpose::Verify), codes());
        let token = codes.link_token(verify.purpose, &verify.user_id, &verify.id, &verify.generation).unwrap();
        let token = LinkToken::parse(token.expose()).unwrap();
        assert!(codes.is_link_of(&token, &verify));
        let reset = OneTimeRow { purpose: Purpose::Reset, ..verify.clone() };
        assert!(!codes.is_link_of(&token, &reset));
        let code = |row: &OneTimeRow| codes.code(row.purpose, &row.id, &row.generation).unwrap().expose().clone();
        assert!(codes.is_code_of(&code(&verify), &verify));
        assert_ne!(code(&verify), code(&reset));
    }

    // S12
    #[test]
    fn an_invitation_token_is_valid_for_its_invitation_only() {
        let (now, codes) = (Timestamp::from_second(1_800_000_000).unwrap(), codes());
        let generation = codes.generation(now);
        let id = |byte| InvitationId::new(now, [byte; 10]);
        let token = codes.invitation_token(&id(1), generation).unwrap().expose().clone();
        assert!(LinkToken::parse(&token).is_none());
        let other = codes.invitation_token(&id(2), generation).unwrap().expose().clone();
        let mixed = format!("{}.{}", id(2).bare(), token.split_once('.').unwrap().1);
        let is_valid = |text: &str| InvitationToken::parse(text).is_some_and(|it| codes.is_invitation(&it, generation));
        assert!(is_valid(&token) && is_valid(&other) && !is_valid(&mixed));
        assert!(!InvitationToken::parse(&token).is_some_and(|it| codes.is_invitation(&it, "other")));
        let link = codes.link_token(Purpose::Verify, &UserId::new(now, [1; 10]), &id(1).bare(), generation).unwrap();
        let (_, mac) = link.expose().rsplit_once('.').unwrap();
        assert!(!is_valid(&format!("{}.{mac}", id(1).bare())));
    }

    #[test]
    fn row_ids_have_one_length_sort_by_time_and_are_unique() {
        let at = |ms| new_row_id(Timestamp::from_millisecond(ms).unwrap());
        assert!(at(1) < at(2) && at(2) < at(1_800_000_000_000));
        assert!(at(1).len() == ROW_ID_CHARS && at(1) != at(1));
    }

    // S10
    #[test]
    fn a_code_has_six_digits_and_a_link_128_random_bits_and_more() {
        let row = row(Purpose::Verify);
        let code = codes().code(row.purpose, &row.id, &row.generation).unwrap();
        assert!(code.expose().len() == 6 && code.expose().bytes().all(|b| b.is_ascii_digit()));
        let token = codes().link_token(row.purpose, &row.user_id, &row.id, &row.generation).unwrap();
        assert_eq!(LinkToken::parse(token.expose()).unwrap().mac.len() * 8, 256);
    }

    #[test]
    fn every_changed_character_invalidates_a_link_token() {
        let (row, codes) = (row(Purpose::Reset), codes());
        let good = codes.link_token(row.purpose, &row.user_id, &row.id, &row.generation).unwrap().expose().clone();
        for at in 0..good.len() {
            let mut text = good.clone().into_bytes();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            let text = String::from_utf8(text).unwrap();
            let still =
                LinkToken::parse(&text).is_some_and(|token| token.row_id == row.id && codes.is_link_of(&token, &row));
            assert!(!still, "{at}");
        }
    }
}
