//! The fake SES: it refuses what SES refuses, and stores what it takes for the inbox of the dev console.

use super::answer::Answer;
use super::state::Fakes;
use crate::documents::DatabaseError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use jiff::Timestamp;
use mail_parser::MessageParser;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

const MAILS: &str = "mail";
/// The ids of the mails to each address: an inbox is read without the others.
const MAILS_TO: &str = "mail-to";
/// How many of the newest mails are stored.
pub const MAILS_KEPT: u64 = 5000;

/// A mail that was sent: an item of the dev console's inbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mail {
    /// Ids sort by time.
    pub id: String,
    /// The bare address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The type of the mail.
    pub kind: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The absolute addresses in the text.
    pub links: Vec<String>,
    /// The six digits in it, if there are any.
    pub code: Option<String>,
    /// The headers, by their names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// When it was sent.
    pub created_at: Timestamp,
}

impl Fakes {
    /// The inbox, newest first.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn mails(&self) -> Result<Vec<Mail>, DatabaseError> {
        let mut mails: Vec<Mail> = self.documents.list(MAILS)?;
        mails.reverse();
        Ok(mails)
    }

    /// The newest mails of the inbox, at most `most`, newest first. It reads no other mail.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn newest_mails(&self, most: u64) -> Result<Vec<Mail>, DatabaseError> {
        let sent = self.mails_sent()?;
        let numbers = (sent.saturating_sub(most) + 1..=sent).rev();
        numbers.filter_map(|number| self.documents.get(MAILS, &mail_id(number)).transpose()).collect()
    }

    /// One mail.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn mail(&self, id: &str) -> Result<Option<Mail>, DatabaseError> {
        self.documents.get(MAILS, id)
    }

    /// The mails to an address, newest first. It reads no other mail.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn mails_to(&self, address: &str) -> Result<Vec<Mail>, DatabaseError> {
        let mut ids: Vec<String> = self.documents.list_under(MAILS_TO, &place(address, ""))?;
        ids.reverse();
        ids.iter().filter_map(|id| self.documents.get(MAILS, id).transpose()).collect()
    }

    /// Indexes the mails of a data folder of an older program by their address.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn index_old_mails(&self) -> Result<(), DatabaseError> {
        let Some(newest) = self.newest_mails(1)?.pop() else { return Ok(()) };
        if self.documents.get::<String>(MAILS_TO, &place(&newest.to, &newest.id))?.is_some() {
            return Ok(());
        }
        self.mails()?.iter().try_for_each(|mail| self.documents.put(MAILS_TO, &place(&mail.to, &mail.id), &mail.id))
    }

    /// The number of mails in the inbox.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn mail_count(&self) -> Result<usize, DatabaseError> {
        Ok(self.documents.list::<String>(MAILS_TO)?.len())
    }

    /// Empties the inbox.
    ///
    /// # Errors
    /// When the document store does not.
    pub fn clear_mails(&self) -> Result<(), DatabaseError> {
        self.mails()?.iter().try_for_each(|mail| self.remove(mail))
    }

    fn remove(&self, mail: &Mail) -> Result<(), DatabaseError> {
        self.documents.delete(MAILS_TO, &place(&mail.to, &mail.id))?;
        self.documents.delete(MAILS, &mail.id)
    }

    /// The number of mails that were sent since the first start.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn mails_sent(&self) -> Result<u64, DatabaseError> {
        Ok(self.documents.get("counter", MAILS)?.unwrap_or_default())
    }

    /// SES speaks the older query protocol: a form in, XML out.
    pub(super) fn answer_form(&self, body: &[u8]) -> Answer {
        let form: HashMap<String, String> = serde_urlencoded::from_bytes(body).unwrap_or_default();
        let error = |kind: &str, code: &str, message: &str| {
            format!(
                "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            )
        };
        if form.get("Action").map(String::as_str) != Some("SendRawEmail") {
            return Answer::xml(StatusCode::BAD_REQUEST, error("Sender", "InvalidAction", ""));
        }
        match self.send_raw_email(&form) {
            Ok(Err(refused)) => Answer::xml(StatusCode::BAD_REQUEST, error("Sender", "InvalidParameterValue", refused)),
            Ok(Ok(id)) => Answer::xml(
                StatusCode::OK,
                format!(
                    "<SendRawEmailResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><SendRawEmailResult><MessageId>{id}</MessageId></SendRawEmailResult></SendRawEmailResponse>"
                ),
            ),
            Err(failed) => {
                let body = error("Receiver", "InternalFailure", &failed.to_string());
                Answer::xml(StatusCode::INTERNAL_SERVER_ERROR, body)
            }
        }
    }

    /// Accepts a message, or refuses it as SES does.
    fn send_raw_email(&self, form: &HashMap<String, String>) -> Result<Result<String, &'static str>, DatabaseError> {
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let (source, to) = (field("Source"), field("Destinations.member.1"));
        let received = match receive(source, to, field("RawMessage.Data")) {
            Ok(received) => received,
            Err(refused) => return Ok(Err(refused)),
        };
        let (now, count) = (self.clock.now(), self.mails_sent()? + 1);
        self.documents.put("counter", MAILS, &count)?;
        let tag = (1..=50).find(|n| field(&format!("Tags.member.{n}.Name")) == "kind");
        let mail = Mail {
            id: mail_id(count),
            to: to.to_owned(),
            kind: tag.map(|n| field(&format!("Tags.member.{n}.Value")).to_owned()).unwrap_or_default(),
            links: links_in(&received.text),
            code: code_in(&received.text),
            subject: received.subject,
            html: received.html,
            text: received.text,
            headers: received.headers,
            created_at: now,
        };
        self.documents.put(MAILS, &mail.id, &mail)?;
        self.documents.put(MAILS_TO, &place(&mail.to, &mail.id), &mail.id)?;
        if let Some(old) = count.checked_sub(MAILS_KEPT)
            && let Some(old) = self.documents.get(MAILS, &mail_id(old))?
        {
            self.remove(&old)?;
        }
        Ok(Ok(mail.id))
    }
}

/// A message for its receiver.
struct Received {
    subject: String,
    text: String,
    html: String,
    headers: BTreeMap<String, String>,
}

/// The largest message that SES accepts, in bytes.
const MAX_MESSAGE_BYTES: usize = 10 * 1024 * 1024;
/// The longest line of RFC 5322, 2.1.1, without its line end.
const MAX_LINE_BYTES: usize = 998;

/// Parses a message and refuses what SES refuses: an address that it cannot deliver to, a message without a sender or a
/// receiver, a header that is not ASCII, a line that is too long.
fn receive(source: &str, to: &str, data: &str) -> Result<Received, &'static str> {
    let raw = STANDARD.decode(data).map_err(|_| "RawMessage.Data is not base64.")?;
    check_address(to)?;
    check_address(source)?;
    if raw.len() > MAX_MESSAGE_BYTES {
        return Err("Message length is more than 10485760 bytes long.");
    }
    let head = raw.windows(4).position(|window| window == b"\r\n\r\n").ok_or("No message body.")?;
    if !raw[..head].is_ascii() {
        return Err("Header contains non-ASCII characters.");
    }
    let mut lines_of_raw = raw.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if lines_of_raw.any(|line| line.len() > MAX_LINE_BYTES) {
        return Err("Line too long.");
    }
    let message = MessageParser::new().parse(&raw).ok_or("Message is not valid.")?;
    let only = |address: Option<&mail_parser::Address<'_>>| {
        let mut all = address.into_iter().flat_map(mail_parser::Address::iter);
        let first = all.next().and_then(|address| address.address.as_deref().map(str::to_owned));
        first.filter(|_| all.next().is_none())
    };
    if only(message.from()).as_deref() != Some(source) {
        return Err("Missing or wrong header 'From'.");
    }
    if only(message.to()).as_deref() != Some(to) {
        return Err("Missing or wrong header 'To'.");
    }
    let headers = message.headers_raw().map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    Ok(Received {
        subject: message.subject().unwrap_or_default().to_owned(),
        text: message.body_text(0).map(|text| lines(&text)).unwrap_or_default(),
        html: message.body_html(0).map(|text| lines(&text)).unwrap_or_default(),
        headers: headers.collect(),
    })
}

/// A text with the line ends of this machine.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The error of SES for an undeliverable address.
fn check_address(address: &str) -> Result<(), &'static str> {
    let (local, domain) = address.rsplit_once('@').ok_or("Missing final '@domain'")?;
    let is_plain = |c: char| c.is_ascii_graphic() && !"()<>[],;:\\\"@".contains(c);
    if local.is_empty() || local.len() > 64 || !local.chars().all(is_plain) {
        return Err("Local address contains control or whitespace, or characters that are not ASCII");
    }
    let is_label = |label: &str| {
        let is_name = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        !label.is_empty() && label.len() <= 63 && is_name && !label.starts_with('-') && !label.ends_with('-')
    };
    if !domain.contains('.') || !domain.split('.').all(is_label) {
        return Err("Domain contains illegal character");
    }
    Ok(())
}

fn mail_id(number: u64) -> String {
    format!("{number:020}")
}

/// The index key of a mail to this address, in lower case.
fn place(address: &str, id: &str) -> String {
    format!("{} {id}", address.to_ascii_lowercase())
}

fn links_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || "<>\"".contains(c));
    words.filter(|word| word.starts_with("http://") || word.starts_with("https://")).map(str::to_owned).collect()
}

/// Six digits that stand alone.
fn code_in(text: &str) -> Option<String> {
    let words = text.split_whitespace().map(|word| word.trim_end_matches(['.', ',']));
    words.filter(|word| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::LocalClock;
    use crate::documents::Documents;
    use crate::engine;
    use std::sync::Arc;

    fn fakes(documents: Documents) -> Fakes {
        Fakes { documents, queues: Arc::default(), clock: LocalClock::frozen(Timestamp::UNIX_EPOCH) }
    }

    fn send(fakes: &Fakes, to: &str, subject: &str) {
        send_raw(fakes, to, &format!("From: no-reply@a.example\r\nTo: {to}\r\nSubject: {subject}\r\n\r\ntext\r\n"))
            .unwrap();
    }

    fn send_raw(fakes: &Fakes, to: &str, message: &str) -> Result<String, &'static str> {
        let data = STANDARD.encode(message);
        let form = [("Source", "no-reply@a.example"), ("Destinations.member.1", to), ("RawMessage.Data", &data)];
        fakes.send_raw_email(&form.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap()
    }

    // B4
    #[test]
    fn a_message_that_ses_refuses_is_refused() {
        let fakes = fakes(Documents::memory());
        let head = |to: &str| format!("From: no-reply@a.example\r\nTo: {to}\r\nSubject: x\r\n");
        for to in [
            "jörg@a.example",
            "x\u{3164}@a.example",
            "a b@a.example",
            "ann@bücher.example",
            "ann@-a.example",
            "ann",
            "@a.example",
            "a,b@a.example",
        ] {
            assert!(send_raw(&fakes, to, &format!("{}\r\ntext", head("ann@a.example"))).is_err(), "{to}");
        }
        let to = "ann@a.example";
        for bad in [
            format!("{}Subject: ü\r\n\r\ntext", head(to)),
            format!("{}\r\n{}", head(to), "x".repeat(999)),
            "To: ann@a.example\r\n\r\ntext".to_owned(),
            "From: no-reply@a.example\r\n\r\ntext".to_owned(),
            format!("{}\r\ntext", head("ann@a.example, bob@a.example")),
            format!("{}\r\ntext", head("bob@a.example")),
            "no head".to_owned(),
        ] {
            assert!(send_raw(&fakes, to, &bad).is_err(), "{bad}");
        }
        assert_eq!(fakes.mail_count().unwrap(), 0);
        send_raw(&fakes, "Ann+x@my--shop.example", &format!("{}\r\ntext", head("Ann+x@my--shop.example"))).unwrap();
        assert_eq!(fakes.mails().unwrap()[0].headers["subject"], "x");
    }

    fn subjects(mails: Vec<Mail>) -> Vec<String> {
        mails.into_iter().map(|mail| mail.subject).collect()
    }

    // E16
    #[test]
    fn mails_are_found_by_their_address_newest_first() {
        for documents in [Documents::memory(), Documents::open(engine::memory().unwrap()).unwrap()] {
            let fakes = fakes(documents);
            for (to, subject) in [("ann@a.example", "1"), ("ann@a.example.org", "2"), ("Ann@a.example", "3")] {
                send(&fakes, to, subject);
            }
            assert_eq!(subjects(fakes.mails_to("ANN@a.example").unwrap()), ["3", "1"]);
            assert_eq!(subjects(fakes.newest_mails(2).unwrap()), ["3", "2"]);
            assert_eq!(subjects(fakes.newest_mails(9).unwrap()), ["3", "2", "1"]);
            assert_eq!(fakes.mail_count().unwrap(), 3);
            fakes.clear_mails().unwrap();
            assert!(fakes.mails_to("ann@a.example").unwrap().is_empty() && fakes.mail_count().unwrap() == 0);
        }
    }

    #[test]
    fn the_mails_of_an_older_program_are_found_by_their_address() {
        let fakes = fakes(Documents::memory());
        fakes.index_old_mails().unwrap();
        send(&fakes, "ann@a.example", "1");
        fakes.documents.delete(MAILS_TO, &place("ann@a.example", &mail_id(1))).unwrap();
        assert!(fakes.mails_to("ann@a.example").unwrap().is_empty());
        fakes.index_old_mails().unwrap();
        assert_eq!(subjects(fakes.mails_to("ann@a.example").unwrap()), ["1"]);
    }

    // E16
    #[test]
    fn the_inbox_keeps_only_the_newest_mails() {
        let fakes = fakes(Documents::memory());
        for n in 0..MAILS_KEPT + 10 {
            send(&fakes, "ann@a.example", &n.to_string());
        }
        let stored = usize::try_from(MAILS_KEPT).unwrap();
        let found = fakes.mails_to("ann@a.example").unwrap();
        assert_eq!((found.len(), found.last().unwrap().subject.as_str()), (stored, "10"));
        assert_eq!((fakes.mails().unwrap().len(), fakes.mail_count().unwrap()), (stored, stored));
    }

    #[test]
    fn links_and_codes_are_found_in_a_mail() {
        let text = "Your code:\n\n    042137\n\nor open <https://a.example/verify?token=123456.x>.\nSince 2026.";
        assert_eq!(code_in(text).as_deref(), Some("042137"));
        assert_eq!(links_in(text), ["https://a.example/verify?token=123456.x"]);
        assert_eq!(code_in("call 1234567 or 12345"), None);
    }
}
