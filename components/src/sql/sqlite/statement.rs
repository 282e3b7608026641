//! The texts of statements.

use crate::sql::{
    backend::Upsert,
    table::{Column, ColumnKind, Mode, Table},
};

pub(in crate::sql) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(in crate::sql) fn quote_path(name: &str) -> String {
    name.split('.').map(quote).collect::<Vec<_>>().join(".")
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quote).collect::<Vec<_>>().join(", ")
}

/// `STRICT`, so that a text in a column of integers is rejected as other databases do, and
/// `WITHOUT ROWID`, because the rows are looked up by their key.
pub(super) fn create(table: &Table) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let kind = match column.kind {
                ColumnKind::Text | ColumnKind::Timestamp | ColumnKind::Json => "TEXT",
                ColumnKind::Int | ColumnKind::Bool => "INTEGER",
                ColumnKind::Float => "REAL",
                ColumnKind::Bytes => "BLOB",
                ColumnKind::Any => "ANY",
            };
            let null = if table.is_key(&column.name) { " NOT NULL" } else { "" };
            format!("{} {kind}{null}", quote(&column.name))
        })
        .collect();
    let mut options = "STRICT";
    if !table.keys.is_empty() {
        lines.push(format!("PRIMARY KEY ({})", list(table.keys.iter().map(String::as_str))));
        options = "STRICT, WITHOUT ROWID";
    }
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({}) {options}",
        quote_path(&table.name),
        lines.join(", ")
    )
}

/// One row a statement.
pub(super) fn upsert(table: &Table) -> Upsert {
    let columns = list(table.columns.iter().map(|column| column.name.as_str()));
    let values = vec!["?"; table.columns.len()].join(", ");
    let mut sql =
        format!("INSERT INTO {} AS old ({columns}) VALUES ({values})", quote_path(&table.name));
    if table.keys.is_empty() {
        return Upsert { head: sql, tail: String::new() };
    }
    let updates: Vec<String> = table.updates().map(update).collect();
    sql.push_str(&format!(" ON CONFLICT ({}) DO ", list(table.keys.iter().map(String::as_str))));
    if updates.is_empty() {
        sql.push_str("NOTHING");
    } else {
        sql.push_str(&format!("UPDATE SET {}", updates.join(", ")));
    }
    Upsert { head: sql, tail: String::new() }
}

fn update(column: &Column) -> String {
    let name = quote(&column.name);
    let (old, new) = (format!("old.{name}"), format!("excluded.{name}"));
    let value = match column.mode {
        Mode::Set => new,
        Mode::Add => format!("coalesce({old} + {new}, {old}, {new})"),
        Mode::Max => format!("coalesce(max({old}, {new}), {old}, {new})"),
        Mode::Min => format!("coalesce(min({old}, {new}), {old}, {new})"),
        Mode::Keep => old,
    };
    format!("{name} = {value}")
}
