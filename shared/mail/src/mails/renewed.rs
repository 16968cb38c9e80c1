//! The mail `renewed`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::money::money;
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::day;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A new period was paid for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
    /// The paid amount, in minor units.
    pub amount_cents: i64,
    /// Its currency: a lower-case code of ISO 4217.
    pub currency: String,
    /// The end of the new period.
    pub until: Timestamp,
    /// Stripe's page of the invoice.
    pub invoice_url: Option<String>,
}

impl MailKind for Renewed {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.renewed_subject,
            title: t.renewed_title,
            body: vec![Text(t.renewed_text), Text(t.manage_advice)],
            button: Some(Button {
                label: t.renewed_button,
                link: self.invoice_url.clone().unwrap_or_else(|| context.account_page("/billing")),
            }),
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.set_plan(&self.plan);
        page.at = day(t, &self.until);
        page.amount = money(self.amount_cents, &self.currency, t);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self {
            to: sample::to(),
            plan: sample::plan(),
            amount_cents: 1900,
            currency: "usd".into(),
            until: sample::AT,
            invoice_url: sample::invoice_url(),
        }]
    }
}
