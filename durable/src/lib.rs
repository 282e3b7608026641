//! Bytes that survive: what the queue and later modules keep on a disk.
#![forbid(unsafe_code)]

mod disk;

pub use disk::{Disk, DiskFile, RealDisk};

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 48;
