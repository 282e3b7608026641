//! MySQL 8, from the archive that `cargo xtask test` fetches.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::server::{SqlServer, as_nobody, search, succeed};

/// Private servers of MySQL 8. Their accounts are of the kind `caching_sha2_password`.
#[derive(Debug)]
pub enum MySql8 {}

impl MySql8 {
    /// A server that all tests of the process share. `None`, with a message, where there is no
    /// MySQL 8.
    #[must_use]
    pub fn shared() -> Option<&'static SqlServer> {
        static SHARED: OnceLock<Option<SqlServer>> = OnceLock::new();
        let shared = SHARED.get_or_init(Self::start);
        if shared.is_none() {
            skipped();
        }
        shared.as_ref()
    }

    /// A server for one test alone. `None`, with a message, where there is no MySQL 8.
    ///
    /// # Panics
    /// There is a MySQL 8 and it does not start.
    #[must_use]
    #[allow(clippy::panic, reason = "a test cannot go on without its server")]
    pub fn start() -> Option<SqlServer> {
        // The answers of all servers are read with MariaDB's client.
        let archive = archive().filter(|_| search("mariadb").is_some());
        let Some(archive) = archive else {
            skipped();
            return None;
        };
        match start(&archive) {
            Ok(server) => Some(server),
            Err(error) => panic!("the private MySQL 8 did not start: {error}"),
        }
    }
}

/// Where the server's files are packed: the folder of what is built, in any profile.
fn archive() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root.join("target"), |folder| root.join(folder));
    Some(target.join("mysql-8.tar.gz")).filter(|file| file.is_file())
}

fn start(archive: &Path) -> io::Result<SqlServer> {
    SqlServer::new(|folder| {
        let base = folder.join("mysql");
        std::fs::create_dir(&base)?;
        succeed(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&base))?;
        let server = base.join("bin/mysqld");
        succeed(
            as_nobody(&server)
                .args(["--no-defaults", "--initialize-insecure"])
                .arg(format!("--basedir={}", base.display()))
                .arg(format!("--datadir={}", folder.join("data").display())),
        )?;
        let arguments = vec![format!("--basedir={}", base.display()), "--mysqlx=OFF".to_owned()];
        Ok((server, arguments))
    })
}

#[allow(clippy::print_stderr, reason = "a test that did not run must be seen")]
fn skipped() {
    eprintln!("SKIPPED: no MySQL 8 here; `cargo xtask test` fetches it where there is Maven");
}
