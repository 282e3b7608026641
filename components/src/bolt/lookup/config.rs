//! The options of `lookup`, and what they come to for given inputs.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use squall_config::{ByteSize, TimeSpan};
use squall_framework::{Inputs, Kind, Problem, Schema};

use super::{
    live::Shared,
    source::{Column, Place, Source},
};
use crate::{
    columns::unique,
    options::Named,
    parse::{Field, FieldSpec},
    sql::Selection,
    values::of_kind,
};

/// Options of the bolt `lookup`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupConfig {
    /// The table as a CSV file whose first line names the columns.
    #[serde(default)]
    from: Option<String>,
    /// What stands between two columns of the file; one ASCII character.
    #[serde(default = "comma")]
    delimiter: char,
    /// The table's store: `sqlite://PATH` or `mysql://USER:PASSWORD@HOST:PORT/DATABASE`.
    #[serde(default)]
    store: Option<String>,
    /// The name of the table in the store.
    #[serde(default)]
    table: Option<String>,
    /// A query, in place of a table.
    #[serde(default)]
    query: Option<String>,
    /// By which fields to find the row, as `{ field: column }`.
    on: Named<String>,
    /// The columns to add to the tuple, or `{ field: column }` to give them other names.
    #[serde(default)]
    take: Take,
    /// What becomes of a tuple that has no row: `null` adds nulls, `drop` leaves it out, `fail`
    /// makes it a dead letter, `stream` emits it as it is to the stream `missing`.
    #[serde(default)]
    pub(super) missing: Missing,
    /// The types of columns: string, int, float, bool or timestamp, with `?` behind one that may
    /// be empty. By default a file's are strings and a store's as it has them.
    #[serde(default)]
    types: Named<FieldSpec>,
    /// How often to read the table again; by default never.
    #[serde(default)]
    pub(super) refresh: Option<TimeSpan>,
    /// The most memory that the table may take.
    #[serde(default = "quarter")]
    memory: ByteSize,
    /// The table that all tasks share.
    #[serde(skip)]
    pub(super) shared: Arc<Shared>,
}

/// Columns to take.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "columns, or `{ field: column }`")]
enum Take {
    /// Under their own names.
    Columns(Vec<String>),
    /// Under other names.
    Renamed(Named<String>),
}

impl Default for Take {
    fn default() -> Self {
        Self::Columns(Vec::new())
    }
}

/// What becomes of a tuple that has no row in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Missing {
    /// It goes on with nulls.
    #[default]
    Null,
    /// It ends here.
    Drop,
    /// It fails.
    Fail,
    /// It goes another way.
    Stream,
}

fn comma() -> char {
    ','
}

fn quarter() -> ByteSize {
    ByteSize(256 << 20)
}

/// What is to be done, with all options checked.
#[derive(Debug)]
pub(super) struct Plan {
    /// The fields of a tuple that are handed on.
    pub(super) fields: Vec<String>,
    /// Those of them by which a row is found.
    pub(super) on: Vec<String>,
    pub(super) schema: Schema,
    pub(super) source: Source,
}

impl LookupConfig {
    pub(super) fn plan(&self, inputs: &Inputs) -> Result<Plan, Problem> {
        let mut problems = Vec::new();
        if self.on.0.is_empty() {
            problems.push(Problem::new("`on` names no field to find a row by").at("on"));
        }
        for (field, _) in &self.on.0 {
            problems.extend(inputs.require(field).err().map(|p| p.at(format!("on.{field}"))));
        }
        let take: Vec<(String, String)> = match &self.take {
            Take::Columns(names) => names.iter().map(|name| (name.clone(), name.clone())).collect(),
            Take::Renamed(names) => names.0.clone(),
        };
        if take.is_empty() && self.missing == Missing::Null {
            problems.push(
                Problem::new("nothing is taken from the table, so the tuples stay as they are")
                    .at("take")
                    .help("name columns in `take`, or say what becomes of tuples in `missing`"),
            );
        }
        if self.refresh.is_some_and(|span| span.is_zero()) {
            problems.push(Problem::new("`refresh` must be longer than nothing").at("refresh"));
        }
        let mut columns: Vec<Column> = Vec::new();
        for name in self.on.0.iter().chain(&take).map(|(_, column)| column) {
            let spec = self.types.0.iter().find(|(typed, _)| typed == name);
            let field = spec.map(|(_, spec)| Field::new(name, spec));
            columns.push(Column { name: name.clone(), field });
        }
        for (name, spec) in &self.types.0 {
            let at = format!("types.{name}");
            if Field::new(name, spec).from != *name {
                problems.push(Problem::new("a column has no other name to come `from`").at(&at));
            }
            if columns.iter().all(|column| column.name != *name) {
                let problem = format!("column `{name}` is neither in `on` nor in `take`");
                problems.push(Problem::new(problem).at(at));
            }
        }
        let place = self.place(&columns).unwrap_or_else(|problem| {
            problems.push(problem);
            Place::default()
        });
        let common = inputs.common();
        let mut out: Vec<(String, Kind)> =
            common.fields().iter().map(|field| (field.name.clone(), field.kind)).collect();
        for ((name, _), column) in take.iter().zip(&columns[self.on.0.len()..]) {
            let untyped = if self.from.is_some() { Kind::Text } else { Kind::Any };
            let kind = column.field.as_ref().map_or(untyped, |field| of_kind(field.kind));
            out.push((name.clone(), kind));
        }
        problems.extend(unique(out.iter().map(|(name, _)| name.as_str())).err().map(|problem| {
            problem.help("give what is taken another name: `take: { name: column }`")
        }));
        Problem::all(problems)?;
        Ok(Plan {
            fields: common.names().map(str::to_owned).collect(),
            on: self.on.0.iter().map(|(field, _)| field.clone()).collect(),
            schema: Schema::new(out),
            source: Source { place, columns, keys: self.on.0.len(), memory: self.memory },
        })
    }

    pub(super) fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Where the table is.
    fn place(&self, columns: &[Column]) -> Result<Place, Problem> {
        let store = match (&self.from, &self.store) {
            (None, Some(store)) => store,
            (Some(path), None) => {
                if self.table.is_some() || self.query.is_some() {
                    let problem = Problem::new("a file has neither `table` nor `query`");
                    return Err(problem.help("name a `store` in place of `from`"));
                }
                let delimiter = u8::try_from(self.delimiter).ok().filter(u8::is_ascii);
                let delimiter = delimiter.ok_or_else(|| {
                    Problem::new(format!("`{}` is not an ASCII character", self.delimiter))
                        .at("delimiter")
                })?;
                return Ok(Place::File { path: path.into(), delimiter });
            }
            _ => {
                return Err(Problem::new("the table is either in a file or in a store")
                    .help("write `from: FILE.csv`, or `store:` and `table:`"));
            }
        };
        let url = store
            .parse()
            .map_err(|error: crate::sql::StoreError| Problem::new(error.to_string()).at("store"))?;
        let selection = match (&self.table, &self.query) {
            (Some(table), None) => {
                let mut names: Vec<String> = Vec::new();
                for column in columns {
                    if !names.contains(&column.name) {
                        names.push(column.name.clone());
                    }
                }
                Selection::Table { table: table.clone(), columns: names }
            }
            (None, Some(query)) => Selection::Query(query.clone()),
            _ => {
                return Err(Problem::new("what to read from the store is a table or a query")
                    .help("write either `table:` or `query:`"));
            }
        };
        Ok(Place::Store { url, selection })
    }
}
