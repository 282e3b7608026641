//! MySQL and MariaDB: many rows a statement, a session of known settings.
//!
//! Statements are texts with their values written in, not prepared ones: batches come in every
//! size, and a statement of its own for each size would be prepared more often than used. The
//! session fixes the character set and the SQL mode that the quoting in `statement` relies on.

mod error;
mod prepare;
mod read;
mod statement;

use std::{future::Future, ops::Range, time::Duration};

use mysql_async::{Conn, Opts, OptsBuilder, prelude::Queryable};
use tokio::time::error::Elapsed;

pub(super) use self::read::read;
use self::{error::failure, statement::Upsert};
use super::{
    error::{Failure, StoreError},
    table::Table,
    value::Rows,
};

/// Above this many rows a statement hardly gains speed but its locks are held for longer.
const ROWS_PER_STATEMENT: usize = 1_000;
/// No statement is larger than this, in bytes, even if the server would take it.
const BYTES_PER_STATEMENT: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct MySql {
    opts: Opts,
    url: String,
    timeout: Duration,
    /// Lost when anything is in doubt; `begin` makes a new one.
    conn: Option<Conn>,
    upsert: Upsert,
    max_packet: usize,
    /// Statements are written here, one after the other.
    text: String,
}

impl MySql {
    pub(super) async fn open(
        opts: &Opts,
        url: String,
        table: &Table,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let opts: Opts = OptsBuilder::from_opts(opts.clone())
            .prefer_socket(false)
            .tcp_nodelay(true)
            .stmt_cache_size(0)
            .init(prepare::SESSION.map(str::to_owned).to_vec())
            .into();
        let mut conn = limit(timeout, &url, Conn::new(opts.clone())).await?;
        let server = limit(timeout, &url, prepare::server(&mut conn)).await?;
        prepare::check_server(&url, &server);
        if table.create {
            let sql = prepare::create(table, &server);
            limit(timeout, &url, conn.query_drop(sql)).await?;
        }
        prepare::check_table(&mut conn, &url, table, timeout).await?;
        Ok(Self {
            upsert: Upsert::new(table, &server),
            max_packet: server.max_packet,
            opts,
            url,
            timeout,
            conn: Some(conn),
            text: String::new(),
        })
    }

    pub(super) fn statement_limits(&self) -> (usize, usize) {
        // Quotes and backslashes may double a text.
        (ROWS_PER_STATEMENT, BYTES_PER_STATEMENT.min(self.max_packet / 3))
    }

    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        if self.conn.is_none() {
            let conn = limit(self.timeout, &self.url, Conn::new(self.opts.clone())).await?;
            tracing::info!(store = self.url, "connected again");
            self.conn = Some(conn);
        }
        self.run("START TRANSACTION").await
    }

    pub(super) async fn commit(&mut self) -> Result<(), Failure> {
        self.run("COMMIT").await
    }

    /// A transaction that cannot be rolled back in an orderly way ends with its connection.
    pub(super) async fn rollback(&mut self) {
        if self.conn.is_some() && self.run("ROLLBACK").await.is_err() {
            self.conn = None;
        }
    }

    pub(super) async fn upsert(
        &mut self,
        rows: &Rows<'_>,
        range: Range<usize>,
    ) -> Result<(), Failure> {
        let mut text = std::mem::take(&mut self.text);
        self.upsert.write(rows, range, &mut text);
        let result = if text.len() + 16 > self.max_packet {
            Err(Failure::Row(format!(
                "the row takes {} bytes and the server's max_allowed_packet is {}",
                text.len(),
                self.max_packet
            )))
        } else {
            self.run(&text).await
        };
        self.text = text;
        result
    }

    async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        let Some(conn) = &mut self.conn else {
            let reason = "the connection is lost".to_owned();
            return Err(Failure::Again(StoreError::Unavailable {
                store: self.url.clone(),
                reason,
            }));
        };
        let answer = tokio::time::timeout(self.timeout, conn.query_drop(sql)).await;
        // Only an error that the server itself reports leaves the connection in a known state.
        if !matches!(answer, Ok(Ok(()) | Err(mysql_async::Error::Server(_)))) {
            self.conn = None;
        }
        verdict(answer, self.timeout, &self.url)
    }
}

/// Waits for the server, but not for ever: a server that vanished without a word would otherwise
/// be waited for until the kernel gives up, a quarter of an hour later.
async fn limit<T>(
    timeout: Duration,
    url: &str,
    work: impl Future<Output = mysql_async::Result<T>>,
) -> Result<T, Failure> {
    verdict(tokio::time::timeout(timeout, work).await, timeout, url)
}

fn verdict<T>(
    answer: Result<mysql_async::Result<T>, Elapsed>,
    timeout: Duration,
    url: &str,
) -> Result<T, Failure> {
    match answer {
        Ok(result) => result.map_err(|error| failure(url, &error)),
        Err(_) => {
            let reason = format!("no answer within {} s", timeout.as_secs_f32());
            Err(Failure::Again(StoreError::Unavailable { store: url.to_owned(), reason }))
        }
    }
}
