//! What all parsing bolts share: take a text field, emit what the parser finds in it and, if
//! wanted, fields of the tuple beside it.

use squall_framework::{
    Bolt, Error, Inputs, Kind, Output, Problem, Result, Schema, Streams, TaskContext, Tuple,
    ValueRef,
};

use crate::{
    columns::{Columns, kind_of, text_field, unique},
    parse::{Field, ParseError, Scalar},
    values::{of_kind, of_scalar, recycle, text},
};

/// The options of a parsing bolt.
pub(crate) trait ParserConfig: Clone + 'static {
    type Parser: RowParser;

    /// The field to parse, if it is named.
    fn field(&self) -> Option<&str>;
    /// The fields to hand on as they are.
    fn keep(&self) -> &[String];
    /// The parser, if the options make sense.
    fn parser(&self) -> Result<Self::Parser, Problem>;
}

/// A parser that finds the same fields in text after text.
pub(crate) trait RowParser: 'static {
    fn fields(&self) -> Vec<(String, Kind)>;

    /// False when there is nothing to emit for this text, which is then done.
    fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<bool, ParseError>;
}

/// A bolt around a parser.
pub(crate) struct ParserBolt<C: ParserConfig> {
    config: C,
    ready: Option<Ready<C::Parser>>,
}

struct Ready<P> {
    parser: P,
    field: String,
    /// The text, then the fields that are kept.
    columns: Columns,
    row: Vec<Scalar<'static>>,
    values: Vec<ValueRef<'static>>,
}

impl<C: ParserConfig> ParserBolt<C> {
    pub(crate) fn new(config: &C) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl<C: ParserConfig> Bolt for ParserBolt<C> {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let keep = self.config.keep();
        let mut problems: Vec<_> =
            text_field(inputs, self.config.field()).err().into_iter().collect();
        problems.extend(keep.iter().enumerate().filter_map(|(index, name)| {
            inputs.require(name).err().map(|problem| problem.at(format!("keep.{index}")))
        }));
        let mut fields = match self.config.parser() {
            Ok(parser) => parser.fields(),
            Err(problem) => {
                problems.push(problem);
                Vec::new()
            }
        };
        fields.extend(keep.iter().map(|name| (name.clone(), kind_of(inputs, name))));
        problems.extend(unique(fields.iter().map(|(name, _)| name.as_str())).err());
        Problem::all(problems)?;
        Ok(Streams::one(Schema::new(fields)))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let field = text_field(context.inputs(), self.config.field())?;
        let names =
            std::iter::once(field.as_str()).chain(self.config.keep().iter().map(String::as_str));
        self.ready = Some(Ready {
            parser: self.config.parser()?,
            columns: Columns::new(context.inputs(), names)?,
            field,
            row: Vec::new(),
            values: Vec::new(),
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let Some(ready) = &mut self.ready else { return Err(not_prepared()) };
        let Some((&source, keep)) = ready.columns.of(tuple).split_first() else {
            return Err(not_prepared());
        };
        let text = text(tuple.at(source), &ready.field)?;
        let mut row = recycle(std::mem::take(&mut ready.row), || Scalar::Null);
        let parsed = ready.parser.parse(text, &mut row);
        let emitted = match parsed {
            Ok(true) => {
                let mut values = recycle(std::mem::take(&mut ready.values), || ValueRef::Null);
                values.extend(row.iter().map(of_scalar));
                values.extend(keep.iter().map(|&column| tuple.at(column)));
                let emitted = out.emit(&values);
                ready.values = recycle(values, || ValueRef::Null);
                emitted
            }
            Ok(false) => Ok(()),
            Err(error) => Err(Error::data(error.to_string())),
        };
        ready.row = recycle(row, || Scalar::Null);
        emitted
    }
}

/// What is said of a name at this place of `fields` that is none of those a line has.
pub(crate) fn no_field(line: &str, name: &str, index: usize, names: &[&str]) -> Problem {
    let help = match squall_config::did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its fields are {}", names.join(", ")),
    };
    Problem::new(format!("{line} has no field `{name}`")).help(help).at(format!("fields.{index}"))
}

/// The engine prepares every task before it hands it a tuple.
pub(crate) fn not_prepared() -> Error {
    Error::retry("the bolt was not prepared")
}

pub(crate) fn schema_of(fields: &[Field]) -> Vec<(String, Kind)> {
    fields.iter().map(|field| (field.name.clone(), of_kind(field.kind))).collect()
}
