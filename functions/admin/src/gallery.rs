//! The gallery: questions that every product has, each with its statement. Admins see it, and the model gets it as
//! examples.

use serde::Serialize;
use std::sync::LazyLock;
use utoipa::ToSchema;

macro_rules! items {
    ($($name:literal,)*) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../reports/gallery/", $name, ".sql"))),)*];
    };
}

items! {
    "01-mrr-by-plan",
    "02-mrr-movements",
    "03-churn",
    "04-trial-conversion",
    "05-cohort-retention",
    "06-revenue-by-month",
    "07-failed-payments",
    "08-past-due-at-risk",
    "09-sign-ups-by-provider",
    "10-unverified-users",
    "11-sign-ins-per-method",
    "12-inactive-payers",
    "13-refunds",
    "14-top-customers",
    "15-annual-against-monthly",
    "16-upgrades-and-downgrades",
    "17-tier-distribution",
    "18-growth-by-week",
    "19-time-to-first-payment",
    "20-reactivations",
    "21-plans-without-subscribers",
    "22-duplicate-addresses",
    "23-admins",
    "24-disputed-payments",
}

/// A question with its statement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GalleryItem {
    /// Its id.
    pub name: &'static str,
    /// The question in a few words.
    pub title: &'static str,
    /// What the result shows.
    pub description: &'static str,
    /// The statement.
    pub sql: &'static str,
}

/// All entries, in their order.
pub static GALLERY: LazyLock<Vec<GalleryItem>> = LazyLock::new(|| FILES.iter().map(|file| item(*file)).collect());

/// A file begins with comments that give the title and the description.
fn item((file, text): (&'static str, &'static str)) -> GalleryItem {
    let comment = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("-- ")?.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default().trim()
    };
    // The statement keeps the comment with its assumptions.
    let head =
        text.lines().take_while(|line| ["-- title:", "-- description:"].iter().any(|name| line.starts_with(name)));
    let head: usize = head.map(|line| line.len() + 1).sum();
    GalleryItem {
        name: file.split_once('-').map_or(file, |(_, name)| name),
        title: comment("title"),
        description: comment("description"),
        sql: text.get(head..).unwrap_or_default().trim(),
    }
}
