//! A database server of one's own, of either make.

use std::{
    fs::Permissions,
    io::{self, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take to start or end.
const DEADLINE: Duration = Duration::from_secs(60);

/// A private server, ended when it is dropped or when the process ends. A test that shares one
/// should make its own [database](Self::create_database) in it.
#[derive(Debug)]
pub struct SqlServer {
    folder: tempfile::TempDir,
    port: u16,
    program: PathBuf,
    arguments: Vec<String>,
    running: Option<Running>,
}

/// A shell that keeps the server for as long as its input is open.
#[derive(Debug)]
struct Running {
    shell: Child,
    input: ChildStdin,
}

impl SqlServer {
    /// Makes a folder, lets `install` fill its folder `data`, and starts the server on it. `install`
    /// gives the server's program and what it wants to be told beside what every server is told.
    pub(crate) fn new(
        install: impl FnOnce(&Path) -> io::Result<(PathBuf, Vec<String>)>,
    ) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("squall-sql-").tempdir()?;
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777))?;
        // A server that starts clears away what others of its kind have in a folder they share.
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary)?;
        std::fs::set_permissions(&temporary, Permissions::from_mode(0o777))?;
        let (program, mut arguments) = install(folder.path())?;
        arguments.push(format!("--tmpdir={}", temporary.display()));
        let port = free_port()?;
        let mut server = Self { folder, port, program, arguments, running: None };
        server.resume()?;
        Ok(server)
    }

    /// Starts the server again after [`stop`](Self::stop), on the same port.
    ///
    /// # Errors
    /// It does not answer; the error holds its log.
    pub fn resume(&mut self) -> io::Result<()> {
        // The shell's input ends at the latest with the process that holds the other end. Only
        // `stop` says that the folder is still needed.
        let script = r#"folder=$1; shift; "$@" & server=$!; keep=$(cat); kill -9 $server; wait $server
            [ "$keep" ] || rm -rf "$folder""#;
        let folder = self.folder.path();
        let mut server = as_nobody(&self.program);
        server
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--innodb-flush-log-at-trx-commit=1",
            ])
            .args(&self.arguments)
            .args([
                format!("--datadir={}", folder.join("data").display()),
                format!("--port={}", self.port),
                format!("--socket={}", folder.join("socket").display()),
                format!("--pid-file={}", folder.join("data/pid").display()),
            ]);
        let log = std::fs::File::create(self.log())?;
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(folder)
            .arg(server.get_program())
            .args(server.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let input = shell.stdin.take().ok_or_else(|| io::Error::other("the shell has no input"))?;
        self.running = Some(Running { shell, input });
        let started = Instant::now();
        while self.query("SELECT 1").is_err() {
            if started.elapsed() > DEADLINE {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                return Err(io::Error::other(format!(
                    "no answer after {DEADLINE:?}; its log: {log}"
                )));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Kills the server, as a power failure would.
    ///
    /// # Errors
    /// The shell around it cannot be waited for.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(Running { mut shell, mut input }) = self.running.take() else {
            return Ok(());
        };
        input.write_all(b"keep the folder")?;
        drop(input);
        shell.wait().map(drop)
    }

    /// The URL of a new, empty database.
    ///
    /// # Errors
    /// The server does not make one.
    pub fn create_database(&self) -> io::Result<String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.query(&format!("CREATE DATABASE {name} CHARACTER SET latin1"))?;
        Ok(self.url(&name))
    }

    /// The port on which the server listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database of this server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL with the server's own client, which shares no code with what is tested. The answer
    /// has a line per row, with tabs between the columns and no heading.
    ///
    /// # Errors
    /// What the client says.
    pub fn query(&self, sql: &str) -> io::Result<String> {
        let mut client = Command::new("mariadb")
            .args([
                "--no-defaults",
                "-uroot",
                "-h127.0.0.1",
                "-NB",
                "--default-character-set=utf8mb4",
            ])
            .arg(format!("-P{}", self.port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = client.stdin.take() {
            // A client that cannot connect does not read; its own message says so.
            let _ = input.write_all(sql.as_bytes());
        }
        let output = client.wait_with_output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for SqlServer {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The servers refuse to run as root, so root runs them as nobody.
pub(crate) fn as_nobody(program: &Path) -> Command {
    let root = std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]).arg(program);
    command
}

/// Runs what prepares a server; the error holds what it said.
pub(crate) fn succeed(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(io::Error::other(String::from_utf8_lossy(&said).into_owned()))
}

/// Servers are often outside the path of ordinary users.
pub(crate) fn search(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(
            ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"]
                .map(|folder| Path::new(folder).to_owned()),
        )
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
