//! Which names topologies and components may have.

/// The longest name.
const LONGEST: usize = 64;

/// What is wrong with a name, if anything is. Names become folders, metrics and parts of URLs, so
/// they are letters, digits, `-` and `_`, and begin with a letter or digit.
pub(super) fn check(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() {
        return Err("is empty".into());
    }
    if name.starts_with("__") {
        return Err("begins with `__`, which is reserved for the engine's own streams".into());
    }
    if let Some(wrong) = name.chars().find(|c| !allowed(*c)) {
        return Err(format!("contains `{}`", wrong.escape_default()));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("does not begin with a letter or digit".into());
    }
    if name.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} characters"));
    }
    Ok(())
}

/// What a name should be like.
pub(super) const HELP: &str = "use letters, digits, `-` and `_`, and begin with a letter or digit";
