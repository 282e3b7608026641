//! The queues of a data folder, whoever has it open.
//!
//! One process holds the lock of a data folder. It serves the folder's queues on a Unix socket
//! inside it, so that commands in other terminals find them there. A command asks for [`Queues`]
//! and does not care which of the two it got: both answer the same requests.

mod answer;
mod asks;
mod client;
mod folder;
mod messages;
mod protocol;
mod queues;
mod server;

pub(crate) use asks::{Asks, Rebalance, refused};
pub(crate) use folder::DataFolder;
pub(crate) use messages::Messages;
pub(crate) use protocol::{PeekedMessage, Reply, Request};
pub(crate) use queues::Queues;
