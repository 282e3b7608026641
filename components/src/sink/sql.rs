//! `sql`: rows in a table of SQLite, MySQL or MariaDB.

use std::{any::Any, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    BatchBolt, BoltFuture, Collector, CommitTarget, Error, Inputs, Output, Problem, Result,
    Streams, TaskContext, TupleBatch, ValueRef,
};

use crate::{
    columns::{Columns, kind_of},
    options::Named,
    replay::Replay,
    sql::{
        Column, CommitOptions, Mode, Rows, SqlCommit, SqlStore, StoreError, StoreOptions, StoreUrl,
        Table,
    },
    values::{column_kind, for_table},
};

/// Options of the bolt `sql`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlConfig {
    /// The store: `sqlite://PATH` or `mysql://USER:PASSWORD@HOST:PORT/DATABASE`.
    store: String,
    /// The table.
    table: String,
    /// The fields by which a row is known again; without any, every tuple is a new row.
    #[serde(default)]
    keys: Vec<String>,
    /// Columns whose new value is added to the old one.
    #[serde(default)]
    add: Vec<String>,
    /// Columns that keep the larger value.
    #[serde(default)]
    max: Vec<String>,
    /// Columns that keep the smaller value.
    #[serde(default)]
    min: Vec<String>,
    /// Columns that keep their first value. All other columns are set.
    #[serde(default)]
    keep: Vec<String>,
    /// The columns to write, as `{ column: field }`; by default all fields, under their names.
    #[serde(default)]
    columns: Named<String>,
    /// The longest text, in characters, of a column in a table that is made in MySQL; by default
    /// 191 for keys and 16 MiB for others.
    #[serde(default)]
    lengths: Named<u32>,
    /// Whether to make the table if it is not there.
    #[serde(default = "yes")]
    create: bool,
}

fn yes() -> bool {
    true
}

pub(crate) struct SqlSink {
    config: SqlConfig,
    ready: Option<Ready>,
    store: Option<SqlStore>,
}

struct Ready {
    url: StoreUrl,
    table: Arc<Table>,
    columns: Columns,
    /// In a topology that runs in epochs.
    commit: Option<Commit>,
}

/// Where rows go that are written by the commit.
struct Commit {
    collector: Collector,
    table: Arc<dyn Any + Send + Sync>,
    names: Arc<[String]>,
}

impl Ready {
    /// The rows of a batch, their values in the order of the table's columns.
    fn rows<'a>(
        &'a self,
        batch: &'a TupleBatch,
    ) -> impl Iterator<Item = impl Iterator<Item = ValueRef<'a>>> {
        batch
            .rows()
            .map(|tuple| self.columns.of(&tuple).iter().map(move |&column| tuple.at(column)))
    }
}

/// So many rows make a transaction, if so many are waiting: two statements of MySQL.
const ROWS: usize = 2_000;

impl SqlSink {
    pub(crate) fn new(config: &SqlConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None, store: None })
    }

    /// The columns with the field that each is filled from.
    fn sources(&self, inputs: &Inputs) -> Vec<(String, String)> {
        if self.config.columns.0.is_empty() {
            inputs.common().names().map(|name| (name.to_owned(), name.to_owned())).collect()
        } else {
            self.config.columns.0.clone()
        }
    }

    fn table(&self, inputs: &Inputs) -> Result<Table, Problem> {
        let config = &self.config;
        let sources = self.sources(inputs);
        let modes = [
            ("add", Mode::Add, &config.add),
            ("max", Mode::Max, &config.max),
            ("min", Mode::Min, &config.min),
            ("keep", Mode::Keep, &config.keep),
        ];
        let mut problems = Vec::new();
        let named = modes
            .iter()
            .map(|(option, _, names)| (*option, *names))
            .chain([("keys", &config.keys)]);
        let lengths: Vec<_> = config.lengths.0.iter().map(|(name, _)| name.clone()).collect();
        for (option, names) in named.chain([("lengths", &lengths)]) {
            for (index, name) in names.iter().enumerate() {
                if !sources.iter().any(|(column, _)| column == name) {
                    let columns = sources.iter().map(|(column, _)| column.as_str());
                    let help = match squall_config::did_you_mean(name, columns.clone()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            format!("the columns are {}", columns.collect::<Vec<_>>().join(", "))
                        }
                    };
                    let at = if option == "lengths" {
                        format!("lengths.{name}")
                    } else {
                        format!("{option}.{index}")
                    };
                    problems.push(
                        Problem::new(format!("there is no column `{name}`")).help(help).at(at),
                    );
                }
            }
        }
        let mut columns = Vec::new();
        for (name, field) in &sources {
            if let Err(problem) = inputs.require(field) {
                problems.push(problem.at(format!("columns.{name}")));
            }
            let mut wanted = modes.iter().filter(|(_, _, names)| names.contains(name));
            let mode = wanted.next().map_or(Mode::Set, |(_, mode, _)| *mode);
            if let Some((option, _, _)) = wanted.next() {
                problems.push(Problem::new(format!("column `{name}` has two modes")).at(*option));
            }
            let length = config
                .lengths
                .0
                .iter()
                .find(|(column, _)| column == name)
                .map(|(_, length)| *length);
            columns.push(Column {
                name: name.clone(),
                kind: column_kind(kind_of(inputs, field)),
                mode,
                length,
            });
        }
        Problem::all(problems)?;
        let table = Table {
            name: config.table.clone(),
            columns,
            keys: config.keys.clone(),
            create: config.create,
        };
        table.check().map_err(|error| Problem::new(error.to_string()))?;
        Ok(table)
    }

    async fn write(&mut self, batch: &TupleBatch, out: &mut Output) -> Result<()> {
        let ready = self.ready.as_ref().ok_or_else(|| Error::retry("the bolt was not prepared"))?;
        if let Some(commit) = &ready.commit {
            let values = ready.rows(batch).flatten().map(ValueRef::to_owned);
            commit.collector.rows(&commit.table, &commit.names, values);
            return Ok(());
        }
        let store = match &mut self.store {
            Some(store) => store,
            none => {
                let store =
                    SqlStore::open(&ready.url, Table::clone(&ready.table), StoreOptions::default())
                        .await;
                none.insert(store.map_err(|error| unavailable(&error))?)
            }
        };
        let mut rows = Rows::new(ready.table.columns.len());
        for row in ready.rows(batch) {
            rows.push(row.map(for_table));
        }
        let outcome = store.write(&rows).await.map_err(|error| unavailable(&error))?;
        for (row, reason) in outcome.rejected {
            out.fail(row, Error::data(reason));
        }
        Ok(())
    }
}

/// A table that does not fit is nobody's tuple's fault: they wait until somebody mends it.
fn unavailable(error: &StoreError) -> Error {
    Error::retry(error.to_string())
}

impl BatchBolt for SqlSink {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let url = self.config.store.parse::<StoreUrl>();
        let mut problems: Vec<_> = url
            .err()
            .map(|error| Problem::new(error.to_string()).at("store"))
            .into_iter()
            .collect();
        problems.extend(self.table(inputs).err());
        Problem::all(problems)?;
        Ok(Streams::none())
    }

    fn commits_to(&self) -> Option<CommitTarget> {
        let url: StoreUrl = self.config.store.parse().ok()?;
        Some(CommitTarget::new(url.to_string(), move |topology, mode| {
            Box::new(SqlCommit::new(url.clone(), topology, mode, CommitOptions::default()))
        }))
    }

    /// Connects once and lets go again, so that a wrong table or password is known before the
    /// first tuple. The connection that is kept must be made where it is used.
    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let mut table = self.table(inputs)?;
        if let Some(replay) = context.resource::<Replay>() {
            table.name.push_str(&replay.table_suffix);
        }
        let table = Arc::new(table);
        let names = table.columns.iter().map(|column| column.name.clone()).collect();
        let commit =
            context.collector().map(|collector| Commit { collector, table: table.clone(), names });
        let ready = Ready {
            url: self.config.store.parse().map_err(|error: StoreError| unavailable(&error))?,
            table,
            commit,
            columns: {
                let sources = self.sources(inputs);
                Columns::new(
                    inputs,
                    sources.iter().map(|(_, field)| field.as_str()).collect::<Vec<_>>(),
                )?
            },
        };
        let opened = std::thread::scope(|scope| {
            let probe = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let options =
                    StoreOptions { patience: std::time::Duration::ZERO, ..StoreOptions::default() };
                let store = runtime.block_on(SqlStore::open(
                    &ready.url,
                    Table::clone(&ready.table),
                    options,
                ));
                store.map(drop).map_err(std::io::Error::other)
            };
            scope.spawn(probe).join()
        });
        match opened {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Error::retry(error.to_string())),
            Err(_) => return Err(Error::retry("connecting to the store panicked")),
        }
        self.ready = Some(ready);
        Ok(())
    }

    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, out: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(self.write(batch, out))
    }

    fn rows_per_call(&self) -> usize {
        ROWS
    }

    /// SQLite waits for the disk within the call, and both stores connect in `prepare`.
    fn blocking(&self) -> bool {
        true
    }
}
