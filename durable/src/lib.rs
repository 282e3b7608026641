//! Bytes that survive: what the queue and later modules keep on a disk.
//!
//! - [`Log`] and [`Appender`]: an append-only log of checksummed frames in preallocated
//!   segment files. A damaged frame costs that frame and is reported with file and byte.
//! - [`FolderLock`]: one process per folder, and whoever comes second is told who holds it.
//! - [`write_atomically`]: a small file that is there in its old or its new form, whatever happens.
//! - [`TwinFile`]: a record that is replaced often, at the price of one flush.
//! - [`codec`]: numbers, texts and bytes in the formats that are written here and elsewhere.
//! - [`tame`]: what sled needs around it.
//! - [`Disk`]: the file layer under the log, with [`SimDisk`] for tests: it loses what was
//!   not synced, and fills up.
//!
//! Nothing here knows queues, topologies or their formats.
#![forbid(unsafe_code)]

mod append;
mod atomic;
pub mod codec;
mod disk;
mod frame;
mod lock;
mod log;
mod scan;
mod sim;
pub mod tame;
mod twin;

pub use append::Appender;
pub use atomic::write_atomically;
pub use disk::{Disk, DiskFile, RealDisk};
pub use frame::{FrameHead, HEADER_BYTES, MAX_PAYLOAD};
pub use lock::{FolderLock, LockError};
pub use log::{Log, LogError, Place, SEGMENT_HEADER_BYTES};
pub use scan::{Damage, ScanEnd};
pub use sim::SimDisk;
pub use twin::TwinFile;
