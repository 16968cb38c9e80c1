//! The parameters of a call: form fields with Stripe's brackets. A parameter that no handler reads is unknown.

use crate::error::ApiError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Replaces `[]` in a name by the next index of that list.
fn numbered(params: &BTreeMap<String, String>, name: String) -> String {
    let Some((list, rest)) = name.split_once("[]") else { return name };
    let is_free = |number: &usize| !params.contains_key(&format!("{list}[{number}]{rest}"));
    (0..).find(is_free).map(|number| format!("{list}[{number}]{rest}")).unwrap_or(name)
}

#[derive(Debug, Clone, Default)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(text).map_err(|_| ApiError::invalid("The parameters could not be read."))?;
        let mut params = BTreeMap::new();
        for (name, value) in pairs {
            params.insert(numbered(&params, name), value);
        }
        Ok(Self(params))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Whether there is a parameter with this prefix.
    pub fn any(&self, start: &str) -> bool {
        self.0.keys().any(|name| name.starts_with(start))
    }

    /// A required text.
    pub fn require(&mut self, name: &str) -> Result<String, ApiError> {
        let missing = || ApiError::invalid(format!("Missing required param: {name}.")).code("parameter_missing", name);
        self.take(name).filter(|text| !text.is_empty()).ok_or_else(missing)
    }

    pub fn number(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let wrong = |_| ApiError::invalid(format!("Invalid integer: {name}")).code("parameter_invalid_integer", name);
        self.take(name).map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// The same, but the parameter stays.
    pub fn number_of(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.clone().number(name)
    }

    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        let wrong = |_| ApiError::invalid(format!("Invalid boolean: {name}"));
        self.take(name).map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// `name[key]=value` as an object.
    pub fn map(&mut self, name: &str) -> Map<String, Value> {
        let prefix = format!("{name}[");
        let names: Vec<String> = self.0.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        let mut found = Map::new();
        for full in names {
            if let Some(value) = self.0.remove(&full) {
                let key = full.trim_start_matches(&prefix).trim_end_matches(']').to_owned();
                found.insert(key, json!(value));
            }
        }
        found
    }

    /// `name[0]=…` or `name[]=…` as a list.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        self.map(name).into_iter().filter_map(|(_, value)| value.as_str().map(str::to_owned)).collect()
    }

    /// Adds a parameter.
    pub fn put(&mut self, name: String, value: String) {
        self.0.insert(name, value);
    }

    /// Fails when a parameter is left.
    pub fn finish(self) -> Result<(), ApiError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(ApiError::invalid(format!("Received unknown parameter: {name}")).code("parameter_unknown", &name))
            }
        }
    }
}
