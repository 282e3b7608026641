//! What can be said of an expression before there are tuples.

use cel::ExecutionError;
use squall_framework::{Inputs, Kind, Problem, Value, ValueRef};

use super::{Row, compile, execute, values};

/// Names that stand for types and not for fields.
const TYPES: [&str; 11] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];
/// Macros that bring variables of their own.
const BINDING: [&str; 6] =
    [".all(", ".exists(", ".exists_one(", ".existsOne(", ".map(", ".filter("];

/// Compiles an expression and finds the kind of its value. CEL has no checker of types here, so
/// it is worked out once for a tuple of made-up values of the right kinds.
///
/// # Errors
/// It is not an expression, names no field of the inputs, or its operators do not go with the
/// kinds of the fields.
pub(crate) fn check(source: &str, inputs: &Inputs) -> Result<Kind, Problem> {
    let (program, functions) = compile(source)?;
    let references = program.references();
    let binds = BINDING.iter().any(|macro_| source.contains(macro_));
    if !binds {
        let mut names = references.variables();
        names.sort_unstable();
        Problem::all(
            names
                .iter()
                .filter(|name| !TYPES.contains(name))
                .filter_map(|name| inputs.require(name).err()),
        )?;
    }
    let common = inputs.common();
    let used: Vec<_> =
        common.fields().iter().filter(|field| references.has_variable(&field.name)).collect();
    if used.iter().any(|field| field.kind == Kind::Any) {
        return Ok(Kind::Any);
    }
    let names: Vec<_> = used.iter().map(|field| field.name.clone()).collect();
    let samples: Vec<_> = used.iter().map(|field| sample(field.kind)).collect();
    match execute(&program, &functions, &Row { names: &names, values: &samples }) {
        Ok(value) => Ok(values::of_cel(value).map_or(Kind::Any, |value| kind(&value))),
        Err(ExecutionError::UndeclaredReference(name)) => match inputs.require(&name) {
            Err(problem) if binds => Err(problem),
            _ => Err(Problem::new(format!("`{source}`: there is no function `{name}`"))),
        },
        Err(
            error @ (ExecutionError::NoSuchOverload(_)
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::InvalidArgumentCount { .. }
            | ExecutionError::NotSupportedAsMethod { .. }
            | ExecutionError::ValuesNotComparable(..)
            | ExecutionError::UnsupportedBinaryOperator(..)),
        ) => {
            let kinds: Vec<_> =
                used.iter().map(|field| format!("`{}` is {}", field.name, field.kind)).collect();
            Err(Problem::new(format!(
                "`{source}` does not go with the kinds of its fields: {error}"
            ))
            .help(kinds.join(", ")))
        }
        // Made-up values need not make sense otherwise: a text that is no number, a division by zero.
        Err(_) => Ok(Kind::Any),
    }
}

fn sample(kind: Kind) -> ValueRef<'static> {
    match kind {
        Kind::Bool => ValueRef::Bool(true),
        Kind::Int => ValueRef::Int(1),
        Kind::Float => ValueRef::Float(1.0),
        Kind::Timestamp => ValueRef::Timestamp(0),
        Kind::Bytes => ValueRef::Bytes(b"1"),
        Kind::Text | Kind::Json | Kind::Any => ValueRef::Text("1"),
    }
}

fn kind(value: &Value) -> Kind {
    value.as_ref().kind().unwrap_or(Kind::Any)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use squall_framework::{Input, Schema};

    fn inputs() -> Inputs {
        let schema = Schema::new([
            ("status", Kind::Int),
            ("path", Kind::Text),
            ("time", Kind::Timestamp),
            ("x", Kind::Any),
        ]);
        Inputs::new(vec![Input {
            from: "logs".into(),
            stream: "default".into(),
            schema,
            keys: None,
        }])
    }

    #[test]
    fn the_kind_is_known_where_the_fields_are() {
        for (source, expected) in [
            ("status >= 500", Kind::Bool),
            ("status / 100", Kind::Int),
            ("double(status) * 1.5", Kind::Float),
            ("path + '/'", Kind::Text),
            ("truncate(time, duration('1h'))", Kind::Timestamp),
            ("date(time)", Kind::Text),
            ("[status].map(s, s * 2)", Kind::Json),
            ("x + 1", Kind::Any),
            ("100 / (status - 1)", Kind::Any),
            ("type(status) == int", Kind::Bool),
        ] {
            assert_eq!(check(source, &inputs()).unwrap(), expected, "{source}");
        }
    }

    #[test]
    fn mistakes_are_found_and_explained() {
        let problem = |source| {
            let problem = check(source, &inputs()).unwrap_err();
            format!("{} ({})", problem.message, problem.help.unwrap_or_default())
        };
        assert!(problem("status >").contains("column "), "{}", problem("status >"));
        assert!(problem("statsu > 1 || pth == ''").contains("did you mean `"));
        assert!(
            problem("status + path").contains("`status` is int, `path` is string"),
            "{}",
            problem("status + path")
        );
        assert!(problem("[1].map(s, s + nope)").contains("nope"));
        assert!(
            problem("shout(path)").contains("no function `shout`"),
            "{}",
            problem("shout(path)")
        );
    }
}
