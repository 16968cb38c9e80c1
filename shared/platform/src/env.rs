//! Configuration: variables by name. Each function parses the ones it needs once, at its start, into its own `Config`,
//! and stops with the name of the first wrong one.

use jiff::SignedDuration;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_domain::billing::{Grace, RefundOnDeletion, Rules};

/// The variables of a function's environment.
#[derive(Clone, Default)]
pub struct Env {
    variables: Arc<HashMap<String, String>>,
    /// Where the names that are read are recorded, if they are.
    record: Option<ReadNames>,
}

/// The names of the variables that were read, set or not: what a program reads is compared with what it is given.
#[derive(Clone, Default)]
pub struct ReadNames(Arc<Mutex<BTreeSet<String>>>);

impl ReadNames {
    /// The names so far.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }
}

/// Who can create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Anyone.
    Open,
    /// Owners of addresses that an admin invited.
    Invite,
    /// Existing accounts sign in only.
    Closed,
}

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: expected {expects}")]
pub struct ConfigError {
    /// Its name.
    pub variable: String,
    /// The expected value, for a person.
    pub expects: String,
}

impl ConfigError {
    /// `variable` should have contained `expects`.
    pub fn new(variable: &str, expects: impl Into<String>) -> Self {
        Self { variable: variable.to_owned(), expects: expects.into() }
    }
}

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn process() -> Self {
        #[allow(clippy::disallowed_methods)] // the one place that reads it
        Self { variables: Arc::new(std::env::vars().collect()), record: None }
    }

    /// Exactly these variables.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables = pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        Self { variables: Arc::new(variables), record: None }
    }

    /// The same variables, and the names that are read from now on.
    #[must_use]
    pub fn recorded(&self) -> (Self, ReadNames) {
        let record = ReadNames::default();
        (Self { variables: Arc::clone(&self.variables), record: Some(record.clone()) }, record)
    }

    fn variable(&self, name: &str) -> Option<&String> {
        self.record.iter().for_each(|record| record.add(name));
        self.variables.get(name)
    }

    /// The value of `name`; an empty one counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variable(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// All of them, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether `name` is set, empty or not.
    #[must_use]
    pub fn is_present(&self, name: &str) -> bool {
        self.variable(name).is_some()
    }

    /// The value of `name`.
    ///
    /// # Errors
    /// When it is not set.
    pub fn required(&self, name: &str, expects: &str) -> Result<&str, ConfigError> {
        self.get(name).ok_or_else(|| ConfigError::new(name, format!("{expects}, but it is not set")))
    }

    /// The value of `name`, else `default`.
    ///
    /// # Errors
    /// When it is set and does not parse.
    pub fn parse<T: FromStr>(&self, name: &str, default: T, expects: &str) -> Result<T, ConfigError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| ConfigError::new(name, format!("{expects}, found {value:?}"))),
        }
    }

    /// A length of time in whole seconds, minutes (`15m`), hours (`24h`) or days (`30d`).
    ///
    /// # Errors
    /// When it is set and is none of these, or zero.
    pub fn seconds(&self, name: &str, default_seconds: u32) -> Result<u32, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(default_seconds) };
        let (digits, unit_seconds) = match value.as_bytes().last() {
            Some(b'm') => (&value[..value.len() - 1], 60),
            Some(b'h') => (&value[..value.len() - 1], 3600),
            Some(b'd') => (&value[..value.len() - 1], 86_400),
            _ => (value, 1),
        };
        digits.parse::<u32>().ok().and_then(|n| n.checked_mul(unit_seconds)).filter(|seconds| *seconds > 0).ok_or_else(
            || ConfigError::new(name, format!("a length of time such as 900, 15m, 24h or 30d, found {value:?}")),
        )
    }

    /// An absolute `http` or `https` address without a trailing slash, query or fragment.
    ///
    /// # Errors
    /// When it is set and is not one.
    pub fn address(&self, name: &str, default: impl FnOnce() -> String) -> Result<String, ConfigError> {
        Ok(self.absolute(name, &['?', '#', '\\'])?.map_or_else(default, |value| value.trim_end_matches('/').to_owned()))
    }

    /// As `address`, of a page that may have a query.
    ///
    /// # Errors
    /// When it is set and is not one.
    pub fn page_address(&self, name: &str, default: impl FnOnce() -> String) -> Result<String, ConfigError> {
        Ok(self.absolute(name, &['#', '\\'])?.map_or_else(default, str::to_owned))
    }

    fn absolute(&self, name: &str, refused: &[char]) -> Result<Option<&str>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        origin_of(value)
            .filter(|_| !value.contains(refused) && !value.contains(char::is_whitespace))
            .map(|_| Some(value))
            .ok_or_else(|| ConfigError::new(name, format!("an absolute http or https address, found {value:?}")))
    }

    /// Whether this deployment has billing: `BILLING`, `on` by default.
    ///
    /// # Errors
    /// When it is neither `on` nor `off`.
    pub fn has_billing(&self) -> Result<bool, ConfigError> {
        self.switch("BILLING", ["on", "off"])
    }

    /// Who can create an account: `SIGN_UP`, `open` by default.
    ///
    /// # Errors
    /// When it is not `open`, `invite` or `closed`.
    pub fn sign_up(&self) -> Result<SignUp, ConfigError> {
        match self.get("SIGN_UP") {
            None | Some("open") => Ok(SignUp::Open),
            Some("invite") => Ok(SignUp::Invite),
            Some("closed") => Ok(SignUp::Closed),
            Some(value) => Err(ConfigError::new("SIGN_UP", format!("open, invite or closed, found {value:?}"))),
        }
    }

    /// Whether accounts have passwords: `PASSWORD_SIGN_IN`, `on` by default.
    ///
    /// # Errors
    /// When it is neither `on` nor `off`.
    pub fn has_passwords(&self) -> Result<bool, ConfigError> {
        self.switch("PASSWORD_SIGN_IN", ["on", "off"])
    }

    /// Whether `name` has the first of two values, which is the default.
    fn switch(&self, name: &str, [on, off]: [&str; 2]) -> Result<bool, ConfigError> {
        match self.get(name) {
            None => Ok(true),
            Some(value) if value == on => Ok(true),
            Some(value) if value == off => Ok(false),
            Some(value) => Err(ConfigError::new(name, format!("{on} or {off}, found {value:?}"))),
        }
    }

    /// The client id of a provider's sign-in; `None` where it is not set or says `unset`.
    #[must_use]
    pub fn client_id(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|id| *id != "unset")
    }

    /// The rules of billing.
    ///
    /// # Errors
    /// With the name of the variable that is wrong.
    pub fn billing_rules(&self) -> Result<Rules, ConfigError> {
        Ok(Rules { grace: self.grace()?, refund_on_deletion: self.refund_on_deletion()? })
    }

    /// The refund for a user who deletes the account in a paid period: `REFUND_ON_DELETION`, `nothing` by default or
    /// `unused`.
    ///
    /// # Errors
    /// When it is neither.
    fn refund_on_deletion(&self) -> Result<RefundOnDeletion, ConfigError> {
        match self.get("REFUND_ON_DELETION") {
            None | Some("nothing") => Ok(RefundOnDeletion::Nothing),
            Some("unused") => Ok(RefundOnDeletion::Unused),
            Some(_) => Err(ConfigError::new("REFUND_ON_DELETION", "nothing or unused")),
        }
    }

    /// How long access continues after a failed payment: `BILLING_GRACE_DAYS`, 7 by default.
    ///
    /// # Errors
    /// When it is not a number of days from 0 to 30: the keys of sent reminders are stored for 35.
    pub fn grace(&self) -> Result<Grace, ConfigError> {
        const EXPECTS: &str = "a number of days from 0 to 30";
        let days: i64 = self.parse("BILLING_GRACE_DAYS", 7, EXPECTS)?;
        if !(0..=30).contains(&days) {
            return Err(ConfigError::new("BILLING_GRACE_DAYS", EXPECTS));
        }
        Ok(Grace(SignedDuration::from_hours(days * 24)))
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.variables.keys()).finish() // only names: values may be secret
    }
}

/// The origins from which a browser may call (S20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// The origins of `addresses`; an entry that is not an absolute address is left out.
    pub fn of<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Self {
        let mut origins: Vec<_> = addresses.into_iter().filter_map(origin_of).collect();
        origins.dedup();
        Self(origins)
    }

    /// Those of `APP_URL`, `FRONTEND_URL` and `CORS_ORIGINS` (comma separated).
    ///
    /// # Errors
    /// When one of them is not an absolute address.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let expects = "a comma separated list of origins such as https://app.example.com";
        let mut all = vec![env.required("APP_URL", "the public address of this service")?.to_owned()];
        all.extend(env.get("FRONTEND_URL").map(str::to_owned));
        for entry in env.get("CORS_ORIGINS").unwrap_or_default().split(',').map(str::trim).filter(|e| !e.is_empty()) {
            if origin_of(entry).as_deref() != Some(entry.trim_end_matches('/')) {
                return Err(ConfigError::new("CORS_ORIGINS", format!("{expects}, found {entry:?}")));
            }
            all.push(entry.to_owned());
        }
        Ok(Self::of(all.iter().map(String::as_str)))
    }

    /// Whether `address` is an absolute one of an allowed origin, without characters that a browser could interpret as
    /// another address (S21).
    #[must_use]
    pub fn allow_address(&self, address: &str) -> bool {
        let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        is_plain && origin_of(address).is_some_and(|origin| self.allow(&origin))
    }

    /// Whether `origin`, as a browser sends it, is one of them.
    #[must_use]
    pub fn allow(&self, origin: &str) -> bool {
        self.0.iter().any(|allowed| allowed == origin)
    }
}

/// Scheme, host and port of an absolute `http(s)` address, in lower case; `None` for anything else, userinfo included.
fn origin_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next().filter(|a| !a.is_empty())?;
    let default_port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let fits = authority.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    let authority = authority.to_ascii_lowercase();
    fits.then(|| format!("{scheme}://{}", authority.strip_suffix(default_port).unwrap_or(&authority)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_switch_is_on_unless_it_is_turned_off_and_takes_no_other_word() {
        type Switch = fn(&Env) -> Result<bool, ConfigError>;
        let switches: [(&str, &str, &str, Switch); 2] =
            [("BILLING", "on", "off", Env::has_billing), ("PASSWORD_SIGN_IN", "on", "off", Env::has_passwords)];
        for (name, on, off, read) in switches {
            for (value, expected) in [("", true), (on, true), (off, false)] {
                assert_eq!(read(&Env::from_pairs([(name, value)])), Ok(expected), "{name} {value}");
            }
            assert_eq!(read(&Env::from_pairs([(name, "false")])).unwrap_err().variable, name);
        }
    }

    #[test]
    fn sign_up_is_open_unless_the_setting_restricts_it() {
        let of = |value| Env::from_pairs([("SIGN_UP", value)]).sign_up();
        assert_eq!([of(""), of("open")], [Ok(SignUp::Open), Ok(SignUp::Open)]);
        assert_eq!([of("invite"), of("closed")], [Ok(SignUp::Invite), Ok(SignUp::Closed)]);
        assert_eq!(of("false").unwrap_err().variable, "SIGN_UP");
    }

    #[test]
    fn a_recorded_environment_names_what_was_read_set_or_not() {
        let (env, record) = Env::from_pairs([("APP_URL", "https://a.example"), ("OTHER", "x")]).recorded();
        let (_, _, _) = (env.clone().grace(), env.is_present("PORT"), env.address("APP_URL", String::new));
        assert_eq!(record.names(), BTreeSet::from(["APP_URL", "BILLING_GRACE_DAYS", "PORT"].map(str::to_owned)));
    }

    #[test]
    fn an_empty_variable_counts_as_not_set_and_a_wrong_one_names_itself() {
        let env = Env::from_pairs([("A", ""), ("B", "soon")]);
        assert_eq!(env.get("A"), None);
        let error = env.seconds("B", 5).unwrap_err();
        assert_eq!(error.variable, "B");
        assert!(error.to_string().contains("15m"));
    }

    // R13
    #[test]
    fn the_grace_is_shorter_than_the_keys_of_its_reminders_are_stored() {
        let days = |text| {
            Env::from_pairs([("BILLING_GRACE_DAYS", text)]).grace().ok().map(|Grace(grace)| grace.as_hours() / 24)
        };
        assert_eq!([days(""), days("0"), days("30")], [Some(7), Some(0), Some(30)]);
        assert_eq!([days("31"), days("-1"), days("a week")], [None; 3]);
    }

    #[test]
    fn lengths_of_time_take_seconds_minutes_hours_and_days() {
        let env = Env::from_pairs([("S", "900"), ("M", "15m"), ("H", "24h"), ("D", "30d"), ("Z", "0")]);
        let seconds = |name| env.seconds(name, 1).ok();
        assert_eq!(
            [seconds("S"), seconds("M"), seconds("H"), seconds("D")],
            [Some(900), Some(900), Some(86_400), Some(2_592_000)]
        );
        assert_eq!(seconds("Z"), None);
    }

    #[test]
    fn only_configured_origins_are_allowed_and_default_ports_are_equal() {
        let env = Env::from_pairs([
            ("APP_URL", "https://a.example:443/x"),
            ("CORS_ORIGINS", "http://b.example:8080 , https://c.example"),
        ]);
        let origins = Origins::from_env(&env).unwrap();
        assert!(
            origins.allow("https://a.example")
                && origins.allow("http://b.example:8080")
                && origins.allow("https://c.example")
        );
        for stranger in
            ["null", "", "*", "http://a.example", "https://a.example.evil.example", "https://b.example:8080"]
        {
            assert!(!origins.allow(stranger), "{stranger}");
        }
    }

    // S21
    #[test]
    fn only_an_absolute_plain_address_of_an_allowed_origin_is_returned_to() {
        let origins = Origins::of(["https://a.example", "http://b.example:8080"]);
        for good in
            ["https://a.example", "https://A.example/x?y=1#z", "http://b.example:8080/", "https://a.example:443/"]
        {
            assert!(origins.allow_address(good), "{good}");
        }
        for bad in [
            "",
            "/account",
            "//a.example",
            "a.example",
            "https:/a.example",
            "https:a.example",
            "javascript:alert(1)",
            "https://a.example\\@evil.example",
            "https://a.example@evil.example",
            "https://user@a.example/",
            "https://a.example.evil.example",
            "https://evil.example/https://a.example",
            " https://a.example",
            "https://a.example/\n",
            "https://a.example/ x",
            "https://a.example\t",
            "https:\\\\a.example",
            "http://a.example",
            "https://b.example:8080",
            "https://a.example/ä",
            "ftp://a.example",
        ] {
            assert!(!origins.allow_address(bad), "{bad:?}");
        }
    }

    #[test]
    fn the_address_of_a_page_may_have_a_query_and_another_may_not() {
        let page = "https://a.example/account/billing?checkout=success";
        let env = Env::from_pairs([("P", page), ("F", "https://a.example/#x"), ("R", "/account")]);
        assert_eq!(env.page_address("P", String::new).unwrap(), page);
        assert_eq!(env.page_address("N", || "default".into()).unwrap(), "default");
        assert_eq!(env.address("P", String::new).unwrap_err().variable, "P");
        for name in ["F", "R"] {
            assert_eq!(env.page_address(name, String::new).unwrap_err().variable, name);
        }
    }

    #[test]
    fn an_origin_list_with_a_star_or_a_path_is_refused() {
        for bad in ["*", "c.example", "https://c.example/path", "https://user@c.example"] {
            let env = Env::from_pairs([("APP_URL", "https://a.example"), ("CORS_ORIGINS", bad)]);
            assert_eq!(Origins::from_env(&env).unwrap_err().variable, "CORS_ORIGINS", "{bad}");
        }
    }

    #[test]
    fn the_debug_form_of_an_environment_holds_no_values() {
        assert!(!format!("{:?}", Env::from_pairs([("KEY", "hunter2")])).contains("hunter2"));
    }
}
