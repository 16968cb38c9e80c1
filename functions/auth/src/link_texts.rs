//! The texts of the pages of mailed links in each language, from the folders of `languages/`.

use tollgate_domain::language::{preferred, primary};
use tollgate_domain::password::WeakPasswordError;
use tollgate_http::ApiError;

include!(concat!(env!("OUT_DIR"), "/link_texts.rs"));

/// The language of a browser that asks for none of them.
const FIRST: &str = "en";

impl Texts {
    /// The texts of the language that a request asks for.
    pub fn of(languages: &str) -> &'static Self {
        let known = |tag: &str| LANGUAGES.iter().find(|texts| texts.lang.eq_ignore_ascii_case(primary(tag)));
        // The build fails without English.
        preferred(languages, known).or_else(|| known(FIRST)).unwrap_or(&LANGUAGES[0])
    }

    /// What to tell a person about an error: by its code, since its detail is English.
    pub fn problem(&self, error: &ApiError) -> String {
        let text = match error {
            ApiError::InvalidToken => self.problem_token,
            ApiError::TokenExpired => self.problem_expired,
            ApiError::RateLimited(_) => self.problem_rate_limited,
            ApiError::WeakPassword(_, reason) => return self.weak_password(*reason),
            ApiError::NotEnabled => self.problem_not_enabled,
            ApiError::Unavailable(_) => self.problem_unavailable,
            _ => self.problem_unknown,
        };
        text.to_owned()
    }

    /// Why a password is not accepted.
    pub fn weak_password(&self, reason: WeakPasswordError) -> String {
        match reason {
            WeakPasswordError::TooShort(minimum) => {
                self.problem_password_short.replace("{minimum}", &minimum.to_string())
            }
            WeakPasswordError::TooLong => self.problem_password_long.to_owned(),
            WeakPasswordError::Common | WeakPasswordError::Personal => self.problem_password.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_mailed_links_are_in_the_language_of_the_browser() {
        for texts in LANGUAGES {
            let expired = texts.problem(&ApiError::TokenExpired);
            assert!(expired == texts.problem_expired && Texts::of(texts.lang).lang == texts.lang);
            let short = texts.weak_password(WeakPasswordError::TooShort(8));
            assert!(short.contains('8') && !short.contains('{'), "{short}");
            let is_english = texts.lang == FIRST;
            assert_eq!(expired == ApiError::TokenExpired.detail(), is_english, "{}", texts.lang);
        }
        assert_eq!((Texts::of("nl").lang, Texts::of("").lang, Texts::of("fr-CA, en;q=0.5").lang), ("en", "en", "fr"));
    }
}
