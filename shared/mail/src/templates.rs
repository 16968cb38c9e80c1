//! The rendering: each message as text and as HTML, with the same content.

use crate::brand::Brand;
use crate::message::{Amount, Message, RefundReason};
use crate::money::money;
use crate::page::{Page, fill};
use crate::texts::Texts;
use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The context of a mail's templates.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The colours and links of the product.
    pub brand: &'a Brand,
    /// The language of the reader, if it is known.
    pub locale: Option<&'a str>,
    /// The product's name: `APP_NAME`, or that of the brand.
    pub app_name: &'a str,
    /// This service's public address.
    pub app_url: &'a str,
    /// The page that a verification link leads to.
    pub verify_page_url: &'a str,
    /// The page that a reset link leads to.
    pub reset_page_url: &'a str,
    /// The link's token, for the messages that print one.
    pub token: &'a str,
    /// The code, for the messages that print one.
    pub code: &'a str,
}

/// A mail, ready to be sent.
pub struct Mail {
    /// The bare address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The kind of the mail.
    pub kind: &'static str,
}

macro_rules! templates {
    ($($name:ident, $text:literal, $html:literal;)*) => {$(
        mod $name {
            use super::{Page, Template, Texts};

            #[derive(Template)]
            #[template(path = $text, escape = "none")]
            pub struct Text<'a> {
                pub page: Page<'a>,
                pub t: &'static Texts,
            }

            #[derive(Template)]
            #[template(path = $html)]
            pub struct Html<'a> {
                pub page: Page<'a>,
                pub t: &'static Texts,
            }

            pub fn render(page: Page<'_>, t: &'static Texts) -> Result<(String, String), askama::Error> {
                Ok((Text { page, t }.render()?, Html { page, t }.render()?))
            }
        }
    )*};
}

templates! {
    verify, "verify.txt", "verify.html";
    invitation, "invitation.txt", "invitation.html";
    already_registered, "already_registered.txt", "already_registered.html";
    reset, "reset.txt", "reset.html";
    password_changed, "password_changed.txt", "password_changed.html";
    login_code, "login_code.txt", "login_code.html";
    email_change_requested, "email_change_requested.txt", "email_change_requested.html";
    email_changed, "email_changed.txt", "email_changed.html";
    provider_linked, "provider_linked.txt", "provider_linked.html";
    subscription_confirmed, "subscription_confirmed.txt", "subscription_confirmed.html";
    renewed, "renewed.txt", "renewed.html";
    plan_changed, "plan_changed.txt", "plan_changed.html";
    downgrade_scheduled, "downgrade_scheduled.txt", "downgrade_scheduled.html";
    payment_failed, "payment_failed.txt", "payment_failed.html";
    action_required, "action_required.txt", "action_required.html";
    subscription_canceled, "subscription_canceled.txt", "subscription_canceled.html";
    subscription_resumed, "subscription_resumed.txt", "subscription_resumed.html";
    subscription_ended, "subscription_ended.txt", "subscription_ended.html";
    trial_ending, "trial_ending.txt", "trial_ending.html";
    refunded, "refunded.txt", "refunded.html";
    trial_refused, "trial_refused.txt", "trial_refused.html";
}

/// A user name in a mail. A stranger chooses it, and mail programs turn host names and runs of digits into links: an
/// invisible space (U+200B) splits each part before it is recognised.
fn unlinkable(name: &str) -> String {
    let mut shown = String::with_capacity(2 * name.len());
    let mut digits = 0;
    for c in name.chars() {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        if digits > 2 {
            shown.push('\u{200b}');
            digits = 1;
        }
        shown.push(c);
        if matches!(c, '.' | '-' | '_' | '@' | ':' | '/') {
            shown.push('\u{200b}');
        }
    }
    shown
}

/// A day, as the language writes it.
fn day(t: &Texts, at: &Timestamp) -> String {
    let date = at.to_zoned(TimeZone::UTC).date();
    let month = usize::try_from(date.month()).ok().and_then(|month| t.months.get(month.checked_sub(1)?));
    fill(t.day, str::to_owned, |name| match name {
        "day" => Some(date.day().to_string()),
        "month" => month.map(|month| (*month).to_owned()),
        "year" => Some(date.year().to_string()),
        _ => None,
    })
}

/// A moment, as the language writes it.
fn time(t: &Texts, at: &Timestamp) -> String {
    fill(t.time, str::to_owned, |name| match name {
        "date" => Some(day(t, at)),
        "time" => Some(at.strftime("%H:%M").to_string()),
        _ => None,
    })
}

/// "Google and GitHub".
fn list(t: &Texts, names: &[String]) -> String {
    let mut names = names.iter();
    let Some(first) = names.next() else { return String::new() };
    names.fold(first.clone(), |list, name| {
        fill(t.list_and, str::to_owned, |part| match part {
            "first" => Some(list.clone()),
            "second" => Some(name.clone()),
            _ => None,
        })
    })
}

/// "Tollgate Pro", also where the plan itself is called "Tollgate Pro".
fn full_plan(plan: &str, product: &str) -> String {
    let has_name = format!(" {plan} ").contains(&format!(" {product} "));
    if has_name { plan.to_owned() } else { format!("{product} {plan}") }
}

/// The subject of `message`, with its placeholders.
const fn subject_of(message: &Message, t: &Texts) -> &'static str {
    match message {
        Message::Verify { is_change: false, .. } => t.verify_subject,
        Message::Verify { is_change: true, .. } => t.verify_change_subject,
        Message::Invitation { .. } => t.invitation_subject,
        Message::AlreadyRegistered { .. } => t.already_registered_subject,
        Message::Reset { .. } => t.reset_subject,
        Message::PasswordChanged { .. } => t.password_changed_subject,
        Message::LoginCode { .. } => t.login_code_subject,
        Message::EmailChangeRequested { .. } => t.email_change_requested_subject,
        Message::EmailChanged { .. } => t.email_changed_subject,
        Message::ProviderLinked { .. } => t.provider_linked_subject,
        Message::SubscriptionConfirmed { .. } => t.subscription_confirmed_subject,
        Message::Renewed { .. } => t.renewed_subject,
        Message::PlanChanged { .. } => t.plan_changed_subject,
        Message::DowngradeScheduled { .. } => t.downgrade_scheduled_subject,
        Message::PaymentFailed { .. } => t.payment_failed_subject,
        Message::ActionRequired { .. } => t.action_required_subject,
        Message::SubscriptionCanceled { .. } => t.subscription_canceled_subject,
        Message::SubscriptionResumed { .. } => t.subscription_resumed_subject,
        Message::SubscriptionEnded { .. } => t.subscription_ended_subject,
        Message::TrialEnding { .. } => t.trial_ending_subject,
        Message::Refunded { .. } => t.refunded_subject,
        Message::TrialRefused { .. } => t.trial_refused_subject,
    }
}

/// `text` as the value of a query parameter.
fn query_value(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// The page that the button of `message` opens.
fn link_of(message: &Message, context: &Context<'_>) -> String {
    let page = |path: &str| format!("{}{path}", context.app_url);
    match message {
        Message::Verify { .. } => format!("{}?token={}", context.verify_page_url, context.token),
        Message::Reset { .. } => format!("{}?token={}", context.reset_page_url, context.token),
        // The page shows the address, and password managers store the password under it.
        Message::Invitation { to, .. } => {
            page(&format!("/account/register?email={}&invitation={}", query_value(to), context.token))
        }
        Message::Renewed { invoice_url: Some(url), .. }
        | Message::PaymentFailed { invoice_url: Some(url), .. }
        | Message::ActionRequired { invoice_url: Some(url), .. } => url.clone(),
        Message::EmailChangeRequested { .. } => page("/account/sessions"),
        Message::ProviderLinked { .. } => page("/account/methods"),
        Message::AlreadyRegistered { .. }
        | Message::PasswordChanged { .. }
        | Message::LoginCode { .. }
        | Message::EmailChanged { .. } => page("/account"),
        Message::SubscriptionConfirmed { .. }
        | Message::Renewed { .. }
        | Message::PlanChanged { .. }
        | Message::DowngradeScheduled { .. }
        | Message::PaymentFailed { .. }
        | Message::ActionRequired { .. }
        | Message::SubscriptionCanceled { .. }
        | Message::SubscriptionResumed { .. }
        | Message::SubscriptionEnded { .. }
        | Message::TrialEnding { .. }
        | Message::Refunded { .. }
        | Message::TrialRefused { .. } => page("/account/billing"),
    }
}

/// Renders `message`.
///
/// # Errors
/// When a template fails.
pub fn render(message: &Message, context: &Context<'_>) -> Result<Mail, askama::Error> {
    let t = Texts::of(context.locale);
    let link = link_of(message, context);
    let no_time = String::new;
    let (username, at) = match message {
        Message::Verify { username, .. } | Message::Reset { username, .. } | Message::LoginCode { username, .. } => {
            (username.as_str(), no_time())
        }
        Message::PasswordChanged { username, at, .. }
        | Message::EmailChangeRequested { username, at, .. }
        | Message::EmailChanged { username, at, .. }
        | Message::ProviderLinked { username, at, .. } => (username.as_str(), time(t, at)),
        Message::Invitation { expires_at: at, .. }
        | Message::SubscriptionConfirmed { until: at, .. }
        | Message::Renewed { until: at, .. }
        | Message::DowngradeScheduled { at, .. }
        | Message::SubscriptionCanceled { until: at, .. }
        | Message::PaymentFailed { until: Some(at), .. }
        | Message::TrialEnding { at, .. } => ("", day(t, at)),
        Message::AlreadyRegistered { .. }
        | Message::PlanChanged { .. }
        | Message::PaymentFailed { until: None, .. }
        | Message::ActionRequired { .. }
        | Message::SubscriptionResumed { .. }
        | Message::SubscriptionEnded { .. }
        | Message::Refunded { .. }
        | Message::TrialRefused { .. } => ("", no_time()),
    };
    let plan = match message {
        Message::SubscriptionConfirmed { plan, .. }
        | Message::Renewed { plan, .. }
        | Message::PlanChanged { plan, .. }
        | Message::DowngradeScheduled { plan, .. }
        | Message::PaymentFailed { plan, .. }
        | Message::ActionRequired { plan, .. }
        | Message::SubscriptionCanceled { plan, .. }
        | Message::SubscriptionResumed { plan, .. }
        | Message::SubscriptionEnded { plan, .. }
        | Message::TrialEnding { plan, .. }
        | Message::Refunded { plan, .. }
        | Message::TrialRefused { plan, .. } => plan,
        _ => "",
    };
    let provider = match message {
        Message::ProviderLinked { provider, .. } => provider,
        _ => "",
    };
    let amount = match message {
        Message::Renewed { amount_cents, currency, .. }
        | Message::Refunded { amount: Some(Amount { amount_cents, currency }), .. } => {
            money(*amount_cents, currency, t)
        }
        _ => String::new(),
    };
    let reason = match message {
        Message::Refunded { reason: Some(reason), .. } => match reason {
            RefundReason::SecondSubscription => t.refund_second_subscription,
            RefundReason::AccountDeleted => t.refund_account_deleted,
            RefundReason::PaidAfterEnd => t.refund_paid_after_end,
        },
        _ => "",
    };
    let unlinks = match message {
        Message::Verify { unlinks, .. } => list(t, unlinks),
        _ => String::new(),
    };
    let username = &unlinkable(username);
    let full_plan = &full_plan(plan, context.app_name);
    let page = Page {
        brand: context.brand,
        app_name: context.app_name,
        app_url: context.app_url,
        subject: "",
        username,
        link: &link,
        code: context.code,
        at: &at,
        provider,
        plan,
        full_plan,
        amount: &amount,
        reason,
        unlinks: &unlinks,
        is_change: matches!(
            message,
            Message::Verify { is_change: true, .. } | Message::PaymentFailed { is_change: true, .. }
        ),
    };
    let subject = page.fill(subject_of(message, t));
    let page = Page { subject: &subject, ..page };
    let (text, html) = match message {
        Message::Verify { .. } => verify::render(page, t),
        Message::Invitation { .. } => invitation::render(page, t),
        Message::AlreadyRegistered { .. } => already_registered::render(page, t),
        Message::Reset { .. } => reset::render(page, t),
        Message::PasswordChanged { .. } => password_changed::render(page, t),
        Message::LoginCode { .. } => login_code::render(page, t),
        Message::EmailChangeRequested { .. } => email_change_requested::render(page, t),
        Message::EmailChanged { .. } => email_changed::render(page, t),
        Message::ProviderLinked { .. } => provider_linked::render(page, t),
        Message::SubscriptionConfirmed { .. } => subscription_confirmed::render(page, t),
        Message::Renewed { .. } => renewed::render(page, t),
        Message::PlanChanged { .. } => plan_changed::render(page, t),
        Message::DowngradeScheduled { .. } => downgrade_scheduled::render(page, t),
        Message::PaymentFailed { .. } => payment_failed::render(page, t),
        Message::ActionRequired { .. } => action_required::render(page, t),
        Message::SubscriptionCanceled { .. } => subscription_canceled::render(page, t),
        Message::SubscriptionResumed { .. } => subscription_resumed::render(page, t),
        Message::SubscriptionEnded { .. } => subscription_ended::render(page, t),
        Message::TrialEnding { .. } => trial_ending::render(page, t),
        Message::Refunded { .. } => refunded::render(page, t),
        Message::TrialRefused { .. } => trial_refused::render(page, t),
    }?;
    Ok(Mail { to: message.to().to_owned(), text, html, kind: message.kind(), subject })
}

#[cfg(test)]
mod tests;
