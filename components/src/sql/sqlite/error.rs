//! What an error of SQLite means, by its [result code](https://www.sqlite.org/rescode.html).

use rusqlite::ErrorCode;

use crate::sql::error::{Failure, StoreError};

pub(super) fn failure(url: &str, error: &rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::TooBig
            | ErrorCode::ParameterOutOfRange,
        ) => Failure::Row(words(error)),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SchemaChanged
            | ErrorCode::OperationInterrupted
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull,
        ) => Failure::Again(unavailable(url, error)),
        _ => Failure::Store(unavailable(url, error)),
    }
}

/// What an error of COMMIT means.
pub(super) fn commit_failure(url: &str, error: &rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        // The frame that makes a commit is the last one: it has not been reached.
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => {
            Failure::Again(unavailable(url, error))
        }
        // A constraint that is checked only by COMMIT; the transaction is still open.
        Some(ErrorCode::ConstraintViolation) => Failure::Row(words(error)),
        // The frame may be on disk all the same.
        _ => Failure::Unknown(unavailable(url, error)),
    }
}

/// Whether the file is to blame. The code `Unknown` is for all that is wrong with a statement.
pub(super) fn is_file_error(error: &rusqlite::Error) -> bool {
    !matches!(error.sqlite_error_code(), Some(ErrorCode::Unknown) | None)
}

pub(in crate::sql) fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    }
}

fn unavailable(url: &str, error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable { store: url.to_owned(), reason: words(error) }
}
