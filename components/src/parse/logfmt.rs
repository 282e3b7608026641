//! Lines of `key=value` pairs, as Heroku's router and many Go programs write them.
//!
//! Keys end at `=` or white space. A value is bare or in double quotes with the escapes of JSON. A key
//! without a value is true. Of a key that comes twice the last one counts.

use std::borrow::Cow;

use super::{convert::Scalar, error::ParseError, field::Field};

/// Takes fields from line after line.
///
/// ```
/// use squall_components::parse::{Field, LogfmtFields, Scalar};
///
/// let parser = LogfmtFields::new(vec![Field::parse("ms", "int")?, Field::parse("msg", "string")?]);
/// let mut row = Vec::new();
/// parser.parse(r#"level=info msg="took \"long\"" ms=312"#, &mut row).unwrap();
/// assert_eq!(row, [Scalar::Int(312), Scalar::Text(r#"took "long""#.into())]);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct LogfmtFields {
    fields: Vec<Field>,
}

impl LogfmtFields {
    /// A parser for these fields; `from` is the key.
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// The fields, in the order of the rows.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Reads one line into `row`, which is cleared first.
    ///
    /// # Errors
    /// The line is not made of pairs, or a field is missing or has another type.
    pub fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<(), ParseError> {
        row.clear();
        row.resize(self.fields.len(), Scalar::Null);
        let mut rest = text.trim_ascii_start();
        while !rest.is_empty() {
            let (key, value, after) = pair(rest).map_err(|problem| {
                let at = text.len() - rest.len();
                ParseError::malformed("a line of key=value pairs", problem, at, text)
            })?;
            rest = after.trim_ascii_start();
            for (field, place) in self.fields.iter().zip(&mut *row) {
                if field.from == key {
                    place.clone_from(&value);
                }
            }
        }
        for (field, place) in self.fields.iter().zip(row) {
            *place = std::mem::replace(place, Scalar::Null).convert(field)?;
        }
        Ok(())
    }
}

/// The first pair, and what is behind it.
fn pair(text: &str) -> Result<(&str, Scalar<'_>, &str), &'static str> {
    let end = text.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    if key.is_empty() {
        return Err("a value without a key");
    }
    if key.contains('"') {
        return Err("a quote in a key");
    }
    let Some(value) = rest.strip_prefix('=') else { return Ok((key, Scalar::Bool(true), rest)) };
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, rest) = unquote(quoted)?;
        if !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_whitespace()) {
            return Err("something behind a closing quote");
        }
        return Ok((key, Scalar::Text(value), rest));
    }
    let end = value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len());
    let (value, rest) = value.split_at(end);
    if value.contains('"') {
        return Err("a quote in a value without quotes around it");
    }
    Ok((key, Scalar::borrowed(value), rest))
}

/// A text behind its opening quote, and what is behind the closing one.
fn unquote(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &bytes[at..]).ok_or("a quote that is not closed")?;
        if bytes[at] == b'"' {
            break;
        }
        at = (at + 2).min(bytes.len());
    }
    let (inside, rest) = (&text[..at], &text[at + 1..]);
    if !inside.contains('\\') {
        return Ok((Cow::Borrowed(inside), rest));
    }
    // JSON forbids bare control characters, which are harmless here.
    let mut json = String::with_capacity(inside.len() + 2);
    json.push('"');
    for c in inside.chars() {
        match c {
            '\t' => json.push_str("\\t"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            c => json.push(c),
        }
    }
    json.push('"');
    let value = serde_json::from_str(&json).map_err(|_| "an escape that is none")?;
    Ok((Cow::Owned(value), rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Vec<String>, String> {
        let fields = ["a", "b", "c"].map(|name| Field::parse(name, "string?").unwrap());
        let mut row = Vec::new();
        LogfmtFields::new(fields.to_vec())
            .parse(text, &mut row)
            .map_err(|error| error.to_string())?;
        Ok(row.into_iter().map(|value| value.into_text().into_owned()).collect())
    }

    #[test]
    fn pairs_are_found_in_any_order() {
        assert_eq!(parse("b=2  c a=1").unwrap(), ["1", "2", "true"]);
        assert_eq!(parse("\ta=\"x \\u00e9 \\\"y\\\"\" b= d=4 ").unwrap(), ["x é \"y\"", "", ""]);
        assert_eq!(parse("a=1 a=2").unwrap()[0], "2");
        assert_eq!(parse("a=k=v").unwrap()[0], "k=v");
        assert_eq!(parse("").unwrap(), ["", "", ""]);
    }

    #[test]
    fn what_is_no_line_of_pairs_is_told_with_its_place() {
        for (text, problem) in [
            ("a=1 =2", "a value without a key at byte 4"),
            ("a=\"x", "a quote that is not closed"),
            ("a=\"x\\", "a quote that is not closed"),
            ("a=\"x\"y", "something behind a closing quote"),
            ("a=x\"y", "a quote in a value"),
            ("a=\"\\q\"", "an escape that is none"),
            ("{\"a\":1}", "a quote in a key"),
        ] {
            let found = parse(text).unwrap_err();
            assert!(found.contains(problem), "{text}: {found}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(values in prop::collection::vec("\\PC{0,12}", 3)) {
            let line: Vec<String> = ["a", "b", "c"].iter().zip(&values)
                .map(|(key, value)| format!("{key}={}", serde_json::to_string(value).unwrap()))
                .collect();
            prop_assert_eq!(parse(&line.join(" ")).unwrap(), values);
        }

        #[test]
        fn nothing_makes_it_panic(text in "[a-c=\"\\\\ \\t\u{e9}]{0,24}") {
            let _ = parse(&text);
        }
    }
}
