//! MariaDB as the system has it installed.

use std::{io, path::PathBuf, sync::OnceLock};

use crate::server::{SqlServer, as_nobody, search, succeed};

/// Private servers of MariaDB.
#[derive(Debug)]
pub enum MariaDb {}

impl MariaDb {
    /// A server that all tests of the process share. `None`, with a message, where there is no
    /// MariaDB.
    #[must_use]
    pub fn shared() -> Option<&'static SqlServer> {
        static SHARED: OnceLock<Option<SqlServer>> = OnceLock::new();
        let shared = SHARED.get_or_init(Self::start);
        if shared.is_none() {
            skipped();
        }
        shared.as_ref()
    }

    /// A server for one test alone. `None`, with a message, where there is no MariaDB.
    ///
    /// # Panics
    /// There is a MariaDB and it does not start.
    #[must_use]
    #[allow(clippy::panic, reason = "a test cannot go on without its server")]
    pub fn start() -> Option<SqlServer> {
        let (Some(server), Some(install)) = (search("mariadbd"), search("mariadb-install-db"))
        else {
            skipped();
            return None;
        };
        match start(server, install) {
            Ok(server) => Some(server),
            Err(error) => panic!("the private MariaDB did not start: {error}"),
        }
    }
}

fn start(server: PathBuf, install: PathBuf) -> io::Result<SqlServer> {
    SqlServer::new(|folder| {
        succeed(
            as_nobody(&install)
                .args([
                    "--no-defaults",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ])
                .arg(format!("--datadir={}", folder.join("data").display()))
                .env("TMPDIR", folder.join("tmp")),
        )?;
        Ok((server, Vec::new()))
    })
}

#[allow(clippy::print_stderr, reason = "a test that did not run must be seen")]
fn skipped() {
    eprintln!("SKIPPED: no MariaDB here; install the package mariadb-server to run this test");
}
