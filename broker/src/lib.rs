//! Durable queues: the access module of Squall, as a library.
//!
//! A [`Store`] is one folder. Everything that producers send and consumers settle goes as
//! checksummed frames into a log that all queues of the store share, so one flush of the
//! disk confirms everyone who waits (group commit). The log is the truth; a ledger on sled
//! is a checkpoint of what the log says, so that opening is quick, and is rebuilt from the
//! log when it is damaged.
//!
//! A [`Queue`] is read in one of two ways. *Competing consumers*, as in CMQ, [`receive`] leases
//! with a visibility timeout and [`delete`] by receipt handle. An *exclusive [`Claim`]* reads in
//! order without timeouts for as long as it lives; a topology reads so. Each reader belongs
//! to a *group*, which has its own account of what is settled; a message leaves the queue when
//! every group has settled it.
//!
//! ```
//! use squall_broker::{Message, QueueAttributes, Store, StoreOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let store = Store::open(folder.path(), StoreOptions::small())?;
//! let shares = store.create_queue("shares", &QueueAttributes::default())?;
//! shares.send(&[Message::new("noodle bar"), Message::new("tea house")])?;
//!
//! for message in shares.receive(10, None)? {
//!     println!("{}", String::from_utf8_lossy(&message.body));
//!     shares.delete(&[message.handle])?;
//! }
//! assert_eq!(shares.stats()?.active, 0);
//! # Ok(())
//! # }
//! ```
//!
//! [`receive`]: Queue::receive
//! [`delete`]: Queue::delete
#![forbid(unsafe_code)]

mod attributes;
mod batch;
pub mod bench;
mod cell;
mod checkpoint;
mod claim;
mod clock;
mod confirm;
mod deliver;
mod delivery;
mod error;
mod group;
mod handle;
mod inbox;
mod ledger;
mod memory;
mod message;
mod moves;
mod once;
mod options;
mod payload;
mod position;
mod queue;
mod queue_store;
mod reader;
mod record;
mod recovery;
mod replay;
mod shared;
mod state;
mod stats;
mod store;
mod tidy;
mod timer;
mod writer;

use squall_durable::codec;

pub use attributes::{DeadLetterPolicy, QueueAttributes};
pub use batch::Batch;
pub use claim::Claim;
pub use clock::Clock;
pub use confirm::{Confirm, Sent};
pub use delivery::{Delivered, Frame, Peeked, Received};
pub use error::{Error, Result};
pub use group::{DEFAULT_GROUP, Group};
pub use memory::MemoryStore;
pub use message::{DeadLetter, Handle, Message, MessageId};
pub use options::StoreOptions;
pub use position::Position;
pub use queue::Queue;
pub use queue_store::{QueueClaim, QueueStore};
pub use stats::{GroupStats, QueueStats};
pub use store::Store;
