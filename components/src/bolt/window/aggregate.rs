//! Aggregates as they are written: `count()`, `sum(price)`, `quantile(ms, 0.99)`.

use squall_config::did_you_mean;
use squall_framework::{Inputs, Kind, Problem};

use super::partial::{Partial, Sum};
use crate::columns::kind_of;

/// What is worked out of the values of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    Distinct,
    ApproxDistinct,
    /// With the share of the values that are at most the result.
    Quantile(f64),
}

impl Function {
    /// The name by which it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Function::Count => "count",
            Function::Sum => "sum",
            Function::Avg => "avg",
            Function::Min => "min",
            Function::Max => "max",
            Function::First => "first",
            Function::Last => "last",
            Function::Distinct => "distinct",
            Function::ApproxDistinct => "approx_distinct",
            Function::Quantile(_) => "quantile",
        }
    }
}

/// Those that take one field and nothing else.
const PLAIN: [Function; 8] = [
    Function::Sum,
    Function::Avg,
    Function::Min,
    Function::Max,
    Function::First,
    Function::Last,
    Function::Distinct,
    Function::ApproxDistinct,
];

/// One aggregate of a window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Aggregate {
    /// The field that it becomes.
    pub(super) name: String,
    pub(super) function: Function,
    /// The field that it is worked out of; `count()` has none.
    pub(super) field: Option<String>,
    /// The kind of that field.
    pub(super) of: Kind,
}

impl Aggregate {
    /// Reads an aggregate.
    ///
    /// # Errors
    /// It is not one, or does not go with the fields of the inputs.
    pub(super) fn parse(name: &str, text: &str, inputs: &Inputs) -> Result<Self, Problem> {
        let (function, arguments) = split(text)?;
        let number_of =
            |expected: &str| Problem::new(format!("`{text}`: `{function}` takes {expected}"));
        let (function, field) = match (function, arguments.as_slice()) {
            ("count", []) => (Function::Count, None),
            ("count", [field]) => (Function::Count, Some(*field)),
            ("count", _) => return Err(number_of("one field or none")),
            ("quantile", [field, share]) => (Function::Quantile(quantile(share)?), Some(*field)),
            ("quantile", _) => return Err(number_of("a field and a share such as 0.99")),
            (_, [field]) => (plain(function)?, Some(*field)),
            _ => {
                plain(function)?;
                return Err(number_of("one field"));
            }
        };
        let of = match field {
            Some(field) => {
                inputs.require(field)?;
                kind_of(inputs, field)
            }
            None => Kind::Any,
        };
        let field = field.map(str::to_owned);
        let aggregate = Self { name: name.to_owned(), function, field, of };
        aggregate.check(text)?;
        Ok(aggregate)
    }

    fn check(&self, text: &str) -> Result<(), Problem> {
        let wanted = match self.function {
            Function::Sum | Function::Avg | Function::Quantile(_)
                if !matches!(self.of, Kind::Int | Kind::Float | Kind::Any) =>
            {
                "numbers"
            }
            Function::Min | Function::Max if self.of == Kind::Json => "values that have an order",
            _ => return Ok(()),
        };
        let field = self.field.as_deref().unwrap_or_default();
        let message = format!("`{text}`: the field `{field}` holds {} and not {wanted}", self.of);
        Err(Problem::new(message))
    }

    /// The kind of its result.
    pub(super) fn kind(&self) -> Kind {
        match self.function {
            Function::Count | Function::Distinct | Function::ApproxDistinct => Kind::Int,
            Function::Avg | Function::Quantile(_) => Kind::Float,
            Function::Sum | Function::Min | Function::Max | Function::First | Function::Last => {
                self.of
            }
        }
    }

    /// What it is of no rows.
    pub(super) fn nothing(&self) -> Partial {
        match self.function {
            Function::Count | Function::Distinct => Partial::Count(0),
            Function::Sum | Function::Avg => Partial::Sum(Sum::default()),
            Function::Min | Function::Max => Partial::Extreme(None),
            Function::First | Function::Last => Partial::Dated(None),
            Function::ApproxDistinct | Function::Quantile(_) => Partial::Apart,
        }
    }

    /// Whether what rows have added can be taken away again exactly, so that a sliding window
    /// carries its result along. Floats cannot: what is lost in rounding would add up.
    pub(super) fn slides(&self) -> bool {
        match self.function {
            Function::Count | Function::Distinct => true,
            Function::Sum | Function::Avg => self.of == Kind::Int,
            _ => false,
        }
    }

    /// Whether it counts distinct values exactly.
    pub(super) fn is_distinct(&self) -> bool {
        self.function == Function::Distinct
    }

    /// Whether it is a sketch, which has keys of its own.
    pub(super) fn is_sketch(&self) -> bool {
        matches!(self.function, Function::ApproxDistinct | Function::Quantile(_))
    }

    /// Whether it keeps values of the field as they are.
    pub(super) fn keeps_values(&self) -> bool {
        matches!(self.function, Function::Min | Function::Max | Function::First | Function::Last)
    }
}

/// The function's name and its arguments.
fn split(text: &str) -> Result<(&str, Vec<&str>), Problem> {
    let wrong = || {
        Problem::new(format!("`{text}` is not an aggregate"))
            .help("write, for example, `count()`, `sum(price)` or `quantile(ms, 0.99)`")
    };
    let (function, rest) = text.split_once('(').ok_or_else(wrong)?;
    let arguments = rest.trim_end().strip_suffix(')').ok_or_else(wrong)?.trim();
    if arguments.contains(['(', ')']) {
        return Err(wrong());
    }
    let arguments = match arguments {
        "" => Vec::new(),
        arguments => arguments.split(',').map(str::trim).collect(),
    };
    Ok((function.trim(), arguments))
}

fn plain(name: &str) -> Result<Function, Problem> {
    if let Some(function) = PLAIN.into_iter().find(|function| function.name() == name) {
        return Ok(function);
    }
    let names = || ["count", "quantile"].into_iter().chain(PLAIN.map(Function::name));
    let help = match did_you_mean(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the functions are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(Problem::new(format!("there is no function `{name}`")).help(help))
}

fn quantile(share: &str) -> Result<f64, Problem> {
    let number = share.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| {
        Problem::new(format!("`{share}` is not a share from 0 to 1"))
            .help("write 0.5 for the median, 0.99 for what one in a hundred exceeds")
    })
}
