//! A data folder: the store in it and the socket beside that.

use std::{
    fs, io,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use squall_broker::{Error, Store, StoreOptions};

use super::{Asks, Queues, client::Client, server::Server};
use crate::failure::Failure;

/// The socket's name in the data folder.
pub(super) const SOCKET: &str = "squall.sock";
/// The store's folder in the data folder.
const STORE: &str = "queues";
/// A process that has just taken the lock has its socket by then.
const PATIENCE: Duration = Duration::from_secs(3);
/// A command that only looks is done by then.
const MOMENT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);
/// The longest path that every system takes for a socket.
const LONGEST: usize = 100;

/// A data folder that this process holds. Its queues are served on the folder's socket until it
/// is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    // Before the store, so that nobody is served who would find it closed.
    _server: Option<Server>,
    store: Store,
    asks: Asks,
    path: PathBuf,
}

impl DataFolder {
    /// Takes the folder, creating it where there is none. A command such as `squall queue stats`
    /// holds it for a moment, so that is waited for.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let deadline = Instant::now() + MOMENT;
        loop {
            match Self::take(path)? {
                Ok(folder) => return Ok(folder),
                Err(holder) if Instant::now() > deadline => {
                    let message = format!("{} is in use by {holder}", path.display());
                    let help = "stop it first, or name another folder with --data; `squall send` and \
                                `squall queue` work while it runs";
                    return Err(Failure::failed(message).help(help));
                }
                Err(_) => thread::sleep(LOOK),
            }
        }
    }

    /// The queues of the folder: of the process that holds it, or of this one. A folder that is
    /// not there is created if `create` says so.
    pub(crate) fn queues(path: &Path, create: bool) -> Result<Queues, Failure> {
        if !create && !path.join(STORE).exists() {
            let message = format!("there are no queues in {}", path.display());
            let help =
                "name the data folder with --data, or create a queue with `squall queue create`";
            return Err(Failure::failed(message).help(help));
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Client::connect(path) {
                Ok(Some(client)) => return Ok(Queues::remote(client)),
                Ok(None) => {}
                Err(error) => {
                    let message = format!(
                        "the process that holds {} cannot be asked: {error}",
                        path.display()
                    );
                    return Err(Failure::failed(message));
                }
            }
            match Self::take(path)? {
                Ok(folder) => return Ok(Queues::own(folder)),
                Err(holder) if Instant::now() > deadline => {
                    let message =
                        format!("{} is in use by {holder}, which does not answer", path.display());
                    let help = "it may be another program or hang; stop it, or name another folder with --data";
                    return Err(Failure::failed(message).help(help));
                }
                Err(_) => thread::sleep(LOOK),
            }
        }
    }

    /// The folder, or who holds it.
    fn take(path: &Path) -> Result<Result<Self, String>, Failure> {
        if path.is_file() {
            return Err(Failure::failed(format!("{} is a file, not a folder", path.display())));
        }
        let store = match Store::open(path.join(STORE), StoreOptions::default()) {
            Ok(store) => store,
            Err(Error::Locked { holder, .. }) => return Ok(Err(holder)),
            Err(error) => {
                return Err(Failure::failed(format!(
                    "cannot open the queues in {}: {error}",
                    path.display()
                )));
            }
        };
        for damage in store.damage() {
            tracing::warn!(%damage, "the disk has lost something");
        }
        let asks = Asks::default();
        let server = Server::start(path, store.clone(), asks.clone());
        let server = server
            .map_err(|error| tracing::warn!(%error, "other terminals cannot reach the queues"));
        Ok(Ok(DataFolder { _server: server.ok(), store, asks, path: path.to_owned() }))
    }

    /// What others ask of the topology that runs here.
    pub(crate) fn asks(&self) -> &Asks {
        &self.asks
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The open store.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        self._server = None;
        if let Err(error) = self.store.close() {
            tracing::error!(%error, "the queues were not closed cleanly");
        }
    }
}

/// Where the socket of a folder is. Paths of sockets are short, so a long one goes by way of the
/// open folder, which must be kept as long as the path is used.
pub(super) fn socket_path(folder: &Path) -> io::Result<(PathBuf, Option<fs::File>)> {
    let path = folder.join(SOCKET);
    if path.as_os_str().len() <= LONGEST {
        return Ok((path, None));
    }
    let held = fs::File::open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd())).join(SOCKET);
    Ok((short, Some(held)))
}
