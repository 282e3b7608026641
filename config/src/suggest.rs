//! Guessing what was meant.

/// The candidate most like `word`, if one is like it enough to be what was meant.
///
/// ```
/// use squall_config::did_you_mean;
/// assert_eq!(did_you_mean("shufle", ["fields", "shuffle"]), Some("shuffle"));
/// assert_eq!(did_you_mean("banana", ["fields", "shuffle"]), None);
/// ```
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let (best, likeness) = candidates
        .into_iter()
        .filter(|candidate| !candidate.is_empty() && *candidate != word)
        .map(|candidate| (candidate, likeness(&lower, &candidate.to_lowercase())))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (likeness >= 0.6).then_some(best)
}

/// From 0 to 1. Edit distance with transpositions decides; a beginning in common (`restaurant` for
/// `restaurants_of_day`) helps long words that were cut short.
fn likeness(word: &str, candidate: &str) -> f64 {
    if word.len() >= 3 && (candidate.starts_with(word) || word.starts_with(candidate)) {
        return 0.75 + 0.2 * strsim::normalized_damerau_levenshtein(word, candidate);
    }
    strsim::normalized_damerau_levenshtein(word, candidate)
}

/// "did you mean `x`?", or what the choices are.
pub(crate) fn suggestion<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
    what: &str,
) -> Option<String> {
    if let Some(best) = did_you_mean(word, candidates.clone()) {
        return Some(format!("did you mean `{best}`?"));
    }
    let mut names: Vec<_> = candidates.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => None,
        [only] => Some(format!("the only {what} is `{only}`")),
        names if names.len() <= 24 => {
            let list: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("{what}s are {}", list.join(", ")))
        }
        names => Some(format!("there are {} {what}s, none of them like it", names.len())),
    }
}
