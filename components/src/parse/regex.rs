//! Fields that the named groups of a regular expression find.

use regex::Regex;

use super::{convert::Scalar, error::ParseError, field::Field};

/// Takes the named groups of a pattern from text after text.
///
/// ```
/// use squall_components::parse::{Field, RegexFields, Scalar};
///
/// let fields = vec![Field::parse("ms", "int")?];
/// let parser = RegexFields::new(r"^(?<level>[A-Z]+) .*took (?<ms>\d+) ms", fields)?;
/// let mut row = Vec::new();
/// parser.parse("WARN query took 312 ms", &mut row).unwrap();
/// assert_eq!(row, [Scalar::Text("WARN".into()), Scalar::Int(312)]);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct RegexFields {
    regex: Regex,
    fields: Vec<Field>,
    /// For each field its group.
    groups: Vec<usize>,
}

impl RegexFields {
    /// A parser for `pattern`. `types` are the fields whose type is another than `string`; the
    /// rows hold all named groups, in the order of the pattern.
    ///
    /// # Errors
    /// The pattern is wrong or has no named group, or a type names no group.
    pub fn new(pattern: &str, types: Vec<Field>) -> Result<Self, String> {
        let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
        let mut fields = Vec::new();
        let mut groups = Vec::new();
        for (group, name) in regex.capture_names().enumerate() {
            let Some(name) = name else { continue };
            let field = match types.iter().find(|field| field.from == name) {
                Some(field) => field.clone(),
                None => Field::parse(name, "string?")?,
            };
            fields.push(field);
            groups.push(group);
        }
        if fields.is_empty() {
            return Err("the pattern has no named group; write one as (?<name>...)".to_owned());
        }
        if let Some(stray) = types.iter().find(|field| !fields.contains(field)) {
            return Err(format!("the pattern has no group named `{}`", stray.from));
        }
        Ok(Self { regex, fields, groups })
    }

    /// The fields, in the order of the rows.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Reads one text into `row`, which is cleared first.
    ///
    /// # Errors
    /// The pattern does not match, or a field is missing or has another type.
    pub fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<(), ParseError> {
        row.clear();
        let captures = self
            .regex
            .captures(text)
            .ok_or_else(|| ParseError::malformed("a text of this pattern", "no match", 0, text))?;
        for (field, &group) in self.fields.iter().zip(&self.groups) {
            let value =
                captures.get(group).map_or(Scalar::Null, |found| Scalar::borrowed(found.as_str()));
            row.push(value.convert(field)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_group_that_takes_no_part_is_null() {
        let parser = RegexFields::new(r"(?<a>\w)(?<b>\d)?", Vec::new()).unwrap();
        let mut row = Vec::new();
        parser.parse("x", &mut row).unwrap();
        assert_eq!(row, [Scalar::borrowed("x"), Scalar::Null]);
        assert!(parser.parse("?", &mut row).unwrap_err().to_string().contains("no match"));
    }

    #[test]
    fn patterns_that_cannot_work_are_refused() {
        assert!(RegexFields::new("(", Vec::new()).unwrap_err().contains("unclosed group"));
        assert!(RegexFields::new("a", Vec::new()).unwrap_err().contains("no named group"));
        let types = vec![Field::parse("b", "int").unwrap()];
        assert!(RegexFields::new("(?<a>.)", types).unwrap_err().contains("no group named `b`"));
    }
}
