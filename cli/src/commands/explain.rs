//! `squall explain`: what the number of a mistake means, and what to do.

use squall_config::Code;

use crate::{
    failure::{Exit, Failure},
    terminal::Terminal,
    text::table,
};

/// A section for each number. A test holds its examples to what they say.
const MISTAKES: &str = include_str!("../../docs/mistakes.md");

pub(super) fn run(code: Option<&str>, terminal: &Terminal) -> Result<Exit, Failure> {
    let Some(name) = code else {
        let row = |code: &Code| vec![code.id().to_owned(), code.summary().to_owned()];
        let rows: Vec<_> = Code::ALL.iter().map(row).collect();
        terminal.line(&table(&["number ", "about "], &rows))?;
        terminal.line("`squall explain NUMBER` explains one of them.")?;
        return Ok(Exit::Done);
    };
    let code = Code::find(name).ok_or_else(|| {
        let failure = Failure::usage(format!("no mistake has the number `{name}`"));
        failure.help("`squall explain` lists them all; a message has its own in brackets")
    })?;
    terminal.line(&format!("{code}: {}", code.summary()))?;
    terminal.line("")?;
    for line in section(code).trim().lines() {
        terminal.line(match line {
            "```yaml wrong" => "Wrong:\n",
            "```yaml right" => "Right:\n",
            "```" => continue,
            line => line,
        })?;
    }
    Ok(Exit::Done)
}

/// What is said of a number.
fn section(code: Code) -> &'static str {
    let title = format!("## {code}\n");
    let behind = MISTAKES.split_once(&title).map_or("", |(_, behind)| behind);
    behind.split("\n## ").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use squall_config::Variables;
    use squall_framework::TopologyFile;

    use super::*;

    /// The examples of a section, each with whether it is right.
    fn examples(section: &str) -> Vec<(bool, &str)> {
        let blocks = section.split("```yaml ").skip(1);
        let blocks = blocks.map(|block| block.split("```").next().unwrap());
        let parts = blocks.map(|block| block.split_once('\n').unwrap());
        parts.map(|(kind, yaml)| (kind == "right", yaml)).collect()
    }

    #[test]
    fn every_number_is_explained_and_its_examples_are_what_they_say() {
        let registry = squall_components::registry();
        let mut examples_of_all = 0;
        for &code in Code::ALL {
            let section = section(code);
            assert!(section.trim().len() > 40, "{code} is not explained");
            for (right, yaml) in examples(section) {
                examples_of_all += 1;
                let parsed = TopologyFile::parse("t.yaml", yaml, &Variables::new(), &registry);
                let said = match &parsed {
                    Ok(file) => {
                        squall_config::render_all(&file.warnings, squall_config::Style::Plain)
                    }
                    Err(mistakes) => mistakes.to_string(),
                };
                assert_eq!(said.contains(&format!("[{code}]")), !right, "{code}: {yaml}\n{said}");
                assert!(parsed.is_ok() || !right, "{code}: {yaml}\n{said}");
            }
        }
        assert!(examples_of_all >= 20, "{examples_of_all}");
        let numbers = MISTAKES.lines().filter(|line| line.starts_with("## ")).count();
        assert_eq!(numbers, Code::ALL.len());
    }
}
