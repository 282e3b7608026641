//! `cargo xtask bench`: the table of speeds.

use anyhow::{Context, Result};

use crate::{
    shell::{self, built, cargo, command, output},
    table::{LINES, Line, Value},
};

/// How often each line is measured; the median is what counts.
const RUNS: usize = 5;

/// Measures all lines, or those whose name contains one of these words.
pub(crate) fn run(only: &[&str]) -> Result<bool> {
    shell::run(&mut cargo(&["build", "--release", "--package", "squall"]))?;
    println!("| what | measured | median of {RUNS} |");
    println!("|---|---|---:|");
    for line in LINES {
        if only.is_empty() || only.iter().any(|word| line.name.contains(word)) {
            measure(line)?;
        }
    }
    Ok(true)
}

fn measure(line: &Line) -> Result<()> {
    let mut texts = Vec::new();
    for _ in 0..RUNS {
        let mut bench = command(built("release").join("squall"));
        texts.push(output(bench.arg("bench").args(line.arguments).arg("--json"))?);
    }
    for value in line.values {
        let median = median(&texts, value)
            .with_context(|| format!("`{}` of `{}`", value.key, line.arguments.join(" ")))?;
        println!("| {} | {} | {} |", line.name, value.key, shown(median));
    }
    Ok(())
}

fn median(texts: &[String], value: &Value) -> Result<f64> {
    let numbers = texts.iter().map(|text| number(text, value.key).context("is not in the output"));
    let mut numbers: Vec<f64> = numbers.collect::<Result<_>>()?;
    numbers.sort_by(f64::total_cmp);
    Ok(numbers[numbers.len() / 2])
}

/// The number behind a key in JSON. What is measured is a flat object, so this needs no parser.
fn number(json: &str, key: &str) -> Option<f64> {
    let after = json.split(&format!("\"{key}\"")).nth(1)?.trim_start().strip_prefix(':')?;
    let end = after.find([',', '}', '\n']).unwrap_or(after.len());
    after[..end].trim().parse().ok()
}

fn shown(number: f64) -> String {
    if number < 1_000.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let groups: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::{number, shown};

    #[test]
    fn numbers_are_found_by_their_key() {
        let json = "{\"p99_us\": 12.5, \"p999_us\":13}";
        assert_eq!(number(json, "p99_us"), Some(12.5));
        assert_eq!(number(json, "p999_us"), Some(13.0));
        assert_eq!(number(json, "p50_us"), None);
    }

    #[test]
    fn large_numbers_are_shown_in_groups() {
        assert_eq!(shown(1_234_567.0), "1,234,567");
        assert_eq!(shown(12.34), "12.3");
    }
}
