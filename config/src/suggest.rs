//! Guessing what was meant.

/// The candidate most like `word`, if one is like it enough to be what was meant.
///
/// ```
/// use squall_config::did_you_mean;
/// assert_eq!(did_you_mean("shufle", ["fields", "shuffle"]), Some("shuffle"));
/// assert_eq!(did_you_mean("fromat", ["from", "format"]), Some("format"));
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

/// From 0 to 1. Edit distance with transpositions decides; where one is the beginning of the other
/// (`restaurant` for `restaurants_of_day`) that alone is enough, but not more than a slip of the pen.
fn likeness(word: &str, candidate: &str) -> f64 {
    let distance = strsim::normalized_damerau_levenshtein(word, candidate);
    let shorter = word.len().min(candidate.len());
    let begins = candidate.starts_with(word) || word.starts_with(candidate);
    if begins && shorter >= 3 { distance.max(0.7) } else { distance }
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
