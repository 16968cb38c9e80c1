//! The rendering: each message as text and as HTML, with the same content.

use crate::brand::Brand;
use crate::message::{Amount, Message, RefundReason};
use crate::money::money;
use askama::Template;
use jiff::Timestamp;

/// The context of a mail's templates.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The colours and links of the product.
    pub brand: &'a Brand,
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

/// The values of the templates.
#[derive(Clone, Copy)]
struct Page<'a> {
    brand: &'a Brand,
    app_name: &'a str,
    app_url: &'a str,
    subject: &'a str,
    username: &'a str,
    link: &'a str,
    code: &'a str,
    at: &'a str,
    provider: &'a str,
    plan: &'a str,
    amount: &'a str,
    reason: &'a str,
    /// The providers that are unlinked, in words; empty for none.
    unlinks: &'a str,
    is_change: bool,
}

macro_rules! templates {
    ($($name:ident, $text:literal, $html:literal;)*) => {$(
        mod $name {
            use super::{Page, Template};

            #[derive(Template)]
            #[template(path = $text, escape = "none")]
            pub struct Text<'a> {
                pub page: Page<'a>,
            }

            #[derive(Template)]
            #[template(path = $html)]
            pub struct Html<'a> {
                pub page: Page<'a>,
            }

            pub fn render(page: Page<'_>) -> Result<(String, String), askama::Error> {
                Ok((Text { page }.render()?, Html { page }.render()?))
            }
        }
    )*};
}

templates! {
    verify, "verify.txt", "verify.html";
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

/// A date in mails.
fn day(at: &Timestamp) -> String {
    at.strftime("%-d %B %Y").to_string()
}

/// The subject of `message`.
fn subject_of(message: &Message, name: &str) -> String {
    // "Tollgate Pro", also where the plan itself is called "Tollgate Pro".
    let has_name = |plan: &str| format!(" {plan} ").contains(&format!(" {name} "));
    let full = |plan: &str| if has_name(plan) { plan.to_owned() } else { format!("{name} {plan}") };
    match message {
        Message::Verify { is_change: false, .. } => format!("Verify your e-mail address for {name}"),
        Message::Verify { is_change: true, .. } => format!("Verify your new e-mail address for {name}"),
        Message::AlreadyRegistered { .. } => format!("You already have an account at {name}"),
        Message::Reset { .. } => format!("Reset your {name} password"),
        Message::PasswordChanged { .. } => format!("Your {name} password was changed"),
        Message::LoginCode { .. } => format!("Your {name} sign-in code"),
        Message::EmailChangeRequested { .. } => format!("Request to change your {name} e-mail address"),
        Message::EmailChanged { .. } => format!("Your {name} e-mail address was changed"),
        Message::ProviderLinked { provider, .. } => format!("{provider} was connected to your {name} account"),
        Message::SubscriptionConfirmed { plan, .. } => format!("You're subscribed to {}", full(plan)),
        Message::Renewed { plan, .. } => format!("Your {} subscription was renewed", full(plan)),
        Message::PlanChanged { plan, .. } => format!("Your {name} plan is now {plan}"),
        Message::DowngradeScheduled { plan, at, .. } => format!("Your {name} plan changes to {plan} on {}", day(at)),
        Message::PaymentFailed { plan, .. } => format!("Your payment for {} failed", full(plan)),
        Message::ActionRequired { plan, .. } => format!("Confirm your payment for {}", full(plan)),
        Message::SubscriptionCanceled { plan, until, .. } => {
            format!("Your {} subscription is set to cancel on {}", full(plan), day(until))
        }
        Message::SubscriptionResumed { plan, .. } => format!("Your {} subscription continues", full(plan)),
        Message::SubscriptionEnded { plan, .. } => format!("Your {} subscription has ended", full(plan)),
        Message::TrialEnding { plan, at, .. } => format!("Your {} trial ends on {}", full(plan), day(at)),
        Message::Refunded { plan, .. } => format!("Your refund for {}", full(plan)),
        Message::TrialRefused { plan, .. } => format!("Your {} trial could not be started", full(plan)),
    }
}

/// The page that the button of `message` opens.
fn link_of(message: &Message, context: &Context<'_>) -> String {
    let page = |path: &str| format!("{}{path}", context.app_url);
    match message {
        Message::Verify { .. } => format!("{}?token={}", context.verify_page_url, context.token),
        Message::Reset { .. } => format!("{}?token={}", context.reset_page_url, context.token),
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
    let subject = subject_of(message, context.app_name);
    let link = link_of(message, context);
    let no_time = String::new;
    let time = |at: &Timestamp| at.strftime("%-d %B %Y, %H:%M UTC").to_string();
    let (username, at) = match message {
        Message::Verify { username, .. } | Message::Reset { username, .. } | Message::LoginCode { username, .. } => {
            (username.as_str(), no_time())
        }
        Message::PasswordChanged { username, at, .. }
        | Message::EmailChangeRequested { username, at, .. }
        | Message::EmailChanged { username, at, .. }
        | Message::ProviderLinked { username, at, .. } => (username.as_str(), time(at)),
        Message::SubscriptionConfirmed { until: at, .. }
        | Message::Renewed { until: at, .. }
        | Message::DowngradeScheduled { at, .. }
        | Message::SubscriptionCanceled { until: at, .. }
        | Message::PaymentFailed { until: Some(at), .. }
        | Message::TrialEnding { at, .. } => ("", day(at)),
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
        | Message::Refunded { amount: Some(Amount { amount_cents, currency }), .. } => money(*amount_cents, currency),
        _ => String::new(),
    };
    let reason = match message {
        Message::Refunded { reason: Some(reason), .. } => match reason {
            RefundReason::SecondSubscription => {
                "You already had a subscription when this one was paid, so it was canceled."
            }
            RefundReason::AccountDeleted => "Your account was deleted, so the subscription was canceled.",
            RefundReason::PaidAfterEnd => "The payment arrived after the subscription had ended.",
        },
        _ => "",
    };
    let unlinks = match message {
        Message::Verify { unlinks, .. } => unlinks.join(" and "),
        _ => String::new(),
    };
    let username = &unlinkable(username);
    let page = Page {
        brand: context.brand,
        app_name: context.app_name,
        app_url: context.app_url,
        subject: &subject,
        username,
        link: &link,
        code: context.code,
        at: &at,
        provider,
        plan,
        amount: &amount,
        reason,
        unlinks: &unlinks,
        is_change: matches!(
            message,
            Message::Verify { is_change: true, .. } | Message::PaymentFailed { is_change: true, .. }
        ),
    };
    let (text, html) = match message {
        Message::Verify { .. } => verify::render(page),
        Message::AlreadyRegistered { .. } => already_registered::render(page),
        Message::Reset { .. } => reset::render(page),
        Message::PasswordChanged { .. } => password_changed::render(page),
        Message::LoginCode { .. } => login_code::render(page),
        Message::EmailChangeRequested { .. } => email_change_requested::render(page),
        Message::EmailChanged { .. } => email_changed::render(page),
        Message::ProviderLinked { .. } => provider_linked::render(page),
        Message::SubscriptionConfirmed { .. } => subscription_confirmed::render(page),
        Message::Renewed { .. } => renewed::render(page),
        Message::PlanChanged { .. } => plan_changed::render(page),
        Message::DowngradeScheduled { .. } => downgrade_scheduled::render(page),
        Message::PaymentFailed { .. } => payment_failed::render(page),
        Message::ActionRequired { .. } => action_required::render(page),
        Message::SubscriptionCanceled { .. } => subscription_canceled::render(page),
        Message::SubscriptionResumed { .. } => subscription_resumed::render(page),
        Message::SubscriptionEnded { .. } => subscription_ended::render(page),
        Message::TrialEnding { .. } => trial_ending::render(page),
        Message::Refunded { .. } => refunded::render(page),
        Message::TrialRefused { .. } => trial_refused::render(page),
    }?;
    Ok(Mail { to: message.to().to_owned(), text, html, kind: message.kind(), subject: subject.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OneTime;
    use crate::brand::{Accent, brand};
    use tollgate_domain::UserId;

    fn context() -> Context<'static> {
        Context {
            brand: brand(),
            app_name: "R&D <Tools>",
            app_url: "https://app.example",
            verify_page_url: "https://app.example/verify",
            reset_page_url: "https://app.example/new-password",
            token: "TOKEN.abc",
            code: "042137",
        }
    }

    /// The visible text of an HTML part, with single spaces.
    fn visible(html: &str) -> String {
        let (_, body) = html.split_once("<body").unwrap();
        let mut text = String::new();
        for part in body.split('<') {
            // Each part except the first begins with the name of a tag.
            let (tag, rest) = part.split_once('>').unwrap();
            let is_inline = ["a ", "/a", "strong", "/strong"].iter().any(|name| tag.starts_with(name));
            text.push_str(if is_inline { "" } else { " " });
            text.push_str(rest);
        }
        for (escaped, plain) in [("&#60;", "<"), ("&#62;", ">"), ("&#39;", "'"), ("&#34;", "\""), ("&#38;", "&")] {
            text = text.replace(escaped, plain);
        }
        joined(&text)
    }

    fn joined(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn all() -> [Message; 23] {
        let (to, username) = ("ann@example.com".to_owned(), "<b>ann</b>".to_owned());
        let plan = "<b>ann's plan</b>".to_owned();
        let invoice_url = Some("https://pay.example/in_1".to_owned());
        let otp = OneTime {
            user_id: UserId::new(Timestamp::UNIX_EPOCH, [0; 10]),
            id: "row".into(),
            generation: "g".into(),
            expires_at: Timestamp::UNIX_EPOCH,
        };
        [
            Message::Verify {
                to: to.clone(),
                username: username.clone(),
                otp: otp.clone(),
                is_change: false,
                unlinks: Vec::new(),
            },
            Message::AlreadyRegistered { to: to.clone() },
            Message::Reset { to: to.clone(), username: username.clone(), otp: otp.clone() },
            Message::PasswordChanged { to: to.clone(), username: username.clone(), at: Timestamp::UNIX_EPOCH },
            Message::Verify {
                to: to.clone(),
                username: username.clone(),
                otp: otp.clone(),
                is_change: true,
                unlinks: vec!["Google".into(), "GitHub".into()],
            },
            Message::LoginCode { to: to.clone(), username: username.clone(), otp },
            Message::EmailChanged { to: to.clone(), username: username.clone(), at: Timestamp::UNIX_EPOCH },
            Message::ProviderLinked { to: to.clone(), username, provider: "GitHub".into(), at: Timestamp::UNIX_EPOCH },
            Message::SubscriptionConfirmed { to: to.clone(), plan: plan.clone(), until: Timestamp::UNIX_EPOCH },
            Message::PaymentFailed {
                to: to.clone(),
                plan: plan.clone(),
                invoice_url: invoice_url.clone(),
                until: None,
                is_change: true,
            },
            Message::SubscriptionEnded { to: to.clone(), plan: plan.clone() },
            Message::Refunded { to: to.clone(), plan: plan.clone(), amount: None, reason: None },
            Message::Renewed {
                to: to.clone(),
                plan: plan.clone(),
                amount_cents: 1900,
                currency: "usd".into(),
                until: Timestamp::UNIX_EPOCH,
                invoice_url: invoice_url.clone(),
            },
            Message::PlanChanged { to: to.clone(), plan: plan.clone() },
            Message::DowngradeScheduled { to: to.clone(), plan: plan.clone(), at: Timestamp::UNIX_EPOCH },
            Message::ActionRequired { to: to.clone(), plan: plan.clone(), invoice_url },
            Message::SubscriptionCanceled { to: to.clone(), plan: plan.clone(), until: Timestamp::UNIX_EPOCH },
            Message::SubscriptionResumed { to: to.clone(), plan: plan.clone() },
            Message::TrialEnding { to: to.clone(), plan: plan.clone(), at: Timestamp::UNIX_EPOCH },
            Message::PaymentFailed {
                to: to.clone(),
                plan: plan.clone(),
                invoice_url: None,
                until: Some(Timestamp::UNIX_EPOCH),
                is_change: false,
            },
            Message::TrialRefused { to: to.clone(), plan: plan.clone() },
            Message::EmailChangeRequested { to: to.clone(), username: "ann".into(), at: Timestamp::UNIX_EPOCH },
            Message::Refunded {
                to,
                plan,
                amount: Some(Amount { amount_cents: 1900, currency: "usd".into() }),
                reason: Some(RefundReason::PaidAfterEnd),
            },
        ]
    }

    #[test]
    fn both_parts_of_a_mail_contain_its_secrets_and_no_other_mail_does() {
        for message in all() {
            let mail = render(&message, &context()).unwrap();
            for part in [&mail.text, &mail.html] {
                let (link, code) = (part.contains("TOKEN.abc"), part.contains("042137"));
                let wanted = match message {
                    Message::Verify { .. } => (true, true),
                    Message::Reset { .. } => (true, false),
                    Message::LoginCode { .. } => (false, true),
                    _ => (false, false),
                };
                assert_eq!((link, code), wanted, "{}", mail.kind);
            }
        }
    }

    // S13
    #[test]
    fn links_lead_to_the_configured_pages() {
        let links = all().map(|message| render(&message, &context()).unwrap().text);
        assert!(links[0].contains("https://app.example/verify?token=TOKEN.abc"));
        assert!(links[2].contains("https://app.example/new-password?token=TOKEN.abc"));
        for index in [9, 12, 15] {
            assert!(links[index].contains("https://pay.example/in_1"), "{}", links[index]);
        }
        let to = "ann@example.com".to_owned();
        let message = Message::ActionRequired { to, plan: "Pro".into(), invoice_url: None };
        assert!(render(&message, &context()).unwrap().text.contains("https://app.example/account"));
    }

    #[test]
    fn subject_and_both_parts_name_the_plan_and_both_parts_day_and_amount() {
        for message in all() {
            let json = serde_json::to_value(&message).unwrap();
            let Some(plan) = json["plan"].as_str() else { continue };
            let mail = render(&message, &context()).unwrap();
            assert!(mail.subject.contains(plan) && !mail.subject.contains('\n'), "{}", mail.subject);
            assert!(mail.text.contains(plan) && mail.html.contains("ann&#39;s plan"), "{}", mail.kind);
            for part in [&mail.text, &mail.html] {
                let has_day = !(json["until"].is_null() && json["at"].is_null());
                assert_eq!(part.contains("1 January 1970"), has_day, "{part}");
                let has_amount = json["amount_cents"] == 1900 || json["amount"]["amount_cents"] == 1900;
                assert_eq!(part.contains("19.00 USD"), has_amount, "{part}");
            }
        }
    }

    #[test]
    fn each_line_of_the_text_part_is_in_the_html_part() {
        for message in all() {
            let mail = render(&message, &context()).unwrap();
            let html = visible(&mail.html);
            for line in mail.text.lines().filter(|line| *line != "--") {
                assert!(html.contains(&joined(line)), "{}: {line}\n{html}", mail.kind);
            }
        }
    }

    #[test]
    fn each_mail_has_the_name_the_colours_and_the_links_of_its_brand() {
        let other = Brand {
            name: "Acme".into(),
            accent: Accent { light: "#7a1fa2".into(), dark: "#e1bee7".into() },
            support_email: "help@acme.example".into(),
            terms_url: "https://acme.example/terms".into(),
            privacy_url: "https://acme.example/privacy".into(),
            postal_address: "Acme Ltd, 1 High Street, London".into(),
            footer: "Registered in England, no. 123".into(),
        };
        let context = Context { brand: &other, app_name: &other.name, ..context() };
        for message in all() {
            let mail = render(&message, &context).unwrap();
            let texts = [
                &other.name,
                &other.support_email,
                &other.terms_url,
                &other.privacy_url,
                &other.postal_address,
                &other.footer,
            ];
            for part in [&mail.text, &mail.html] {
                for text in texts {
                    assert!(part.contains(text.as_str()), "{}: {text}\n{part}", mail.kind);
                }
            }
            for href in ["mailto:help@acme.example", other.terms_url.as_str(), other.privacy_url.as_str()] {
                assert!(mail.html.contains(&format!("<a href=\"{href}\"")), "{}: {href}", mail.kind);
            }
            assert!(mail.html.contains(&other.accent.light) && mail.html.contains(&other.accent.dark), "{}", mail.kind);
            assert!(!mail.html.contains(&brand().accent.light), "{}", mail.kind);
            assert!(!mail.subject.contains("Tools"), "{}", mail.subject);
        }
    }

    #[test]
    fn a_mail_shows_nothing_of_a_brand_that_is_not_set() {
        let bare = Brand { name: "Acme".into(), accent: brand().accent.clone(), ..Brand::default() };
        for message in all() {
            let mail = render(&message, &Context { brand: &bare, ..context() }).unwrap();
            for part in [&mail.text, &mail.html] {
                for label in ["mailto:", "Support:", "Terms:", "Privacy:"] {
                    assert!(!part.contains(label), "{}: {label}", mail.kind);
                }
            }
        }
    }

    // B18
    #[test]
    fn an_html_part_loads_nothing_and_follows_the_colour_scheme() {
        for message in all() {
            let html = render(&message, &context()).unwrap().html;
            for loads in ["src=", "url(", "<link", "<script", "@import", "<img"] {
                assert!(!html.contains(loads), "{loads}: {html}");
            }
            assert_eq!(html.matches("@media (prefers-color-scheme: dark)").count(), 1, "{html}");
        }
    }

    #[test]
    fn a_subject_names_the_product_once() {
        let message = |plan: &str| Message::SubscriptionEnded { to: "a@b.example".into(), plan: plan.into() };
        for plan in ["Pro", "Tollgate Pro"] {
            let context = Context { app_name: "Tollgate", ..context() };
            let mail = render(&message(plan), &context).unwrap();
            assert_eq!(mail.subject, "Your Tollgate Pro subscription has ended");
        }
    }

    #[test]
    fn user_chosen_text_is_escaped_in_html() {
        for message in all() {
            let html = render(&message, &context()).unwrap().html;
            assert!(!html.contains("<b>ann") && !html.contains("<Tools>") && html.contains("R&#38;D"), "{html}");
        }
    }

    // B11
    #[test]
    fn a_user_name_in_a_mail_never_becomes_a_link() {
        for name in
            ["www.win-1000.example", "evil.example", "ann.lee", "1.2.3.4", "call-555-0100", "4155550100", "a_b.io"]
        {
            for message in all() {
                let mut message = serde_json::to_value(&message).unwrap();
                if message.get("username").is_none() {
                    continue;
                }
                message["username"] = name.into();
                let mail = render(&serde_json::from_value(message).unwrap(), &context()).unwrap();
                for part in [&mail.text, &mail.html, &mail.subject] {
                    assert!(!part.contains(name), "{}: {part}", mail.kind);
                    for word in part.split(|c: char| c.is_whitespace() || "<>\u{200b}".contains(c)) {
                        let is_own = word.contains("app.example") || word.contains("TOKEN") || word == mail.to;
                        let is_host = word.split_once('.').is_some_and(|(host, end)| !host.is_empty() && end.len() > 1);
                        assert!(is_own || !is_host || !name.contains(word), "{}: {word}", mail.kind);
                        let digits = word.chars().filter(char::is_ascii_digit).count();
                        assert!(digits < 3 || !name.contains(word), "{}: {word}", mail.kind);
                    }
                }
                let visible = mail.text.replace('\u{200b}', "");
                assert!(visible.contains(name), "{}: a reader sees the whole name", mail.kind);
            }
        }
    }

    // B18
    #[test]
    fn a_plain_link_is_next_to_each_button() {
        let mut count = 0;
        for message in all() {
            let html = render(&message, &context()).unwrap().html;
            let Some((_, button)) = html.split_once("display:inline-block") else { continue };
            let link = html.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(button.contains(&format!(">{link}</a>")), "{html}");
            count += 1;
        }
        assert!(count > 15);
    }

    // S23
    #[test]
    fn a_verification_mail_names_the_user_and_says_what_to_do_if_unexpected() {
        for message in [&all()[0], &all()[4]] {
            let text = render(message, &context()).unwrap().text.replace('\u{200b}', "");
            assert!(text.contains("<b>ann</b>") && text.contains("did not"), "{text}");
        }
    }

    // B9
    #[test]
    fn a_mail_to_a_new_address_names_the_providers_that_are_unlinked() {
        let [own, change] = [&all()[0], &all()[4]].map(|message| render(message, &context()).unwrap());
        for (of_own, of_change) in [(&own.text, &change.text), (&own.html, &change.html)] {
            assert!(of_change.contains("Google and GitHub") && !of_own.contains("Google"), "{of_change}");
        }
    }

    // R18
    #[test]
    fn a_message_of_another_version_is_understood() {
        let old =
            r#"{"kind":"password_changed","to":"a@b.example","username":"ann","at":"2026-01-01T00:00:00Z","later":1}"#;
        let message: Message = serde_json::from_str(old).unwrap();
        assert_eq!((message.kind(), message.to()), ("password_changed", "a@b.example"));
        for message in all() {
            let text = serde_json::to_string(&message).unwrap();
            assert!(text.contains(&format!("\"kind\":\"{}\"", message.kind())));
        }
    }
}
