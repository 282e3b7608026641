//! What several packages' tests share: private database servers, one of a kind per test process.
//!
//! [`MariaDb::start`] makes one from nothing in about a second, in a temporary folder, on a port
//! of its own, and [`MySql8::start`] in about six. It dies with the process that started it, however
//! that ends. Where the server is not installed the tests that want it say loudly that they were
//! skipped.
#![forbid(unsafe_code)]

mod mariadb;
mod mysql8;
mod server;

pub use mariadb::MariaDb;
pub use mysql8::MySql8;
pub use server::SqlServer;
