//! What a mail says, as texts of a language. `mail.txt` and `mail.html` show it, each part in its own form.

/// The content of a mail. Each text may have placeholders.
#[derive(Default)]
pub struct Content {
    pub subject: &'static str,
    pub title: &'static str,
    pub body: Vec<Part>,
    pub button: Option<Button>,
    /// What follows the button.
    pub after: Vec<Part>,
    /// A last paragraph, in a paler colour.
    pub note: Option<&'static str>,
}

/// A part of a mail.
pub enum Part {
    /// A paragraph.
    Text(&'static str),
    /// A paragraph of two texts.
    Joined(&'static str, &'static str),
    /// The code of the mail, in large type.
    Code,
}

/// A button. The text part has its link alone.
pub struct Button {
    pub label: &'static str,
    pub link: String,
}
