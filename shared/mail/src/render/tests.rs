//! Every mail: its parts, links and secrets, the brand, the languages.

use super::*;
use crate::brand::{Accent, Brand, brand};
use crate::mails::{ActionRequired, PasswordChanged, Renewed, SubscriptionEnded};
use crate::texts::LANGUAGES;
use std::collections::BTreeSet;

fn context() -> Context<'static> {
    Context {
        brand: brand(),
        locale: None,
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

/// The rendered samples of a kind.
fn mails_of(kind: &str) -> Vec<Mail> {
    let samples = Message::samples().into_iter().filter(|message| message.kind() == kind);
    samples.map(|message| render(&message, &context()).unwrap()).collect()
}

#[test]
fn both_parts_of_a_mail_contain_its_secrets_and_no_other_mail_does() {
    for message in Message::samples() {
        let mail = render(&message, &context()).unwrap();
        for part in [&mail.text, &mail.html] {
            let (link, code) = (part.contains("TOKEN.abc"), part.contains("042137"));
            let wanted = match message {
                Message::Verify { .. } => (true, true),
                Message::Reset { .. } | Message::Invitation { .. } => (true, false),
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
    for (kind, link) in [
        ("verify", "https://app.example/verify?token=TOKEN.abc"),
        ("reset", "https://app.example/new-password?token=TOKEN.abc"),
        ("invitation", "https://app.example/account/register?email=ann%40example.com&invitation=TOKEN.abc"),
        ("payment_failed", "https://pay.example/in_1"),
        ("renewed", "https://pay.example/in_1"),
        ("action_required", "https://pay.example/in_1"),
    ] {
        assert!(mails_of(kind)[0].text.contains(link), "{kind}");
    }
    let to = "ann@example.com".to_owned();
    let message = ActionRequired { to, plan: "Pro".into(), invoice_url: None }.into();
    assert!(render(&message, &context()).unwrap().text.contains("https://app.example/account/billing"));
}

#[test]
fn subject_and_both_parts_name_the_plan_and_both_parts_day_and_amount() {
    for message in Message::samples() {
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
    for (message, mail) in in_each_language() {
        let html = visible(&mail.html);
        for line in mail.text.lines().filter(|line| *line != "--") {
            assert!(html.contains(&joined(line)), "{}: {line}\n{html}", message.kind());
        }
    }
}

// The HTML part has each line of the text part, and the label of the button.
#[test]
fn a_mail_without_own_templates_says_its_whole_content_in_order() {
    for message in Message::samples() {
        for t in LANGUAGES {
            let context = Context { locale: Some(t.lang), ..context() };
            let Content { subject, title, body, button, after, note } = message.mail().content(&context, t);
            let mut page = Page::new(&context, String::new());
            message.mail().show(&mut page, t);
            let said = |part: &Part| match part {
                Part::Text(text) => page.fill(text),
                Part::Joined(first, second) => format!("{} {}", page.fill(first), page.fill(second)),
                Part::Code => "042137".to_owned(),
            };
            let mail = render(&message, &context).unwrap();
            assert_eq!(mail.subject, page.fill(subject));
            let mut rest = mail.text.as_str();
            let links = button.iter().map(|button| button.link.clone());
            let said_before = [page.fill(title)].into_iter().chain(body.iter().map(said)).chain(links);
            let has_own = |part| own(&format!("{}.{part}", mail.kind), &page, t).is_some();
            for said in said_before.chain(after.iter().map(said)).chain(note.map(|note| page.fill(note))) {
                let found = rest.split_once(said.as_str());
                assert!(found.is_some() || has_own("txt"), "{said}\n{}", mail.text);
                rest = found.map_or(rest, |(_, rest)| rest);
            }
            let label = button.map_or_else(String::new, |button| page.fill(button.label));
            assert!(visible(&mail.html).contains(&joined(&label)) || has_own("html"), "{label}\n{}", mail.html);
        }
    }
}

/// Each mail in each language.
fn in_each_language() -> impl Iterator<Item = (Message, Mail)> {
    let of_language = |texts: &'static Texts| {
        let context = Context { locale: Some(texts.lang), ..context() };
        Message::samples().into_iter().map(move |message| {
            let mail = render(&message, &context).unwrap();
            (message, mail)
        })
    };
    LANGUAGES.iter().flat_map(of_language)
}

#[test]
fn no_placeholder_is_left_and_each_language_has_texts_of_its_own() {
    let (mut kinds, mut subjects) = (BTreeSet::new(), BTreeSet::new());
    for (_, mail) in in_each_language() {
        let (_, body) = mail.html.split_once("<body").unwrap();
        for part in [&mail.subject, &mail.text, body] {
            assert!(!part.contains(['{', '}']) && !part.trim().is_empty(), "{part}");
        }
        assert!(!mail.subject.contains("&#"), "{}", mail.subject);
        kinds.insert(mail.kind);
        subjects.insert((mail.kind, mail.subject));
    }
    assert!(kinds.len() > 20);
    // A mail to a new address has another subject than the first verification.
    assert_eq!(subjects.len(), (kinds.len() + 1) * LANGUAGES.len());
}

#[test]
fn dates_and_amounts_are_written_as_the_language_does() {
    let message = Renewed {
        to: "ann@example.com".into(),
        plan: "Pro".into(),
        amount_cents: 190_000,
        currency: "usd".into(),
        until: "2026-03-01T23:30:00Z".parse().unwrap(),
        invoice_url: None,
    }
    .into();
    let changed = PasswordChanged {
        to: "ann@example.com".into(),
        username: "ann".into(),
        at: "2026-12-24T18:05:00Z".parse().unwrap(),
    }
    .into();
    for (locale, date, amount, moment) in [
        ("en", "1 March 2026", "1,900.00 USD", "24 December 2026, 18:05 UTC"),
        ("de-AT", "1. März 2026", "1.900,00 USD", "24. Dezember 2026, 18:05 UTC"),
        ("fr", "1 mars 2026", "1\u{202f}900,00 USD", "24 décembre 2026 à 18:05 UTC"),
        ("es", "1 de marzo de 2026", "1.900,00 USD", "24 de diciembre de 2026, 18:05 UTC"),
        ("ja", "2026年3月1日", "1,900.00 USD", "2026年12月24日 18:05（UTC）"),
    ] {
        let context = Context { locale: Some(locale), ..context() };
        let mail = render(&message, &context).unwrap();
        let other = render(&changed, &context).unwrap();
        let html = format!("<html lang=\"{}\"", &locale[..2]);
        for (part, texts) in [(&mail.text, [date, amount]), (&mail.html, [amount, &html]), (&other.text, [moment, ""])]
        {
            texts.iter().for_each(|text| assert!(part.contains(text), "{locale}: {text}\n{part}"));
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
    for message in Message::samples() {
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
    for message in Message::samples() {
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
    for message in Message::samples() {
        let html = render(&message, &context()).unwrap().html;
        for loads in ["src=", "url(", "<link", "<script", "@import", "<img"] {
            assert!(!html.contains(loads), "{loads}: {html}");
        }
        assert_eq!(html.matches("@media (prefers-color-scheme: dark)").count(), 1, "{html}");
    }
}

#[test]
fn a_subject_names_the_product_once() {
    let message = |plan: &str| SubscriptionEnded { to: "a@b.example".into(), plan: plan.into() }.into();
    for plan in ["Pro", "Tollgate Pro"] {
        let context = Context { app_name: "Tollgate", ..context() };
        let mail = render(&message(plan), &context).unwrap();
        assert_eq!(mail.subject, "Your Tollgate Pro subscription has ended");
    }
}

#[test]
fn user_chosen_text_is_escaped_in_html() {
    for message in Message::samples() {
        let html = render(&message, &context()).unwrap().html;
        assert!(!html.contains("<b>ann") && !html.contains("<Tools>") && html.contains("R&#38;D"), "{html}");
    }
}

// B11
#[test]
fn a_user_name_in_a_mail_never_becomes_a_link() {
    for name in ["www.win-1000.example", "evil.example", "ann.lee", "1.2.3.4", "call-555-0100", "4155550100", "a_b.io"]
    {
        for message in Message::samples() {
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
    for message in Message::samples() {
        let html = render(&message, &context()).unwrap().html;
        let Some((_, button)) = html.split_once("display:inline-block") else { continue };
        let link = html.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(button.contains(&format!(">{link}</a>")), "{html}");
        count += 1;
    }
    assert!(count > 15);
}

/// Declares a template of the text of `docs/adopting.md`.
macro_rules! example {
    ($source:literal) => {
        const EXAMPLE: &str = $source;

        #[derive(Template)]
        #[template(source = $source, ext = "html")]
        struct Example<'a> {
            page: &'a Page<'a>,
            t: &'a Texts,
        }
    };
}

example!(
    r#"{% extends "layout.html" %}
{% block title %}{{ page.fill(t.login_code_title) }}{% endblock %}
{% block body %}<p>Hi {{ page.username }}, here is your code for {{ page.app_name }}:</p>
{% include "code.html" %}{% endblock %}
{% block action %}{% endblock %}
"#
);

#[test]
fn the_documented_template_of_a_mail_is_rendered() {
    assert!(include_str!("../../../../docs/adopting.md").contains(&format!("```html\n{EXAMPLE}```\n")));
    let t = Texts::of(Some("de"));
    let mut page = Page::new(&context(), "https://app.example/account".into());
    page.username = "ann <b>".into();
    let html = Example { page: &page, t }.render().unwrap();
    let shown = format!("{} Hi ann <b>, here is your code for R&D <Tools>: 042137", t.login_code_title);
    assert!(visible(&html).contains(&shown), "{}", visible(&html));
    assert!(html.contains("<html lang=\"de\">") && !html.contains("display:inline-block"), "{html}");
}

/// What the build writes if `brand/mails` has these templates.
mod with_templates {
    use super::*;

    own_templates! { "code.html", "layout.txt" }

    #[test]
    fn a_template_of_brand_mails_is_rendered_under_its_name_alone() {
        let page = Page::new(&context(), String::new());
        let t = Texts::of(None);
        let of = |name| own(name, &page, t).map(Result::unwrap);
        assert!(of("code.html").unwrap().contains("042137"));
        assert!(of("layout.txt").unwrap().contains(&page.fill(t.sent_by)));
        assert!(of("code.txt").is_none() && of("verify.html").is_none());
    }
}

// S23
#[test]
fn a_verification_mail_names_the_user_and_says_what_to_do_if_unexpected() {
    for mail in mails_of("verify") {
        let text = mail.text.replace('\u{200b}', "");
        assert!(text.contains("<b>ann</b>") && text.contains("did not"), "{text}");
    }
}

// B9
#[test]
fn a_mail_to_a_new_address_names_the_providers_that_are_unlinked() {
    let [own, change] = mails_of("verify").try_into().ok().unwrap();
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
    for message in Message::samples() {
        let text = serde_json::to_string(&message).unwrap();
        assert!(text.contains(&format!("\"kind\":\"{}\"", message.kind())));
    }
}
