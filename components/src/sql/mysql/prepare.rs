//! What is done once: the session, the server's ways, the table.
//!
//! DDL commits implicitly, so it has no place in a batch.

use std::time::Duration;

use mysql_async::{Conn, params, prelude::Queryable};

use super::{
    limit,
    statement::{quote, quote_path},
};
use crate::sql::{
    error::{Failure, StoreError},
    table::{Column, ColumnKind, Table},
};

/// Every session is set so, also after a reconnect. Strict, so that a value that does not fit is
/// an error and is not cut; without `NO_BACKSLASH_ESCAPES` and `ANSI_QUOTES`, for the statements'
/// quoting; `READ COMMITTED`, because it locks rows and not the gaps between them.
pub(super) const SESSION: [&str; 3] = [
    "SET NAMES utf8mb4",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
     time_zone = '+00:00', innodb_lock_wait_timeout = 10, autocommit = 1",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
];

/// The characters of a text in a key when nothing else is said: four such keys fit into the
/// 3,072 bytes that InnoDB allows for an index.
const KEY_LENGTH: u32 = 191;

/// What there is to know of a server.
#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    version: String,
    mariadb: bool,
    /// Whether it knows `VALUES ... AS new`.
    pub(super) row_alias: bool,
    pub(super) max_packet: usize,
    flush: Option<u64>,
}

pub(super) async fn server(conn: &mut Conn) -> mysql_async::Result<Server> {
    let sql = "SELECT VERSION(), @@max_allowed_packet, @@GLOBAL.innodb_flush_log_at_trx_commit";
    let (version, max_packet, flush): (String, u64, Option<u64>) =
        conn.query_first(sql).await?.unwrap_or_default();
    let mariadb = version.to_ascii_lowercase().contains("mariadb");
    let row_alias = !mariadb && parts(&version) >= [8, 0, 20];
    let max_packet = usize::try_from(max_packet).unwrap_or(usize::MAX);
    Ok(Server { version, mariadb, row_alias, max_packet, flush })
}

fn parts(version: &str) -> [u32; 3] {
    let mut numbers =
        version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

pub(super) fn check_server(url: &str, server: &Server) {
    if server.flush.is_some_and(|flush| flush != 1) {
        tracing::warn!(
            store = url,
            innodb_flush_log_at_trx_commit = server.flush,
            "the server confirms commits before they are on disk: a power failure can lose confirmed rows"
        );
    }
}

impl Server {
    /// A collation that tells all texts apart, also `a` from `A` and from `a` with a blank behind.
    fn exact_collation(&self) -> &'static str {
        match (self.mariadb, parts(&self.version)) {
            (true, version) if version >= [10, 2, 0] => "utf8mb4_nopad_bin",
            (false, version) if version >= [8, 0, 17] => "utf8mb4_0900_bin",
            _ => "utf8mb4_bin",
        }
    }
}

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

/// Checks that the table is there, holds the columns, can roll back, and knows its rows by the key.
pub(super) async fn check_table(
    conn: &mut Conn,
    url: &str,
    table: &Table,
    timeout: Duration,
) -> Result<(), Failure> {
    let wrong = |problem: String| Failure::Store(StoreError::table(&table.name, problem));
    let (schema, name) = match table.name.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, table.name.as_str()),
    };
    let place = "table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name";
    let params = || params! { "schema" => schema, "name" => name };

    let sql =
        format!("SELECT COALESCE(engine, 'VIEW') FROM information_schema.tables WHERE {place}");
    let engine: Option<String> = limit(timeout, url, conn.exec_first(sql, params())).await?;
    match engine.as_deref() {
        None => {
            return Err(wrong("it does not exist; `create: true` creates it".to_owned()));
        }
        Some("InnoDB") => {}
        Some(engine) => {
            return Err(wrong(format!(
                "its engine is {engine}, which cannot roll back; use InnoDB"
            )));
        }
    }
    let sql = format!("SELECT column_name FROM information_schema.columns WHERE {place}");
    let columns: Vec<String> = limit(timeout, url, conn.exec(sql, params())).await?;
    for column in &table.columns {
        if !columns.iter().any(|name| name.eq_ignore_ascii_case(&column.name)) {
            return Err(wrong(format!(
                "it has no column `{}`; its columns are {}",
                column.name,
                columns.join(", ")
            )));
        }
    }
    if table.keys.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR '\\n') FROM information_schema.statistics \
         WHERE {place} AND non_unique = 0 GROUP BY index_name"
    );
    let indexes: Vec<String> = limit(timeout, url, conn.exec(sql, params())).await?;
    let is_key = |index: &String| {
        let columns: Vec<_> = index.split('\n').collect();
        columns.len() == table.keys.len()
            && table
                .keys
                .iter()
                .all(|key| columns.iter().any(|column| column.eq_ignore_ascii_case(key)))
    };
    if !indexes.iter().any(is_key) {
        let keys = table.keys.join(", ");
        return Err(wrong(format!(
            "it has no unique index on ({keys}), so rows could not be known again; add one"
        )));
    }
    if indexes.len() > 1 {
        tracing::warn!(
            store = url,
            table = table.name,
            "the table has other unique indexes: a row that meets one of them is updated as well"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_what_a_server_can() {
        let server = |version: &str, mariadb| Server {
            version: version.into(),
            mariadb,
            ..Server::default()
        };
        assert_eq!(server("10.11.6-MariaDB-1", true).exact_collation(), "utf8mb4_nopad_bin");
        assert_eq!(server("8.0.36", false).exact_collation(), "utf8mb4_0900_bin");
        assert_eq!(server("5.7.44-log", false).exact_collation(), "utf8mb4_bin");
        assert!(parts("8.4.0") >= [8, 0, 20] && parts("8.0.19") < [8, 0, 20]);
    }
}
