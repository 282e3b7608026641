//! The texts of statements.

use std::{fmt::Write, ops::Range};

use super::prepare::Server;
use crate::{
    parse::sql_datetime,
    sql::{
        backend::Upsert,
        table::{Column, ColumnKind, Mode, Table},
        value::{Rows, Value},
    },
};

/// The characters of a text in a key when nothing else is said: four such keys fit into the
/// 3,072 bytes that InnoDB allows for an index.
const KEY_LENGTH: u32 = 191;

pub(super) fn create(table: &Table, server: &Server) -> String {
    let collation = server.exact_collation();
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let key = table.is_key(&column.name);
            let null = if key { " NOT NULL" } else { " NULL" };
            format!("{} {}{null}", quote(&column.name), column_type(column, key))
        })
        .collect();
    if !table.keys.is_empty() {
        let keys: Vec<_> = table.keys.iter().map(|key| quote(key)).collect();
        lines.push(format!("PRIMARY KEY ({})", keys.join(", ")));
    }
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {collation}",
        quote_path(&table.name),
        lines.join(", ")
    )
}

fn column_type(column: &Column, key: bool) -> String {
    let length = column.length.or(key.then_some(KEY_LENGTH));
    match (column.kind, length) {
        (ColumnKind::Int, _) => "BIGINT".to_owned(),
        (ColumnKind::Float, _) => "DOUBLE".to_owned(),
        (ColumnKind::Bool, _) => "BOOLEAN".to_owned(),
        (ColumnKind::Timestamp, _) => "DATETIME(6)".to_owned(),
        (ColumnKind::Bytes, None) => "MEDIUMBLOB".to_owned(),
        (ColumnKind::Bytes, Some(length)) => format!("VARBINARY({length})"),
        (ColumnKind::Json, None) => "JSON".to_owned(),
        (ColumnKind::Text | ColumnKind::Any, None) => "MEDIUMTEXT".to_owned(),
        (ColumnKind::Text | ColumnKind::Any | ColumnKind::Json, Some(length)) => {
            format!("VARCHAR({length})")
        }
    }
}

/// An upsert of any number of rows.
pub(super) fn upsert(table: &Table, server: &Server) -> Upsert {
    let columns: Vec<_> = table.columns.iter().map(|column| quote(&column.name)).collect();
    let head = format!("INSERT INTO {} ({}) VALUES ", quote_path(&table.name), columns.join(", "));
    if table.keys.is_empty() {
        return Upsert { head, tail: String::new() };
    }
    let mut updates: Vec<String> =
        table.updates().map(|column| update(table, column, server)).collect();
    if updates.is_empty() {
        // Not INSERT IGNORE, which would turn every other error into a warning as well.
        let key = quote(&table.keys[0]);
        updates.push(format!("{key} = {}.{key}", quote_path(&table.name)));
    }
    let alias = if server.row_alias { " AS new" } else { "" };
    Upsert { head, tail: format!("{alias} ON DUPLICATE KEY UPDATE {}", updates.join(", ")) }
}

/// The statement for these rows, in place of what `text` held.
pub(super) fn write(upsert: &Upsert, rows: &Rows<'_>, range: Range<usize>, text: &mut String) {
    text.clear();
    text.push_str(&upsert.head);
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
    text.push_str(&upsert.tail);
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

/// A value as the session reads it: utf8mb4, backslashes escape, see `prepare::session`.
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
        write(&upsert(&table(), &server(false)), &rows, 0..2, &mut text);
        assert_eq!(
            text,
            "INSERT INTO `shop`.`a``b` (`k`, `n`) VALUES ('it''s \\\\ \\0',-1),(X'FF00',1e-1) \
             ON DUPLICATE KEY UPDATE `n` = \
             COALESCE(`shop`.`a``b`.`n` + VALUES(`n`), `shop`.`a``b`.`n`, VALUES(`n`))"
        );
        write(&upsert(&table(), &server(true)), &rows, 0..1, &mut text);
        assert!(text.ends_with(
            "-1) AS new ON DUPLICATE KEY UPDATE `n` = \
             COALESCE(`shop`.`a``b`.`n` + new.`n`, `shop`.`a``b`.`n`, new.`n`)"
        ));
    }
}
