//! MySQL and MariaDB: many rows a statement, a session of known settings.
//!
//! Statements are texts with their values written in, not prepared ones: batches come in every
//! size, and a statement of its own for each size would be prepared more often than used. The
//! session fixes the character set and the SQL mode that the quoting in `statement` relies on.

mod error;
mod prepare;
mod read;
mod statement;

use std::{fmt, future::Future, ops::Range, time::Duration};

use mysql_async::{Conn, Opts, OptsBuilder, Params, prelude::Queryable};
use tokio::time::error::Elapsed;

pub(super) use self::read::read;
use self::{
    error::{failure, rolls_back},
    prepare::Server,
};
use super::{
    backend::{StoredRecord, Upsert},
    error::{Failure, StoreError},
    table::Table,
    value::{Rows, Value},
};
use crate::parse::sql_datetime;

/// Above this many rows a statement hardly gains speed but its locks are held for longer.
const ROWS_PER_STATEMENT: usize = 1_000;
/// No statement is larger than this, in bytes, even if the server would take it.
const BYTES_PER_STATEMENT: usize = 4 << 20;
/// For how long a server is told that we go.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) struct MySql {
    opts: Opts,
    url: String,
    timeout: Duration,
    /// Lost when anything is in doubt; `begin` and `prepare` make a new one.
    conn: Option<Conn>,
    server: Server,
    /// Statements are written here, one after the other.
    text: String,
}

/// The options hold the password.
impl fmt::Debug for MySql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySql").field("url", &self.url).finish_non_exhaustive()
    }
}

impl MySql {
    pub(super) async fn connect(
        opts: &Opts,
        url: String,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let opts = OptsBuilder::from_opts(opts.clone())
            .prefer_socket(false)
            .tcp_nodelay(true)
            .stmt_cache_size(0)
            .init(prepare::session(timeout))
            .into();
        let (server, text) = (Server::default(), String::new());
        let mut db = Self { opts, url, timeout, conn: None, server, text };
        db.reconnect().await?;
        Ok(db)
    }

    async fn reconnect(&mut self) -> Result<(), Failure> {
        self.hang_up().await;
        let conn = limit(self.timeout, &self.url, Conn::new(self.opts.clone())).await?;
        self.conn = Some(conn);
        self.server = self.call(prepare::server).await?;
        let checked = prepare::check_server(&self.url, &self.server);
        if checked.is_err() {
            self.hang_up().await;
        }
        checked
    }

    pub(super) async fn prepare(&mut self, table: &Table) -> Result<Upsert, Failure> {
        if self.conn.is_none() {
            self.reconnect().await?;
        }
        let mut found = self.call(async |conn| prepare::find(conn, table).await).await?;
        if found.is_none() && table.create {
            let sql = statement::create(table, &self.server);
            self.run(&sql).await?;
            found = self.call(async |conn| prepare::find(conn, table).await).await?;
        }
        prepare::check_table(&self.url, table, found)?;
        Ok(statement::upsert(table, &self.server))
    }

    pub(super) fn statement_limits(&self) -> (usize, usize) {
        // Quotes and backslashes may double a text.
        (ROWS_PER_STATEMENT, BYTES_PER_STATEMENT.min(self.server.max_packet / 3))
    }

    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        const BEGIN: &str = "START TRANSACTION";
        // A server ends connections that are idle, and nothing is lost with one.
        if self.conn.is_some() && self.run(BEGIN).await.is_ok() {
            return Ok(());
        }
        self.reconnect().await?;
        tracing::debug!(store = self.url, "connected again");
        self.run(BEGIN).await
    }

    pub(super) async fn mark(&mut self) -> Result<(), Failure> {
        self.run("SAVEPOINT squall").await
    }

    pub(super) async fn back_to_mark(&mut self) -> Result<(), Failure> {
        self.run("ROLLBACK TO SAVEPOINT squall").await
    }

    pub(super) async fn check_mark(&mut self) -> Result<(), Failure> {
        self.run("RELEASE SAVEPOINT squall").await
    }

    /// Only what the server is known to roll back is certain; whatever else goes wrong here, the
    /// transaction may have been committed.
    pub(super) async fn commit(&mut self) -> Result<(), Failure> {
        if self.conn.is_none() {
            return Err(self.lost());
        }
        let answer = self.ask(async |conn| conn.query_drop("COMMIT").await).await;
        let certain = match &answer {
            Ok(Err(mysql_async::Error::Server(error))) => rolls_back(error.code),
            _ => false,
        };
        match verdict(answer, self.timeout, &self.url) {
            Ok(()) => Ok(()),
            Err(failure) if certain => Err(failure),
            Err(failure) => {
                self.hang_up().await;
                Err(Failure::Unknown(match failure {
                    Failure::Again(error) | Failure::Store(error) | Failure::Unknown(error) => {
                        error
                    }
                    Failure::Row(reason) => self.unavailable(reason),
                }))
            }
        }
    }

    /// A transaction that cannot be rolled back in an orderly way ends with its connection.
    pub(super) async fn rollback(&mut self) {
        if self.conn.is_some() && self.run("ROLLBACK").await.is_err() {
            self.hang_up().await;
        }
    }

    /// Closes the connection now. One that is merely dropped is closed some time later, by a task
    /// of the runtime, and until then the server keeps the locks of its transaction.
    pub(super) async fn hang_up(&mut self) {
        if let Some(conn) = self.conn.take() {
            let _ = tokio::time::timeout(GOODBYE, conn.disconnect()).await;
        }
    }

    pub(super) async fn upsert(
        &mut self,
        upsert: &Upsert,
        rows: &Rows<'_>,
        range: Range<usize>,
    ) -> Result<(), Failure> {
        let mut text = std::mem::take(&mut self.text);
        statement::write(upsert, rows, range, &mut text);
        let most = self.server.max_packet;
        let result = if text.len() + 16 > most {
            Err(Failure::Row(format!(
                "the row takes {} bytes and the server's max_allowed_packet is {most}",
                text.len(),
            )))
        } else {
            self.run(&text).await
        };
        self.text = text;
        result
    }

    pub(super) async fn execute(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<u64, Failure> {
        let params = params(values);
        self.call(async |conn| {
            conn.exec_drop(sql, params).await?;
            Ok(conn.affected_rows())
        })
        .await
    }

    pub(super) async fn record(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<StoredRecord>, Failure> {
        let params = params(values);
        let row = self.call(async |conn| conn.exec_first(sql, params).await).await?;
        Ok(row.map(|(incarnation, epoch, commit_id, positions)| StoredRecord {
            incarnation,
            epoch,
            commit_id,
            positions,
        }))
    }

    async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        self.call(async |conn| conn.query_drop(sql).await).await
    }

    async fn call<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Conn) -> mysql_async::Result<T>,
    ) -> Result<T, Failure> {
        if self.conn.is_none() {
            return Err(self.lost());
        }
        let answer = self.ask(work).await;
        verdict(answer, self.timeout, &self.url)
    }

    async fn ask<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Conn) -> mysql_async::Result<T>,
    ) -> Answer<T> {
        let lost = || Err(mysql_async::DriverError::ConnectionClosed.into());
        let Some(conn) = &mut self.conn else { return Ok(lost()) };
        let answer = tokio::time::timeout(self.timeout, work(conn)).await;
        // Only an error that the server itself reports leaves the connection in a known state.
        if !matches!(answer, Ok(Ok(_) | Err(mysql_async::Error::Server(_)))) {
            self.hang_up().await;
        }
        answer
    }

    fn lost(&self) -> Failure {
        Failure::Again(self.unavailable("the connection is lost".to_owned()))
    }

    fn unavailable(&self, reason: String) -> StoreError {
        StoreError::Unavailable { store: self.url.clone(), reason }
    }
}

/// What the server says, if it says anything in time.
type Answer<T> = Result<mysql_async::Result<T>, Elapsed>;

/// Waits for the server, but not for ever: a server that vanished without a word would otherwise
/// be waited for until the kernel gives up, a quarter of an hour later.
async fn limit<T>(
    timeout: Duration,
    url: &str,
    work: impl Future<Output = mysql_async::Result<T>>,
) -> Result<T, Failure> {
    verdict(tokio::time::timeout(timeout, work).await, timeout, url)
}

fn verdict<T>(answer: Answer<T>, timeout: Duration, url: &str) -> Result<T, Failure> {
    match answer {
        Ok(result) => result.map_err(|error| failure(url, &error)),
        Err(_) => {
            let reason = format!("no answer within {} s", timeout.as_secs_f32());
            Err(Failure::Again(StoreError::Unavailable { store: url.to_owned(), reason }))
        }
    }
}

fn params(values: &[Value<'_>]) -> Params {
    use mysql_async::Value as Param;
    let param = |value: &Value<'_>| match value {
        Value::Null => Param::NULL,
        Value::Bool(value) => Param::Int(i64::from(*value)),
        Value::Int(number) => Param::Int(*number),
        Value::Float(number) => Param::Double(*number),
        Value::Timestamp(micros) => Param::Bytes(sql_datetime(*micros).into_bytes()),
        Value::Text(text) => Param::Bytes(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => Param::Bytes(bytes.to_vec()),
    };
    Params::Positional(values.iter().map(param).collect())
}
