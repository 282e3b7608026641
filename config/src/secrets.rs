//! Values of variables, which no message shows.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::source::Source;

/// The values of the variables of a document, and what is shown instead.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Vec<Secret>>);

struct Secret {
    value: String,
    name: String,
    /// It also stands in the file as it is, so it is hardly one.
    known: bool,
}

/// Anything shorter would garble messages about other values.
const SHORTEST: usize = 4;

impl Secrets {
    /// From variables and their values.
    pub(crate) fn new(used: BTreeMap<String, String>, sources: &[Arc<Source>]) -> Self {
        let secret = |(name, value): (String, String)| Secret {
            known: sources.iter().any(|source| source.text.contains(&value)),
            value,
            name,
        };
        let mut secrets: Vec<_> =
            used.into_iter().filter(|(_, value)| !value.is_empty()).map(secret).collect();
        // One value may contain another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.value.len()));
        Self(Arc::new(secrets))
    }

    /// `text` with references in place of the values: of all variables in `written`, the scalar that
    /// it is about, and of others where that cannot be a mistake.
    pub(crate) fn hide(&self, text: &str, written: &str) -> String {
        let mut text = text.to_owned();
        for Secret { value, name, known } in self.0.iter() {
            let here = [format!("${{{name}}}"), format!("${{{name}:-")];
            let here = here.iter().any(|reference| written.contains(reference.as_str()));
            if here || (!known && value.len() >= SHORTEST) {
                let reference = format!("${{{name}}}");
                text = text.replace(value.as_str(), &reference);
                let escaped = format!("{value:?}");
                text = text.replace(escaped.trim_matches('"'), &reference);
            }
        }
        text
    }
}

/// How many there are, and no more.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}
