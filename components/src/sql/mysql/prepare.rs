//! What is done once: the session, the server's ways, the table.
//!
//! DDL commits implicitly, so it has no place in a batch.

use std::time::Duration;

use mysql_async::{Conn, params, prelude::Queryable};

use crate::sql::{
    error::{Failure, StoreError},
    table::Table,
};

/// Every session is set so, also after a reconnect. Strict, so that a value that does not fit is
/// an error and is not cut; without `NO_BACKSLASH_ESCAPES` and `ANSI_QUOTES`, for the statements'
/// quoting; `READ COMMITTED`, because it locks rows and not the gaps between them. The server ends
/// a session that is idle for a minute: if our machine vanished in a transaction, nobody else would
/// tell the server to let go of its locks.
pub(super) fn session(timeout: Duration) -> Vec<String> {
    // The server gives up waiting for a lock before we give up waiting for the server.
    let lock_wait = (timeout.as_secs() / 3).clamp(1, 10);
    vec![
        "SET NAMES utf8mb4".to_owned(),
        format!(
            "SET SESSION sql_mode = '{STRICT},NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
             time_zone = '{UTC}', innodb_lock_wait_timeout = {lock_wait}, wait_timeout = 60, autocommit = 1"
        ),
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
    ]
}

const STRICT: &str = "STRICT_ALL_TABLES";
const UTC: &str = "+00:00";

/// What there is to know of a server.
#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    version: String,
    mariadb: bool,
    /// Whether it knows `VALUES ... AS new`.
    pub(super) row_alias: bool,
    pub(super) max_packet: usize,
    flush: Option<u64>,
    /// Whether the session is as [`session`] has set it.
    as_told: bool,
}

pub(super) async fn server(conn: &mut Conn) -> mysql_async::Result<Server> {
    let sql = "SELECT VERSION(), @@max_allowed_packet, @@GLOBAL.innodb_flush_log_at_trx_commit, \
               @@SESSION.sql_mode, @@SESSION.time_zone";
    let (version, max_packet, flush, sql_mode, time_zone): (
        String,
        u64,
        Option<u64>,
        String,
        String,
    ) = conn.query_first(sql).await?.unwrap_or_default();
    let mariadb = version.to_ascii_lowercase().contains("mariadb");
    let row_alias = !mariadb && parts(&version) >= [8, 0, 20];
    let max_packet = usize::try_from(max_packet).unwrap_or(usize::MAX);
    let as_told = sql_mode.split(',').any(|mode| mode == STRICT) && time_zone == UTC;
    Ok(Server { version, mariadb, row_alias, max_packet, flush, as_told })
}

fn parts(version: &str) -> [u32; 3] {
    let mut numbers =
        version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

pub(super) fn check_server(url: &str, server: &Server) -> Result<(), Failure> {
    if !server.as_told {
        let reason = format!(
            "the session is not in {STRICT} and UTC although it was set so: values could be cut or \
             moved in time; connect to the server itself and not through what resets sessions"
        );
        return Err(Failure::Store(StoreError::Unavailable { store: url.to_owned(), reason }));
    }
    if server.flush.is_some_and(|flush| flush != 1) {
        tracing::warn!(
            store = url,
            innodb_flush_log_at_trx_commit = server.flush,
            "the server confirms commits before they are on disk: a power failure can lose confirmed rows"
        );
    }
    Ok(())
}

impl Server {
    /// A collation that tells all texts apart, also `a` from `A` and from `a` with a blank behind.
    pub(super) fn exact_collation(&self) -> &'static str {
        match (self.mariadb, parts(&self.version)) {
            (true, version) if version >= [10, 2, 0] => "utf8mb4_nopad_bin",
            (false, version) if version >= [8, 0, 17] => "utf8mb4_0900_bin",
            _ => "utf8mb4_bin",
        }
    }
}

/// A table as it is in the database.
#[derive(Debug)]
pub(super) struct Found {
    engine: String,
    columns: Vec<String>,
    /// The columns of each unique index.
    indexes: Vec<Vec<String>>,
}

pub(super) async fn find(conn: &mut Conn, table: &Table) -> mysql_async::Result<Option<Found>> {
    let (schema, name) = match table.name.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, table.name.as_str()),
    };
    let place = "table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name";
    let params = || params! { "schema" => schema, "name" => name };
    let sql =
        format!("SELECT COALESCE(engine, 'VIEW') FROM information_schema.tables WHERE {place}");
    let Some(engine) = conn.exec_first(sql, params()).await? else { return Ok(None) };
    let sql = format!("SELECT column_name FROM information_schema.columns WHERE {place}");
    let columns = conn.exec(sql, params()).await?;
    let sql = format!(
        "SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR '\\n') FROM information_schema.statistics \
         WHERE {place} AND non_unique = 0 GROUP BY index_name"
    );
    let indexes: Vec<String> = conn.exec(sql, params()).await?;
    let indexes = indexes.iter().map(|index| index.split('\n').map(str::to_owned).collect());
    Ok(Some(Found { engine, columns, indexes: indexes.collect() }))
}

/// Checks that the table is there, holds the columns, can roll back, and knows its rows by the key.
pub(super) fn check_table(url: &str, table: &Table, found: Option<Found>) -> Result<(), Failure> {
    let wrong = |problem: String| Err(Failure::Store(StoreError::table(&table.name, problem)));
    let Some(found) = found else {
        return wrong("it does not exist; `create: true` creates it".to_owned());
    };
    if found.engine != "InnoDB" {
        let engine = found.engine;
        return wrong(format!("its engine is {engine}, which cannot roll back; use InnoDB"));
    }
    let has = |names: &[String], name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    if let Some(column) = table.columns.iter().find(|column| !has(&found.columns, &column.name)) {
        let (name, columns) = (&column.name, found.columns.join(", "));
        return wrong(format!("it has no column `{name}`; its columns are {columns}"));
    }
    if table.keys.is_empty() {
        return Ok(());
    }
    let is_key = |index: &Vec<String>| {
        index.len() == table.keys.len() && table.keys.iter().all(|key| has(index, key))
    };
    if !found.indexes.iter().any(is_key) {
        let keys = table.keys.join(", ");
        return wrong(format!(
            "it has no unique index on ({keys}), so rows could not be known again; add one"
        ));
    }
    if found.indexes.len() > 1 {
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
    fn the_server_gives_up_before_we_do() {
        let waits = |seconds| session(Duration::from_secs(seconds))[1].clone();
        assert!(waits(30).contains("innodb_lock_wait_timeout = 10"));
        assert!(waits(6).contains("innodb_lock_wait_timeout = 2"));
        assert!(waits(0).contains("innodb_lock_wait_timeout = 1"));
    }

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
