//! Where the values of `${VAR}` come from.

use std::collections::BTreeMap;
use std::fmt;

/// Values for `${VAR}`: first those set by hand (`--set key=value`), then the environment if it is
/// allowed.
#[derive(Clone, Default)]
pub struct Variables {
    set: BTreeMap<String, String>,
    environment: bool,
}

/// A `--set` that is not `key=value`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form key=value with a key of letters, digits and underscores")]
pub struct BadSetting(String);

impl Variables {
    /// No variables at all, not even the environment's.
    pub fn new() -> Self {
        Self::default()
    }

    /// The variables of this process's environment.
    pub fn from_environment() -> Self {
        Self { set: BTreeMap::new(), environment: true }
    }

    /// Sets one variable, which then hides one of the same name in the environment.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set.insert(name.into(), value.into());
        self
    }

    /// Sets one variable from `key=value`.
    pub fn set(&mut self, setting: &str) -> Result<(), BadSetting> {
        match setting.split_once('=') {
            Some((name, value)) if is_name(name) => {
                self.set.insert(name.to_owned(), value.to_owned());
                Ok(())
            }
            // The value may be a secret: only the key is repeated.
            Some((name, _)) => Err(BadSetting(name.to_owned())),
            None => Err(BadSetting(setting.to_owned())),
        }
    }

    /// The value of a variable. An environment variable that is not Unicode counts as unset.
    pub fn get(&self, name: &str) -> Option<String> {
        let from_environment = || self.environment.then(|| std::env::var(name).ok()).flatten();
        self.set.get(name).cloned().or_else(from_environment)
    }

    /// All names that have a value.
    pub(crate) fn names(&self) -> Vec<String> {
        let environment = self.environment.then(std::env::vars_os).into_iter().flatten();
        let names = environment.filter_map(|(name, _)| name.into_string().ok());
        self.set.keys().cloned().chain(names).collect()
    }
}

/// Whether `${name}` is a proper reference.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Names only: values may be secrets.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables")
            .field("set", &self.set.keys().collect::<Vec<_>>())
            .field("environment", &self.environment)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_hide_the_environment_and_bad_ones_are_refused() {
        let mut variables = Variables::from_environment();
        assert!(variables.get("PATH").is_some());
        variables.set("PATH=a=b").unwrap();
        assert_eq!(variables.get("PATH").as_deref(), Some("a=b"));
        assert!(variables.set("nothing").is_err());
        let refused = variables.set("bad key=secret").unwrap_err();
        assert!(!refused.to_string().contains("secret"));
        assert!(!format!("{:?}", Variables::new().with("KEY", "secret")).contains("secret"));
    }
}
