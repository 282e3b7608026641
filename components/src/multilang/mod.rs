//! Storm's [multilang protocol](https://storm.apache.org/releases/current/Multilang-protocol.html): a
//! component in any language, as a child process that is given tuples on its standard input and says
//! what to do on its standard output, in JSON. [`child`] is the process, [`command`] what it says.

mod child;
mod command;
mod folder;
mod handshake;

pub(crate) use child::Child;
pub(crate) use command::Command;
pub(crate) use handshake::handshake;
