//! By which fields a bolt with state is grouped, and by which it works.

use squall_framework::{Inputs, Problem};

/// The fields by which the inputs are grouped, which are the same for all of them; none for
/// `grouping: global`.
pub(super) fn grouping(inputs: &Inputs) -> Result<Vec<String>, Problem> {
    let mut found: Option<&Vec<String>> = None;
    for input in inputs.all() {
        let Some(keys) = &input.keys else {
            return Err(Problem::new(format!(
                "tuples of `{}` that belong together may go to different tasks",
                input.from
            ))
            .help("write `grouping: fields` with the fields that tell them apart, or `global`"));
        };
        match found {
            Some(first) if first != keys => {
                return Err(Problem::new(format!(
                    "one input is grouped by {} and `{}` by {}",
                    list(first),
                    input.from,
                    list(keys)
                ))
                .help("group all inputs by the same fields, in the same order"));
            }
            _ => found = Some(keys),
        }
    }
    Ok(found.cloned().unwrap_or_default())
}

/// The fields that an option names, by default those of the grouping, which must be among them:
/// otherwise tuples that belong together would go to different tasks.
pub(super) fn keyed_by(
    inputs: &Inputs,
    option: &str,
    named: &[String],
) -> Result<Vec<String>, Problem> {
    let grouping = grouping(inputs)?;
    if named.is_empty() {
        return Ok(grouping);
    }
    let mut problems: Vec<_> = named
        .iter()
        .enumerate()
        .filter_map(|(index, name)| {
            inputs.require(name).err().map(|problem| problem.at(format!("{option}.{index}")))
        })
        .collect();
    problems.extend(grouping.iter().filter(|field| !named.contains(field)).map(|field| {
        Problem::new(format!("the input is grouped by `{field}`, which `{option}` does not name"))
            .at(option)
            .help(format!("add `{field}` to `{option}`, or group by less"))
    }));
    Problem::all(problems)?;
    Ok(named.to_vec())
}

fn list(fields: &[String]) -> String {
    match fields {
        [] => "nothing".to_owned(),
        fields => format!("`{}`", fields.join("`, `")),
    }
}
