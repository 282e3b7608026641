//! The side of the socket that has the store.

use std::{
    fs,
    io::{self, BufReader, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

use squall_broker::Store;

use super::{Asks, Request, answer::answer, folder::socket_path, protocol};

/// Serves a store until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    socket: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Begins to serve on the socket of `folder`, whose lock this process holds: what is there of
    /// an earlier process is replaced.
    pub(super) fn start(folder: &Path, store: Store, asks: Asks) -> io::Result<Self> {
        let (socket, _held) = socket_path(folder)?;
        let fresh = socket.with_extension("new");
        let _ = fs::remove_file(&fresh);
        let listener = UnixListener::bind(&fresh)?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
        fs::rename(&fresh, &socket)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::Builder::new().name("squall-local".into()).spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Relaxed) {
                    return;
                }
                match stream {
                    Ok(stream) => welcome(stream, store.clone(), asks.clone()),
                    Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
                }
            }
        })?;
        Ok(Server { socket: folder.join(super::folder::SOCKET), stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        // Wakes the thread from waiting for a connection.
        let folder = self.socket.parent().unwrap_or(Path::new("."));
        let woken = socket_path(folder).and_then(|(socket, _held)| UnixStream::connect(socket));
        if let Err(error) = fs::remove_file(&self.socket) {
            tracing::debug!(%error, "the socket was gone before");
        }
        if let (Some(thread), Ok(_)) = (self.thread.take(), woken)
            && thread.join().is_err()
        {
            tracing::error!("the thread of the local socket panicked");
        }
    }
}

fn welcome(stream: UnixStream, store: Store, asks: Asks) {
    let spawned = thread::Builder::new().name("squall-local-peer".into()).spawn(move || {
        if let Err(error) = serve(stream, &store, &asks) {
            tracing::debug!(%error, "a local connection ended");
        }
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for a local connection");
    }
}

fn serve(mut stream: UnixStream, store: &Store, asks: &Asks) -> io::Result<()> {
    protocol::greet(&mut stream)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(1 << 18, stream);
    while let Some((request, raw)) = protocol::read::<Request>(&mut reader)? {
        let (reply, bodies) = answer(store, asks, request, &raw);
        protocol::write(&mut writer, &reply, &bodies)?;
        writer.flush()?;
    }
    Ok(())
}
