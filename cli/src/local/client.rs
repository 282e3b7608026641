//! The side of the socket that has no store.

use std::{
    io::{self, BufReader, BufWriter},
    os::unix::net::UnixStream,
    path::Path,
};

use super::{Reply, Request, folder::socket_path, protocol};

/// A connection to the process that holds a data folder.
#[derive(Debug)]
pub(super) struct Client {
    reader: BufReader<UnixStream>,
    writer: BufWriter<UnixStream>,
}

impl Client {
    /// Connects to whoever serves `folder`; nothing if nobody does.
    pub(super) fn connect(folder: &Path) -> io::Result<Option<Self>> {
        let (socket, _held) = match socket_path(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        let mut stream = match UnixStream::connect(socket) {
            Ok(stream) => stream,
            Err(error) => {
                use io::ErrorKind::{ConnectionRefused, NotFound};
                let nobody = matches!(error.kind(), NotFound | ConnectionRefused);
                return if nobody { Ok(None) } else { Err(error) };
            }
        };
        protocol::greet(&mut stream)?;
        let writer = BufWriter::with_capacity(1 << 18, stream.try_clone()?);
        Ok(Some(Client { reader: BufReader::with_capacity(1 << 18, stream), writer }))
    }

    /// Asks and waits for the reply.
    pub(super) fn ask(&mut self, request: &Request, raw: &[u8]) -> io::Result<(Reply, Vec<u8>)> {
        protocol::write(&mut self.writer, request, raw)?;
        let gone = || io::Error::new(io::ErrorKind::UnexpectedEof, "it ended before it answered");
        protocol::read(&mut self.reader)?.ok_or_else(gone)
    }
}
