//! What an error of the server means.

use mysql_async::{DriverError, Error};

use crate::sql::error::{Failure, StoreError};

/// Codes of the server, see the
/// [list of MariaDB](https://mariadb.com/docs/server/reference/error-codes).
mod code {
    pub(super) const DISK_FULL: u16 = 1021;
    pub(super) const ERROR_ON_WRITE: u16 = 1026;
    pub(super) const OUT_OF_MEMORY: u16 = 1037;
    pub(super) const TOO_MANY_CONNECTIONS: u16 = 1040;
    pub(super) const ACCESS_DENIED_TO_DATABASE: u16 = 1044;
    pub(super) const ACCESS_DENIED: u16 = 1045;
    pub(super) const UNKNOWN_DATABASE: u16 = 1049;
    pub(super) const SERVER_SHUTDOWN: u16 = 1053;
    pub(super) const UNKNOWN_COLUMN: u16 = 1054;
    pub(super) const TABLE_FULL: u16 = 1114;
    pub(super) const LOCK_WAIT_TIMEOUT: u16 = 1205;
    pub(super) const DEADLOCK: u16 = 1213;
    pub(super) const QUERY_INTERRUPTED: u16 = 1317;
    pub(super) const NO_DEFAULT_FOR_FIELD: u16 = 1364;
    pub(super) const WRONG_VALUE_FOR_FIELD: u16 = 1366;
    pub(super) const RECORD_CHANGED: u16 = 1020;
    pub(super) const CONNECTION_KILLED: u16 = 1927;
    pub(super) const MAX_STATEMENT_TIME: u16 = 1969;
    pub(super) const CHECK_CONSTRAINT: u16 = 3819;
}

/// Whether a COMMIT with this error has certainly not committed and will not: a cluster found a
/// conflict, or the server gave up waiting and a ROLLBACK follows.
pub(super) fn rolls_back(code: u16) -> bool {
    matches!(code, code::DEADLOCK | code::LOCK_WAIT_TIMEOUT)
}

pub(super) fn failure(url: &str, error: &Error) -> Failure {
    let unavailable = |reason: String| StoreError::Unavailable { store: url.to_owned(), reason };
    match error {
        Error::Server(server) => {
            let words = format!("ERROR {} ({}): {}", server.code, server.state, server.message);
            match server.code {
                code::LOCK_WAIT_TIMEOUT
                | code::DEADLOCK
                | code::RECORD_CHANGED
                | code::DISK_FULL
                | code::ERROR_ON_WRITE
                | code::OUT_OF_MEMORY
                | code::TABLE_FULL
                | code::TOO_MANY_CONNECTIONS
                | code::SERVER_SHUTDOWN
                | code::QUERY_INTERRUPTED
                | code::MAX_STATEMENT_TIME
                | code::CONNECTION_KILLED => Failure::Again(unavailable(words)),
                code::NO_DEFAULT_FOR_FIELD
                | code::WRONG_VALUE_FOR_FIELD
                | code::CHECK_CONSTRAINT => Failure::Row(words),
                code::ACCESS_DENIED
                | code::ACCESS_DENIED_TO_DATABASE
                | code::UNKNOWN_DATABASE
                | code::UNKNOWN_COLUMN => Failure::Store(unavailable(words)),
                // Classes of SQLSTATE: data exception, integrity constraint, a trigger's SIGNAL,
                // and what is a warning without strict mode.
                _ if ["22", "23", "45", "01"]
                    .iter()
                    .any(|class| server.state.starts_with(class)) =>
                {
                    Failure::Row(words)
                }
                _ => Failure::Store(unavailable(words)),
            }
        }
        Error::Driver(DriverError::PacketTooLarge) => {
            Failure::Row("the row is larger than max_allowed_packet".to_owned())
        }
        Error::Url(_) => Failure::Store(unavailable("the URL cannot be used".to_owned())),
        // A connection that cannot be made or has been lost.
        error => Failure::Again(unavailable(error.to_string())),
    }
}
