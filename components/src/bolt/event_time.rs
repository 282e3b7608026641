//! The time at which something happened, as its tuple says.

use squall_config::TimeSpan;
use squall_framework::{Error, Inputs, Kind, Problem, Result, Tuple, ValueRef};

/// The field of each input that holds the time of its tuples.
#[derive(Debug)]
pub(super) struct EventTime(Vec<(usize, String)>);

impl EventTime {
    /// `names` are the fields of the inputs, in their order. `option` is where they are named.
    pub(super) fn new<'a>(
        inputs: &Inputs,
        names: impl IntoIterator<Item = &'a str>,
        option: &str,
    ) -> Result<Self, Problem> {
        let fields = inputs.all().iter().zip(names).map(|(input, name)| {
            // As if there were no other input, for the fields may have different names.
            let alone = Inputs::new(vec![input.clone()]);
            let kind = alone.require(name).map_err(|problem| problem.at(option))?.kind;
            if !matches!(kind, Kind::Timestamp | Kind::Any) {
                return Err(Problem::new(format!("field `{name}` holds {kind} and no timestamp"))
                    .at(option)
                    .help("give it the type `timestamp` where it is parsed"));
            }
            Ok((input.schema.index(name).unwrap_or_default(), name.to_owned()))
        });
        fields.collect::<Result<_, _>>().map(Self)
    }

    /// One field, which all inputs have.
    pub(super) fn common(inputs: &Inputs, name: &str) -> Result<Self, Problem> {
        Self::new(inputs, inputs.all().iter().map(|_| name), "time")
    }

    /// The time of this tuple, in microseconds since 1970.
    pub(super) fn of(&self, tuple: &Tuple<'_>) -> Result<i64> {
        let Some((column, name)) = self.0.get(tuple.batch().input()) else {
            return Err(super::parser::not_prepared());
        };
        match tuple.at(*column) {
            ValueRef::Timestamp(micros) => Ok(micros),
            value => Err(Error::data(format!("field `{name}` is no timestamp but `{value}`"))),
        }
    }
}

/// A span in microseconds, as times are counted.
pub(super) fn micros(span: TimeSpan) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A span that must be longer than nothing.
pub(super) fn some_time(span: Option<TimeSpan>, option: &str) -> Result<Option<i64>, Problem> {
    match span {
        Some(span) if span.is_zero() => {
            Err(Problem::new(format!("`{option}` must be longer than nothing")).at(option))
        }
        span => Ok(span.map(micros)),
    }
}
