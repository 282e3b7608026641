//! What the end-to-end tests share: the `squall` binary in a folder of its own, the tables that it
//! wrote as another client sees them, and real data.
//!
//! The binary is the one beside the tests (`target/debug/squall`), or the one that `SQUALL_BIN`
//! names. `cargo xtask test` builds it first; `cargo test -p squall-tests` alone does not.

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "a test that cannot be set up cannot go on")]

mod data;
mod place;
mod proxy;
mod running;
mod store;

pub use data::{project, real_data, skipped};
pub use place::{Place, Said};
pub use proxy::{Fate, Proxy, Sent};
pub use running::{Running, wait_until};
pub use store::Store;
