//! Which fields of the inputs a bolt uses, and where they stand in each input.

use squall_framework::{Error, Inputs, Kind, Problem, Tuple};

/// The positions of some fields, for every input.
#[derive(Debug)]
pub(crate) struct Columns(Vec<Vec<usize>>);

impl Columns {
    pub(crate) fn new<'a>(
        inputs: &Inputs,
        names: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Result<Self, Error> {
        let positions = inputs.all().iter().map(|input| {
            let find = |name: &str| {
                input
                    .schema
                    .index(name)
                    .ok_or_else(|| Error::data(format!("`{}` has no field `{name}`", input.from)))
            };
            names.clone().into_iter().map(find).collect()
        });
        Ok(Self(positions.collect::<Result<_, _>>()?))
    }

    /// The positions in this tuple.
    pub(crate) fn of(&self, tuple: &Tuple<'_>) -> &[usize] {
        self.0.get(tuple.batch().input()).map_or(&[], Vec::as_slice)
    }
}

/// The field that holds the text to work on: the one that is named, else `body` (as spouts emit
/// it), else the only field that can hold text.
pub(crate) fn text_field(inputs: &Inputs, named: Option<&str>) -> Result<String, Problem> {
    if let Some(name) = named {
        return match inputs.require(name).map_err(|problem| problem.at("field"))?.kind {
            kind if holds_text(kind) => Ok(name.to_owned()),
            kind => {
                Err(Problem::new(format!("field `{name}` holds {kind} and no text")).at("field"))
            }
        };
    }
    let common = inputs.common();
    let texts: Vec<_> = common
        .fields()
        .iter()
        .filter(|field| holds_text(field.kind))
        .map(|field| &field.name)
        .collect();
    match texts.as_slice() {
        [] => Err(Problem::new("no field of the input holds text")
            .help(format!("its fields are {}", common.names().collect::<Vec<_>>().join(", ")))),
        texts if texts.iter().any(|name| *name == "body") => Ok("body".to_owned()),
        [only] => Ok((*only).clone()),
        several => {
            let names = several.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            Err(Problem::new("several fields of the input hold text")
                .help(format!("say which one to work on: `field:` {names}")))
        }
    }
}

fn holds_text(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Json | Kind::Bytes | Kind::Any)
}

/// Reports every name that occurs twice.
pub(crate) fn unique<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), Problem> {
    let mut seen = Vec::new();
    let mut problems = Vec::new();
    for name in names {
        if seen.contains(&name) {
            problems.push(Problem::new(format!("the output would have two fields named `{name}`")));
        }
        seen.push(name);
    }
    Problem::all(problems)
}

/// The kind of a field that all inputs have; `Any` where they differ.
pub(crate) fn kind_of(inputs: &Inputs, name: &str) -> Kind {
    inputs.common().field(name).map_or(Kind::Any, |field| field.kind)
}
