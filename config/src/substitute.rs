//! `${VAR}` and `${VAR:-default}` inside parsed scalars.

use std::collections::BTreeMap;

use crate::variables::is_name;
use crate::{Code, Mistake, Place, Variables, did_you_mean};

/// What became of a scalar.
pub(crate) struct Substituted {
    pub(crate) text: String,
    /// The scalar is one reference and nothing else.
    pub(crate) whole: bool,
}

/// Substitutes variables and remembers their values, so that no message shows them.
pub(crate) struct Substitution<'a> {
    variables: &'a Variables,
    /// The variables that were used, and their values.
    pub(crate) used: BTreeMap<String, String>,
}

struct Reference<'t> {
    written: &'t str,
    name: &'t str,
    default: Option<&'t str>,
}

impl<'a> Substitution<'a> {
    pub(crate) fn new(variables: &'a Variables) -> Self {
        Self { variables, used: BTreeMap::new() }
    }

    /// The text with its references replaced, or nothing if there are none. A reference that has no
    /// value stays as it is written, and a mistake tells of it.
    pub(crate) fn apply(
        &mut self,
        text: &str,
        place: &Place,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Substituted> {
        if !text.contains("${") {
            return None;
        }
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        let mut whole = false;
        while let Some(at) = rest.find("${") {
            // `$${` is how a literal `${` is written.
            if rest[..at].ends_with('$') {
                result.push_str(&rest[..at]);
                result.push('{');
                rest = &rest[at + 2..];
                continue;
            }
            result.push_str(&rest[..at]);
            let Reference { written, name, default } = match parse(&rest[at..]) {
                Ok(reference) => reference,
                Err(reason) => {
                    let help = "write ${NAME} or ${NAME:-default}; `$${` stands for a literal `${`";
                    mistakes
                        .push(Mistake::new(Code::BadVariable, place.clone(), reason).help(help));
                    return None;
                }
            };
            whole = written.len() == text.len();
            match (self.variables.get(name), default) {
                (Some(value), _) => {
                    self.used.insert(name.to_owned(), value.clone());
                    result.push_str(&value);
                }
                (None, Some(default)) => result.push_str(default),
                (None, None) => {
                    mistakes.push(self.unset(name, place));
                    result.push_str(written);
                }
            }
            rest = &rest[at + written.len()..];
        }
        result.push_str(rest);
        Some(Substituted { text: result, whole })
    }

    fn unset(&self, name: &str, place: &Place) -> Mistake {
        let known = self.variables.names();
        let help = match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `${{{near}}}`?"),
            None => format!(
                "set it with `--set {name}=...`, in the environment, or give a default: ${{{name}:-...}}"
            ),
        };
        let message = format!("variable `{name}` is not set and has no default");
        Mistake::new(Code::UnsetVariable, place.clone(), message).help(help)
    }
}

/// The reference that `text` begins with, and how it is written.
fn parse(text: &str) -> Result<Reference<'_>, String> {
    let Some(end) = text.find('}') else {
        return Err("a variable reference without its closing `}`".to_owned());
    };
    let (written, inner) = (&text[..=end], &text[2..end]);
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if default.is_some_and(|default| default.contains("${")) {
        return Err(format!("the default of variable `{name}` contains another variable"));
    }
    if !is_name(name) {
        return Err(format!("`{name}` is not the name of a variable"));
    }
    Ok(Reference { written, name, default })
}
