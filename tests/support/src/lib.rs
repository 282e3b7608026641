//! What several packages' tests share: a private MariaDB server per test process.
//!
//! [`MariaDb::start`] makes one from nothing in about a second, in a temporary folder, on a port
//! of its own. It dies with the process that started it, however that ends. Where the server is
//! not installed the tests that want it say loudly that they were skipped.
#![forbid(unsafe_code)]

mod mariadb;

pub use mariadb::MariaDb;
