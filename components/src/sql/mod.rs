//! Rows into tables and out of them: SQLite, MySQL and MariaDB behind one small interface.
//!
//! A [`Table`] says which columns there are, which of them are the key, and what becomes of each
//! other column when a row with that key is already there ([`Mode`]). [`SqlStore::write`] takes a
//! batch, merges its rows by key, sorts them (two writers that lock rows in the same order cannot
//! deadlock) and writes them in **one transaction**. When it returns `Ok`, the batch is on disk,
//! except for the rows that the database rejected; those come back one by one with the database's
//! own words. When it returns `Err`, nothing of the batch was written, with one exception:
//!
//! **A connection that breaks during `COMMIT` leaves open whether the batch was written.** It is
//! then written again, so the guarantee is *at least once*. For columns that are set, kept or
//! compared (`set`, `keep`, `max`, `min`) writing twice is the same as writing once; a column
//! with `add` may count that one batch twice.
//!
//! [`SqlCommit`] writes rows of several tables together with a record of what they were made from,
//! and so **exactly once**: it can be asked what became of a commit.
//!
//! [`read`] goes through the rows of a table or query once.

mod backend;
mod commit;
mod error;
mod merge;
mod mysql;
mod read;
mod sqlite;
mod store;
mod table;
mod url;
mod value;
mod write;

pub use commit::{CommitOptions, SqlCommit};
pub use error::StoreError;
pub use read::{ReadError, RowReader, Selection, read};
pub use store::{Outcome, SqlStore, StoreOptions};
pub use table::{Column, ColumnKind, Mode, Table};
pub use url::StoreUrl;
pub use value::{Rows, Value};
