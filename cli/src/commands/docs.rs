//! `squall docs`: the reference of all components in Markdown.

use std::fmt::Write;

use squall_framework::{ComponentType, Registry, Role};

use super::components::{options, role};
use crate::{
    failure::{Exit, Failure},
    terminal::Terminal,
};

pub(super) fn run(registry: &Registry, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut text = "# Components\n\nWhat a topology may name as `type`. This page is printed by \
                    `squall docs`; `squall components NAME` shows a part of it in a terminal.\n"
        .to_owned();
    for (heading, wanted) in [("Spouts", Role::Spout), ("Bolts", Role::Bolt)] {
        // Writing into a text cannot fail.
        let _ = write!(text, "\n## {heading}\n\n| type | |\n|---|---|\n");
        let all: Vec<_> = registry.all().filter(|kind| kind.role() == wanted).collect();
        for kind in &all {
            let anchor = format!("{}-{}", role(kind.role()), kind.name());
            let _ = writeln!(text, "| [`{}`](#{anchor}) | {} |", kind.name(), kind.summary());
        }
        for kind in all {
            section(kind, &mut text);
        }
    }
    terminal.line(&text)?;
    Ok(Exit::Done)
}

fn section(kind: &ComponentType, text: &mut String) {
    let _ =
        write!(text, "\n### {} {}\n\n{}\n", role(kind.role()), kind.name(), kind.documentation());
    let options = options(kind);
    if options.is_empty() {
        return;
    }
    text.push_str("\n| option | | |\n|---|---|---|\n");
    for option in options {
        let wanted = if option.required { "required" } else { "" };
        let about = option.about.replace('|', "\\|").replace('\n', " ");
        let _ = writeln!(
            text,
            "| `{}`: {} | {wanted} | {about} |",
            option.name,
            option.kind.replace('|', "\\|")
        );
    }
}
