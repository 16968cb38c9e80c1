//! Messages of the outbox: the kinds other than mails, and when an unmarked message is sent to its queue again.

use jiff::{SignedDuration, Timestamp};

/// The kind of a row that is never sent: it stands for the work that an answer for an unknown address must do as well
/// (S6).
pub const DECOY: &str = "decoy";

/// The kind of a row that is a command for Stripe.
pub const COMMAND: &str = "command";
/// The same kind in rows of an earlier version.
const OLD_COMMAND: &str = "order";

/// Whether a row of this kind is a command, also one of an earlier version (R18).
#[must_use]
pub fn is_command(kind: &str) -> bool {
    kind == COMMAND || kind == OLD_COMMAND
}

/// The kind of a row that requests a run of a report.
pub const REPORT: &str = "report";

/// The age at which an unmarked message is sent to its queue again for the first time.
pub const SENT_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// The factor of the age at each further time: a poison message returns rarely.
const TIMES_AS_LONG: i32 = 4;

/// Whether one of the times at which an unmarked message is queued again has passed since `last`, the previous sweep:
/// however often and late sweeps run, each time counts once.
#[must_use]
pub fn is_sent_again(created_at: Timestamp, last: Option<Timestamp>, now: Timestamp) -> bool {
    let mut after = SENT_AGAIN_AFTER;
    while let Ok(at) = created_at.checked_add(after) {
        if at > now {
            return false;
        }
        if last.is_none_or(|last| at > last) {
            return true;
        }
        after = after.saturating_mul(TIMES_AS_LONG);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap()
    }

    /// The minutes at which a message of minute 0 is sent again, with sweeps at all of `looks`.
    fn sent_again(looks: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut last = None;
        let is_sent = |minute: &i64| is_sent_again(at(0), last.replace(at(*minute)), at(*minute));
        looks.into_iter().filter(is_sent).collect()
    }

    // R13
    #[test]
    fn a_message_is_resent_after_ten_minutes_then_at_four_times_the_interval() {
        assert_eq!(sent_again(0..=3000), [10, 40, 160, 640, 2560]);
    }

    // R13
    #[test]
    fn a_late_sweep_resends_once_and_a_repeated_sweep_resends_nothing() {
        assert_eq!(sent_again([0, 9, 60, 60, 61, 120, 180, 180, 1600]), [60, 180, 1600]);
        assert_eq!(sent_again([5000, 5001]), [5000], "there was no earlier sweep");
    }

    #[test]
    fn a_message_with_the_last_possible_time_is_never_sent_again() {
        assert!(!is_sent_again(Timestamp::MAX, None, Timestamp::MAX));
        assert!(!is_sent_again(at(0), Some(Timestamp::MAX), Timestamp::MAX));
    }
}
