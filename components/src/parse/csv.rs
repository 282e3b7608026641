//! One record of comma-separated values, by [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180).

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::{convert::Scalar, error::ParseError, field::Field};

const FORMAT: &str = "a CSV record";

/// How records are written. Delimiter and quote are ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between two columns.
    pub delimiter: u8,
    /// What stands around a column that contains the delimiter; twice for itself.
    pub quote: u8,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"' }
    }
}

/// Takes typed fields from record after record, each a text of its own.
///
/// ```
/// use squall_components::parse::{CsvFields, CsvOptions, Field, Scalar};
///
/// let columns = ["id", "name", "price"].map(str::to_owned).to_vec();
/// let fields = vec![Field::parse("price", "float?")?, Field::parse("name", "string")?];
/// let parser = CsvFields::new(columns, fields, CsvOptions::default())?;
/// let mut row = Vec::new();
/// parser.parse("7,\"tea, green\",1.50", &mut row).unwrap();
/// assert_eq!(row, [Scalar::Float(1.5), Scalar::Text("tea, green".into())]);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct CsvFields {
    columns: Vec<String>,
    fields: Vec<Field>,
    /// For each field its column.
    source: Vec<usize>,
    options: CsvOptions,
}

impl CsvFields {
    /// A parser for records with these columns, of which it takes `fields` (all, as strings, if
    /// there are none).
    ///
    /// # Errors
    /// A field whose column is not there, or a delimiter or quote that is not ASCII.
    pub fn new(
        columns: Vec<String>,
        mut fields: Vec<Field>,
        options: CsvOptions,
    ) -> Result<Self, String> {
        if !options.delimiter.is_ascii() || !options.quote.is_ascii() {
            return Err("the delimiter and the quote are single ASCII characters".to_owned());
        }
        if fields.is_empty() {
            fields = columns
                .iter()
                .map(|name| Field::parse(name, "string"))
                .collect::<Result<_, _>>()?;
        }
        let source = fields
            .iter()
            .map(|field| {
                columns.iter().position(|column| *column == field.from).ok_or_else(|| {
                    format!("no column `{}`; the columns are {}", field.from, columns.join(", "))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { columns, fields, source, options })
    }

    /// The columns that a header names.
    ///
    /// # Errors
    /// The text is no record.
    pub fn header(text: &str, options: CsvOptions) -> Result<Vec<String>, ParseError> {
        let parser = Self { columns: vec![], fields: vec![], source: vec![], options };
        let mut columns = Vec::new();
        parser.split(text, &mut columns)?;
        Ok(columns.into_iter().map(Cow::into_owned).collect())
    }

    /// The fields, in the order of the rows.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether this text is the header line, which names the columns.
    pub fn is_header(&self, text: &str) -> bool {
        let mut columns = Vec::new();
        self.split(text, &mut columns).is_ok() && columns == self.columns
    }

    /// Reads one record into `row`, which is cleared first.
    ///
    /// # Errors
    /// The number of columns is another, the text holds more than one record, or a field is
    /// missing or has another type.
    pub fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<(), ParseError> {
        row.clear();
        let mut columns = Vec::with_capacity(self.columns.len());
        self.split(text, &mut columns)?;
        if columns.len() != self.columns.len() {
            let problem = format!("{} columns instead of {}", columns.len(), self.columns.len());
            return Err(ParseError::malformed(FORMAT, problem, 0, text));
        }
        for (field, &source) in self.fields.iter().zip(&self.source) {
            let column = std::mem::take(&mut columns[source]);
            // Two fields may come from one column.
            if self.source.iter().filter(|&&other| other == source).count() > 1 {
                columns[source] = column.clone();
            }
            row.push(Scalar::Text(column).convert(field)?);
        }
        Ok(())
    }

    fn split<'a>(&self, text: &'a str, columns: &mut Vec<Cow<'a, str>>) -> Result<(), ParseError> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if memchr(self.options.quote, line.as_bytes()).is_some() {
            return self.split_quoted(line, columns);
        }
        if let Some(at) = memchr(b'\n', line.as_bytes()) {
            return Err(ParseError::malformed(FORMAT, "a second record", at, text));
        }
        columns.extend(line.split(char::from(self.options.delimiter)).map(Cow::Borrowed));
        Ok(())
    }

    /// The slow way, for the few records that have a quote in them. A quote counts only as the
    /// first thing in a column, as most spreadsheets have it.
    fn split_quoted<'a>(
        &self,
        text: &'a str,
        columns: &mut Vec<Cow<'a, str>>,
    ) -> Result<(), ParseError> {
        let CsvOptions { delimiter, quote } = self.options;
        let bytes = text.as_bytes();
        let mut at = 0;
        loop {
            let mut column = Cow::Borrowed("");
            if bytes.get(at) == Some(&quote) {
                column = self.quoted(text, &mut at)?;
            }
            // What stands outside the quotes goes up to the delimiter.
            let length = memchr2(delimiter, b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
            if length > 0 {
                column = if column.is_empty() {
                    Cow::Borrowed(&text[at..at + length])
                } else {
                    column + &text[at..at + length]
                };
            }
            columns.push(column);
            at += length;
            match bytes.get(at) {
                None => return Ok(()),
                Some(b'\n') if delimiter != b'\n' => {
                    return Err(ParseError::malformed(FORMAT, "a second record", at, text));
                }
                Some(_) => at += 1,
            }
        }
    }

    /// The column whose opening quote is at `at`, which moves behind the closing one.
    fn quoted<'a>(&self, text: &'a str, at: &mut usize) -> Result<Cow<'a, str>, ParseError> {
        let quote = self.options.quote;
        let bytes = text.as_bytes();
        let opening = *at;
        let mut column = Cow::Borrowed("");
        *at += 1;
        loop {
            let length = memchr(quote, &bytes[*at..]).ok_or_else(|| {
                ParseError::malformed(FORMAT, "a quote that is never closed", opening, text)
            })?;
            // A doubled quote stands for one and belongs to the part before it.
            let doubled = bytes.get(*at + length + 1) == Some(&quote);
            let part = &text[*at..*at + length + usize::from(doubled)];
            column = if column.is_empty() { Cow::Borrowed(part) } else { column + part };
            *at += length + 1 + usize::from(doubled);
            if !doubled {
                return Ok(column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn parser(columns: &[&str], fields: &[(&str, &str)]) -> CsvFields {
        let fields = fields.iter().map(|(name, kind)| Field::parse(*name, kind).unwrap()).collect();
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        CsvFields::new(columns, fields, CsvOptions::default()).unwrap()
    }

    fn texts(row: &[Scalar<'_>]) -> Vec<String> {
        row.iter().map(|value| value.clone().into_text().into_owned()).collect()
    }

    #[test]
    fn quotes_delimiters_and_line_ends() {
        let parser = parser(&["a", "b", "c"], &[]);
        let mut row = Vec::new();
        for (text, expected) in [
            ("1,2,3", ["1", "2", "3"]),
            ("1,,\r\n", ["1", "", ""]),
            ("\"x \"\"y\"\"\",\"a\nb\",é", ["x \"y\"", "a\nb", "é"]),
            ("\"\",\"\",\"\"\n", ["", "", ""]),
        ] {
            parser.parse(text, &mut row).unwrap();
            assert_eq!(texts(&row), expected, "{text:?}");
        }
    }

    #[test]
    fn a_header_is_known_and_wrong_records_are_refused() {
        let parser = parser(&["a", "b"], &[("b", "int"), ("a", "string?")]);
        assert!(parser.is_header("a,\"b\"\n"));
        let mut row = Vec::new();
        parser.parse(",5", &mut row).unwrap();
        assert_eq!(row, [Scalar::Int(5), Scalar::Null]);
        let mut error = |text| parser.parse(text, &mut row).unwrap_err().to_string();
        assert!(error("1").contains("1 columns instead of 2"));
        assert!(error("1,\"2").contains("a quote that is never closed at byte 2"));
        assert!(error("1,2\n3,4").contains("a second record"));
        assert!(error("\"1\",2\n3,4").contains("a second record"));
        assert_eq!(error("1,x"), "field `b`: \"x\" is not an int");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "[\",\n\ra-c é]{0,30}") {
            let parser = parser(&["a", "b"], &[]);
            let _ = parser.parse(&text, &mut Vec::new());
            let _ = parser.parse(&near, &mut Vec::new());
        }

        #[test]
        fn whatever_is_quoted_comes_back(a in "[\",\n\ra-c é]{0,20}", b in "\\PC{0,20}") {
            let text = format!("\"{}\",\"{}\"", a.replace('"', "\"\""), b.replace('"', "\"\""));
            let parser = parser(&["a", "b"], &[]);
            let mut row = Vec::new();
            parser.parse(&text, &mut row).unwrap();
            prop_assert_eq!(texts(&row), [a, b]);
        }
    }
}
