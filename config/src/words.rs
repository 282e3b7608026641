//! The messages of serde, in plain words.
//!
//! Serde tells what it wants only in a text. The forms are fixed by `serde::de::Error`'s provided
//! methods: "invalid type: X, expected Y", "unknown field `a`, expected one of `b`, `c`" and so on.

/// What a message of serde says.
#[derive(Debug, PartialEq)]
pub(crate) enum Complaint<'m> {
    UnknownKey {
        key: &'m str,
        known: Vec<&'m str>,
    },
    MissingKey(&'m str),
    UnknownChoice {
        choice: &'m str,
        choices: Vec<&'m str>,
    },
    /// The value is of another type, or out of range.
    Wrong {
        expected: String,
    },
    /// The value is none of several forms.
    NoForm,
    Other(&'m str),
}

/// Takes a message of serde apart.
pub(crate) fn understand(message: &str) -> Complaint<'_> {
    let names = quoted(message);
    if message.starts_with("unknown field `")
        && let Some((key, known)) = names.split_first()
    {
        return Complaint::UnknownKey { key, known: known.to_vec() };
    }
    if message.starts_with("unknown variant `")
        && let Some((choice, choices)) = names.split_first()
    {
        return Complaint::UnknownChoice { choice, choices: choices.to_vec() };
    }
    if let Some(key) = message.strip_prefix("missing field `").and_then(|m| m.strip_suffix('`')) {
        return Complaint::MissingKey(key);
    }
    let wrong = ["invalid type: ", "invalid value: ", "invalid length "];
    if wrong.iter().any(|prefix| message.starts_with(prefix)) {
        // What was found may itself contain ", expected ".
        if let Some((_, expected)) = message.rsplit_once(", expected ") {
            return Complaint::Wrong { expected: in_words(expected) };
        }
    }
    if message.starts_with("data did not match any variant of untagged enum ") {
        return Complaint::NoForm;
    }
    Complaint::Other(message)
}

/// Everything between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn in_words(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" | "string" | "str" | "a string key" => "a text",
        "a character" => "a single character",
        "a sequence" => "a list",
        "a map" => "a map",
        "unit" | "null" => "nothing",
        "string or map" | "string or singleton map" | "a Value::Tag enum" => "one of the choices",
        _ if expected.starts_with("struct ") || expected.starts_with("internally tagged enum ") => {
            "a map of options"
        }
        _ if expected.starts_with("a nonzero u") || expected.starts_with("a nonzero i") => {
            "a whole number of 1 or more"
        }
        _ if expected.starts_with("variant identifier") || expected.starts_with("enum ") => {
            "one of the choices"
        }
        _ if expected.starts_with("a tuple of size ")
            || expected.starts_with("an array of length ") =>
        {
            let size = expected.rsplit(' ').next().unwrap_or_default();
            return format!("a list of {size}");
        }
        other => other,
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_apart() {
        assert_eq!(
            understand("unknown field `a`, expected one of `b`, `c`"),
            Complaint::UnknownKey { key: "a", known: vec!["b", "c"] }
        );
        assert_eq!(
            understand("unknown variant `a`, there are no variants"),
            Complaint::UnknownChoice { choice: "a", choices: vec![] }
        );
        assert_eq!(understand("missing field `a`"), Complaint::MissingKey("a"));
        assert_eq!(
            understand("invalid type: string \"x, expected y\", expected u32"),
            Complaint::Wrong { expected: "a whole number from 0 to 4294967295".into() }
        );
        assert_eq!(understand("must be odd"), Complaint::Other("must be odd"));
    }
}
