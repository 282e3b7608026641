//! Chosen fields of a JSON object, without building a tree of the rest.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{convert::Scalar, error::ParseError, field::Field};

const FORMAT: &str = "a JSON object";

/// Finds the same fields in object after object.
///
/// A field's `from` is a key or a path of keys with dots between them (`user.address.city`); a
/// key that itself contains the dots is found as well. An array or object that is asked for as a
/// `string` arrives as JSON text. Of a key that occurs twice the last one counts.
///
/// ```
/// use squall_components::parse::{Field, JsonFields, Scalar};
///
/// let mut fields = vec![Field::parse("id", "int")?, Field::parse("city", "string?")?];
/// fields[1].from = "user.city".to_owned();
/// let parser = JsonFields::new(fields);
/// let mut row = Vec::new();
/// parser.parse(r#"{"user": {"name": "Ann", "city": "Oslo"}, "id": 7}"#, &mut row).unwrap();
/// assert_eq!(row, [Scalar::Int(7), Scalar::Text("Oslo".into())]);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct JsonFields {
    fields: Vec<Field>,
    root: Keys,
}

/// The keys of one object that lead to a wanted field.
#[derive(Debug, Clone, Default)]
struct Keys {
    entries: Vec<(Box<str>, Target)>,
}

#[derive(Debug, Clone, Default)]
struct Target {
    /// Fields that are this very value; several may share one path.
    fields: Vec<usize>,
    /// Fields inside it.
    inside: Keys,
}

impl Keys {
    fn insert(&mut self, key: &str) -> &mut Target {
        let at = match self.entries.iter().position(|(known, _)| **known == *key) {
            Some(at) => at,
            None => {
                self.entries.push((key.into(), Target::default()));
                self.entries.len() - 1
            }
        };
        &mut self.entries[at].1
    }
}

impl JsonFields {
    /// A parser for these fields; rows come in their order.
    pub fn new(fields: Vec<Field>) -> Self {
        let mut root = Keys::default();
        for (index, field) in fields.iter().enumerate() {
            let mut steps = field.from.split('.');
            let mut target = root.insert(steps.next().unwrap_or_default());
            for step in steps {
                target = target.inside.insert(step);
            }
            target.fields.push(index);
            if field.from.contains('.') {
                root.insert(&field.from).fields.push(index);
            }
        }
        Self { fields, root }
    }

    /// The fields, in the order of the rows.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Reads one object into `row`, which is cleared first.
    ///
    /// # Errors
    /// The text is not one JSON object, or a field is missing or has another type.
    pub fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<(), ParseError> {
        row.clear();
        row.resize(self.fields.len(), Scalar::Null);
        let mut input = serde_json::Deserializer::from_str(text);
        let found = ObjectSeed { keys: &self.root, row }.deserialize(&mut input);
        found.and_then(|()| input.end()).map_err(|error| {
            let at = offset_of(text, error.line(), error.column());
            let problem = error.to_string();
            let problem = problem.split(" at line ").next().unwrap_or_default().to_owned();
            ParseError::malformed(FORMAT, problem, at, text)
        })?;
        for (value, field) in row.iter_mut().zip(&self.fields) {
            *value = std::mem::replace(value, Scalar::Null).convert(field)?;
        }
        Ok(())
    }
}

fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

/// An object some of whose keys are wanted.
struct ObjectSeed<'k, 'r, 'a> {
    keys: &'k Keys,
    row: &'r mut Vec<Scalar<'a>>,
}

impl<'a> DeserializeSeed<'a> for ObjectSeed<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for ObjectSeed<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(found) = map.next_key_seed(KeySeed(self.keys))? {
            match found {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(target) => map.next_value_seed(ValueSeed { target, row: self.row })?,
            }
        }
        Ok(())
    }
}

/// A key: which target it leads to, if any. Compared in place, never copied.
struct KeySeed<'k>(&'k Keys);

impl<'a, 'k> DeserializeSeed<'a> for KeySeed<'k> {
    type Value = Option<&'k Target>;

    fn deserialize<D: Deserializer<'a>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_str(self)
    }
}

impl<'k> Visitor<'_> for KeySeed<'k> {
    type Value = Option<&'k Target>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.entries.iter().find(|(known, _)| **known == *key).map(|(_, target)| target))
    }
}

/// A value that is wanted itself, or in which something is.
struct ValueSeed<'k, 'r, 'a> {
    target: &'k Target,
    row: &'r mut Vec<Scalar<'a>>,
}

impl<'a> ValueSeed<'_, '_, 'a> {
    fn put(self, value: Scalar<'a>) {
        if let Some((last, rest)) = self.target.fields.split_last() {
            for &field in rest {
                self.row[field] = value.clone();
            }
            self.row[*last] = value;
        }
    }

    /// A whole tree, for a field that wants its JSON text.
    fn put_tree(self, tree: &serde_json::Value) {
        if !self.target.fields.is_empty() {
            self.put(Scalar::Text(Cow::Owned(tree.to_string())));
        }
    }

    /// Looks inside a tree that has already been read.
    fn pick(&mut self, tree: &serde_json::Value) {
        for (key, target) in &self.target.inside.entries {
            let Some(value) = tree.get(&**key) else {
                continue;
            };
            let mut inner = ValueSeed { target, row: self.row };
            inner.pick(value);
            match value {
                serde_json::Value::Null => inner.put(Scalar::Null),
                serde_json::Value::Bool(value) => inner.put(Scalar::Bool(*value)),
                serde_json::Value::String(text) => {
                    inner.put(Scalar::Text(Cow::Owned(text.clone())))
                }
                serde_json::Value::Number(number) => inner.put(match number.as_i64() {
                    Some(int) => Scalar::Int(int),
                    None if number.is_u64() => Scalar::Text(Cow::Owned(number.to_string())),
                    None => Scalar::Float(number.as_f64().unwrap_or_default()),
                }),
                tree => inner.put_tree(tree),
            }
        }
    }
}

impl<'a> DeserializeSeed<'a> for ValueSeed<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for ValueSeed<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Scalar::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Scalar::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.put(Scalar::Int(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        // Beyond the range of an int it stays exact as text, for a field of type string.
        self.put(match i64::try_from(number) {
            Ok(number) => Scalar::Int(number),
            Err(_) => Scalar::Text(Cow::Owned(number.to_string())),
        });
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.put(Scalar::Float(number));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.put(Scalar::borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put(Scalar::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.target.fields.is_empty() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        self.put_tree(&serde_json::Value::Array(items));
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        if self.target.fields.is_empty() {
            return ObjectSeed { keys: &self.target.inside, row: self.row }.visit_map(map);
        }
        let mut tree = serde_json::Map::new();
        while let Some((key, value)) = map.next_entry()? {
            tree.insert(key, value);
        }
        let tree = serde_json::Value::Object(tree);
        self.pick(&tree);
        self.put_tree(&tree);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn parse(fields: &[(&str, &str)], text: &str) -> Result<Vec<String>, String> {
        let fields = fields.iter().map(|(name, kind)| Field::parse(*name, kind).unwrap()).collect();
        let mut row = Vec::new();
        JsonFields::new(fields).parse(text, &mut row).map_err(|error| error.to_string())?;
        Ok(row.iter().map(|value| format!("{value:?}")).collect())
    }

    #[test]
    fn finds_fields_wherever_they_are() {
        let text =
            r#"{"skip": [{"a": 1}], "a": {"b": {"c": "x\ny"}, "n": 1.0}, "u.v": true, "t": null}"#;
        let fields =
            [("a.b.c", "string"), ("a.n", "int"), ("u.v", "bool"), ("t", "int?"), ("z", "int?")];
        let row = parse(&fields, text).unwrap();
        assert_eq!(row, ["Text(\"x\\ny\")", "Int(1)", "Bool(true)", "Null", "Null"]);
    }

    #[test]
    fn a_tree_is_handed_on_as_text_and_searched_as_well() {
        let row = parse(
            &[("a", "string"), ("a.b", "int"), ("l", "string")],
            r#"{"a": {"b": 2}, "l": [1, "x"]}"#,
        );
        assert_eq!(row.unwrap(), ["Text(\"{\\\"b\\\":2}\")", "Int(2)", "Text(\"[1,\\\"x\\\"]\")"]);
    }

    #[test]
    fn numbers_beyond_an_int_stay_exact_as_text() {
        let text = r#"{"id": 18446744073709551615}"#;
        assert_eq!(parse(&[("id", "string")], text).unwrap(), ["Text(\"18446744073709551615\")"]);
        assert!(parse(&[("id", "int")], text).unwrap_err().contains("`id`"));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let fields = [("id", "int")];
        let error = |text| parse(&fields, text).unwrap_err();
        assert_eq!(error(r#"{"id": "x"}"#), "field `id`: \"x\" is not an int");
        assert!(error(r#"{"id": null}"#).contains("field `id` is missing or null"));
        assert!(
            error("{\"id\":\n 1,,}").contains("not a JSON object: key must be a string at byte 10"),
            "{}",
            error("{\"id\":\n 1,,}")
        );
        assert!(error("[1]").contains("expected a JSON object"));
        assert!(error(r#"{"id": 1} 2"#).contains("trailing characters"));
        assert!(error("").contains("EOF"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,100}", near in "[{}\\[\\]\",:0-9ae\\\\u. \n-]{0,60}") {
            let _ = parse(&[("a", "string"), ("a.b", "timestamp")], &text);
            let _ = parse(&[("a", "string"), ("a.b", "timestamp")], &near);
        }

        #[test]
        fn any_text_survives(value in "\\PC{0,50}") {
            let text = serde_json::json!({ "deep": { "er": value } }).to_string();
            prop_assert_eq!(parse(&[("deep.er", "string")], &text).unwrap(), [format!("Text({value:?})")]);
        }
    }
}
