//! A database of each kind.

use rusqlite::{Connection, types::ValueRef};
use squall_test_support::{MariaDb, MySql8, SqlServer};

/// An empty database, read with other means than what is tested.
pub(super) struct Place {
    pub(super) url: String,
    server: Option<&'static SqlServer>,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    pub(super) fn sqlite() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/results.db", folder.path().display());
        Some(Self { url, server: None, _folder: Some(folder) })
    }

    pub(super) fn mariadb() -> Option<Self> {
        MariaDb::shared().map(Self::on)
    }

    pub(super) fn mysql8() -> Option<Self> {
        MySql8::shared().map(Self::on)
    }

    fn on(server: &'static SqlServer) -> Self {
        let url = server.create_database().unwrap();
        Self { url, server: Some(server), _folder: None }
    }

    /// The answer with a line per row and tabs between the columns.
    #[track_caller]
    pub(super) fn query(&self, sql: &str) -> String {
        match self.server {
            Some(server) => {
                let database = self.url.rsplit('/').next().unwrap();
                server.query(&format!("USE {database}; {sql}")).unwrap()
            }
            None => from_sqlite(self.url.strip_prefix("sqlite://").unwrap(), sql),
        }
    }

    /// The address of the server, for a place that has one.
    pub(super) fn address(&self) -> String {
        self.url.split(['@', '/']).nth(3).unwrap().to_owned()
    }

    /// The URL with another server's address in it.
    pub(super) fn url_through(&self, port: u16) -> String {
        self.url.replace(&self.address(), &format!("127.0.0.1:{port}"))
    }
}

fn from_sqlite(path: &str, sql: &str) -> String {
    let connection = Connection::open(path).unwrap();
    if !sql.starts_with("SELECT") {
        connection.execute_batch(sql).unwrap();
        return String::new();
    }
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let line = |row: &rusqlite::Row<'_>| {
        let texts: Vec<_> = (0..columns).map(|column| text(row.get_ref(column).unwrap())).collect();
        Ok(texts.join("\t"))
    };
    let lines: Vec<String> = statement.query_map([], line).unwrap().map(Result::unwrap).collect();
    lines.join("\n")
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8(text.to_vec()).unwrap(),
    }
}

/// Makes each function a test for each of these kinds of store; by default for all.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        on_every_store!(on sqlite: $($test),*);
        on_every_store!(on mariadb: $($test),*);
        on_every_store!(on mysql8: $($test),*);
    };
    (on $kind:ident: $($test:ident),* $(,)?) => {
        mod $kind {
            $(#[test]
            fn $test() {
                if let Some(place) = crate::commit::place::Place::$kind() {
                    super::$test(&place);
                }
            })*
        }
    };
}
pub(super) use on_every_store;
