//! The text of an upsert.

use std::{fmt::Write, ops::Range};

use super::prepare::Server;
use crate::{
    parse::sql_datetime,
    sql::{
        table::{Column, Mode, Table},
        value::{Rows, Value},
    },
};

/// An upsert of any number of rows: what stands before the rows and what behind.
#[derive(Debug)]
pub(super) struct Upsert {
    head: String,
    tail: String,
}

impl Upsert {
    pub(super) fn new(table: &Table, server: &Server) -> Self {
        let columns: Vec<_> = table.columns.iter().map(|column| quote(&column.name)).collect();
        let head =
            format!("INSERT INTO {} ({}) VALUES ", quote_path(&table.name), columns.join(", "));
        if table.keys.is_empty() {
            return Self { head, tail: String::new() };
        }
        let mut updates: Vec<String> =
            table.updates().map(|column| update(table, column, server)).collect();
        if updates.is_empty() {
            // Not INSERT IGNORE, which would turn every other error into a warning as well.
            let key = quote(&table.keys[0]);
            updates.push(format!("{key} = {}.{key}", quote_path(&table.name)));
        }
        let alias = if server.row_alias { " AS new" } else { "" };
        Self { head, tail: format!("{alias} ON DUPLICATE KEY UPDATE {}", updates.join(", ")) }
    }

    /// The statement for these rows, in place of what `text` held.
    pub(super) fn write(&self, rows: &Rows<'_>, range: Range<usize>, text: &mut String) {
        text.clear();
        text.push_str(&self.head);
        for row in range.clone() {
            text.push(if row == range.start { '(' } else { ',' });
            if row != range.start {
                text.push('(');
            }
            for (index, value) in rows.row(row).iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                literal(value, text);
            }
            text.push(')');
        }
        text.push_str(&self.tail);
    }
}

/// MySQL 8.0.20 deprecated `VALUES(column)` for a row alias, which MariaDB does not know.
fn update(table: &Table, column: &Column, server: &Server) -> String {
    let name = quote(&column.name);
    let new = if server.row_alias { format!("new.{name}") } else { format!("VALUES({name})") };
    // With an alias a bare name could mean either row.
    let old = format!("{}.{name}", quote_path(&table.name));
    let value = match column.mode {
        Mode::Set => new,
        Mode::Add => format!("COALESCE({old} + {new}, {old}, {new})"),
        Mode::Max => format!("COALESCE(GREATEST({old}, {new}), {old}, {new})"),
        Mode::Min => format!("COALESCE(LEAST({old}, {new}), {old}, {new})"),
        Mode::Keep => old,
    };
    format!("{name} = {value}")
}

pub(super) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

pub(super) fn quote_path(name: &str) -> String {
    name.split('.').map(quote).collect::<Vec<_>>().join(".")
}

/// A value as the session reads it: utf8mb4, backslashes escape, see `prepare::SESSION`.
fn literal(value: &Value<'_>, text: &mut String) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Null => text.write_str("NULL"),
        Value::Bool(value) => text.write_str(if *value { "1" } else { "0" }),
        Value::Int(number) => write!(text, "{number}"),
        // The exponent makes it a double and not an exact decimal.
        Value::Float(number) => write!(text, "{number:e}"),
        Value::Timestamp(micros) => write!(text, "'{}'", sql_datetime(*micros)),
        Value::Text(value) => {
            quoted(value, text);
            Ok(())
        }
        Value::Bytes(bytes) => {
            text.push_str("X'");
            for byte in *bytes {
                let _ = write!(text, "{byte:02X}");
            }
            text.write_char('\'')
        }
    };
}

fn quoted(value: &str, text: &mut String) {
    text.push('\'');
    let mut rest = value;
    while let Some(at) = rest.find(['\'', '\\', '\0']) {
        let (plain, special) = rest.split_at(at);
        text.push_str(plain);
        text.push_str(match special.as_bytes()[0] {
            b'\'' => "''",
            b'\\' => "\\\\",
            _ => "\\0",
        });
        rest = &special[1..];
    }
    text.push_str(rest);
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::ColumnKind;

    fn table() -> Table {
        Table {
            name: "shop.a`b".into(),
            columns: vec![
                Column::new("k", ColumnKind::Text),
                Column::new("n", ColumnKind::Int).mode(Mode::Add),
            ],
            keys: vec!["k".into()],
            create: false,
        }
    }

    #[test]
    fn both_dialects() {
        let mut rows = Rows::new(2);
        rows.push([Value::Text("it's \\ \0"), Value::Int(-1)]);
        rows.push([Value::Bytes(b"\xff\x00"), Value::Float(0.1)]);
        let mut text = String::new();
        let server = |row_alias| {
            let mut server = Server::default();
            server.row_alias = row_alias;
            server
        };
        Upsert::new(&table(), &server(false)).write(&rows, 0..2, &mut text);
        assert_eq!(
            text,
            "INSERT INTO `shop`.`a``b` (`k`, `n`) VALUES ('it''s \\\\ \\0',-1),(X'FF00',1e-1) \
             ON DUPLICATE KEY UPDATE `n` = \
             COALESCE(`shop`.`a``b`.`n` + VALUES(`n`), `shop`.`a``b`.`n`, VALUES(`n`))"
        );
        Upsert::new(&table(), &server(true)).write(&rows, 0..1, &mut text);
        assert!(text.ends_with(
            "-1) AS new ON DUPLICATE KEY UPDATE `n` = \
             COALESCE(`shop`.`a``b`.`n` + new.`n`, `shop`.`a``b`.`n`, new.`n`)"
        ));
    }
}
