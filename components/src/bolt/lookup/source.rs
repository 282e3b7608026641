//! Where the table comes from.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    time::Duration,
};

use squall_config::ByteSize;
use squall_framework::Value;

use super::table::{Builder, Table};
use crate::{
    parse::{CsvFields, CsvOptions, Field, Scalar},
    sql::{self, RowReader, Selection, StoreUrl},
    values::of_scalar,
};

/// A database that says nothing for so long is away.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A record of a file that is longer has a quote that was never closed.
const LONGEST_RECORD: usize = 1 << 20;

/// A table that can be read again and again.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) place: Place,
    /// The columns of the key, then those that are taken.
    pub(super) columns: Vec<Column>,
    /// How many columns the key has.
    pub(super) keys: usize,
    /// The most memory that the table may take.
    pub(super) memory: ByteSize,
}

#[derive(Debug, Clone)]
pub(super) enum Place {
    File { path: PathBuf, delimiter: u8 },
    Store { url: StoreUrl, selection: Selection },
}

impl Default for Place {
    fn default() -> Self {
        Self::File { path: PathBuf::new(), delimiter: b',' }
    }
}

/// A column, and its type if one was named.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) field: Option<Field>,
}

impl Source {
    /// What to call it in messages: without a password.
    pub(super) fn name(&self) -> String {
        match &self.place {
            Place::File { path, .. } => path.display().to_string(),
            Place::Store { url, selection: Selection::Table { table, .. } } => {
                format!("{url}, table `{table}`")
            }
            Place::Store { url, selection: Selection::Query(_) } => format!("{url}, query"),
        }
    }

    /// Reads the table; waits for the disk or the database.
    ///
    /// # Errors
    /// It cannot be read, lacks a column, has a value that does not fit its type, or is too large.
    pub(super) fn load(&self) -> Result<Table, String> {
        let mut builder = Builder::new(self.keys, self.memory);
        match &self.place {
            Place::File { path, delimiter } => {
                let file = std::fs::File::open(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                self.read_file(BufReader::new(file), *delimiter, &mut builder)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
            }
            Place::Store { url, selection } => {
                let mut reader = StoreReader { source: self, at: Vec::new(), builder };
                sql::read(url, selection, TIMEOUT, &mut reader).map_err(|error| match error {
                    sql::ReadError::Rows(reason) => format!("{}: {reason}", self.name()),
                    sql::ReadError::Store(error) => error.to_string(),
                })?;
                builder = reader.builder;
            }
        }
        Ok(builder.finish(&self.name()))
    }

    fn read_file(
        &self,
        mut file: impl BufRead,
        delimiter: u8,
        builder: &mut Builder,
    ) -> Result<(), String> {
        let options = CsvOptions { delimiter, ..CsvOptions::default() };
        let mut record = String::new();
        let mut line = 0;
        read_record(&mut file, options.quote, &mut record, &mut line)?;
        let header = record.trim_start_matches('\u{feff}');
        let columns = CsvFields::header(header, options).map_err(|error| error.to_string())?;
        let text = |name: &str| Field::parse(name, "string");
        let fields = self
            .columns
            .iter()
            .map(|column| column.field.clone().map_or_else(|| text(&column.name), Ok))
            .collect::<Result<_, _>>()?;
        let parser = CsvFields::new(columns, fields, options)?;
        let mut row = Vec::new();
        loop {
            record.clear();
            let first = line + 1;
            if !read_record(&mut file, options.quote, &mut record, &mut line)? {
                return Ok(());
            }
            if record.trim_end_matches(['\r', '\n']).is_empty() {
                continue;
            }
            let at = |reason: String| format!("line {first}: {reason}");
            parser.parse(&record, &mut row).map_err(|error| at(error.to_string()))?;
            builder.add(row.iter().map(|value| of_scalar(value).to_owned()).collect())?;
            row = Vec::new();
        }
    }
}

/// Reads on to the end of a record, which may hold line ends between quotes; false at the end.
fn read_record(
    file: &mut impl BufRead,
    quote: u8,
    record: &mut String,
    line: &mut usize,
) -> Result<bool, String> {
    loop {
        let read =
            file.read_line(record).map_err(|error| format!("line {}: {error}", *line + 1))?;
        if read == 0 {
            return Ok(!record.is_empty());
        }
        *line += 1;
        let quotes = record.bytes().filter(|byte| *byte == quote).count();
        if quotes.is_multiple_of(2) {
            return Ok(true);
        }
        if record.len() > LONGEST_RECORD {
            return Err(format!("line {line}: a quote that is never closed"));
        }
    }
}

/// Takes the rows of a store.
struct StoreReader<'a> {
    source: &'a Source,
    /// For each column where it stands in a row.
    at: Vec<usize>,
    builder: Builder,
}

impl RowReader for StoreReader<'_> {
    fn columns(&mut self, names: &[String]) -> Result<(), String> {
        let find = |column: &Column| {
            let exact = names.iter().position(|name| *name == column.name);
            // Databases do not care.
            let near = || names.iter().position(|name| name.eq_ignore_ascii_case(&column.name));
            exact.or_else(near).ok_or_else(|| {
                format!("no column `{}`; the columns are {}", column.name, names.join(", "))
            })
        };
        self.at = self.source.columns.iter().map(find).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn row(&mut self, values: &[sql::Value<'_>]) -> Result<(), String> {
        let columns = self.source.columns.iter().zip(&self.at);
        let row = columns.map(|(column, at)| {
            let value = values.get(*at).copied().unwrap_or(sql::Value::Null);
            typed(value, column.field.as_ref())
        });
        self.builder.add(row.collect::<Result<_, _>>()?)
    }
}

fn typed(value: sql::Value<'_>, field: Option<&Field>) -> Result<Value, String> {
    let Some(field) = field else {
        return Ok(match value {
            sql::Value::Null => Value::Null,
            sql::Value::Bool(value) => Value::Bool(value),
            sql::Value::Int(number) => Value::Int(number),
            sql::Value::Float(number) => Value::Float(number),
            sql::Value::Timestamp(micros) => Value::Timestamp(micros),
            sql::Value::Text(text) => Value::Text(text.to_owned()),
            sql::Value::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
        });
    };
    let scalar = match value {
        sql::Value::Null => Scalar::Null,
        sql::Value::Bool(value) => Scalar::Bool(value),
        sql::Value::Int(number) => Scalar::Int(number),
        sql::Value::Float(number) => Scalar::Float(number),
        sql::Value::Timestamp(micros) => Scalar::Timestamp(micros),
        sql::Value::Text(text) => Scalar::borrowed(text),
        sql::Value::Bytes(bytes) => Scalar::borrowed(
            std::str::from_utf8(bytes)
                .map_err(|error| format!("column `{}` is not UTF-8: {error}", field.name))?,
        ),
    };
    let value = scalar.convert(field).map_err(|error| error.to_string())?;
    Ok(of_scalar(&value).to_owned())
}
