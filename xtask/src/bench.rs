//! `cargo xtask bench`: the table of speeds.

use anyhow::{Context, Result, ensure};

use crate::{
    shell::{self, cargo},
    steps,
    table::{Figure, PARTS, Part, Row, Unit},
};

/// Seconds for each measurement whose length is free, unless told.
const SECONDS: f64 = 5.0;

/// Measures all parts, or those whose name contains one of these words; `--seconds N` says how
/// long each measurement takes. Whether all could be measured.
pub(crate) fn run(arguments: &[&str]) -> Result<bool> {
    let (only, seconds) = read(arguments)?;
    let parts = |part: &&Part| only.is_empty() || only.iter().any(|word| part.name.contains(word));
    ensure!(PARTS.iter().any(|part| parts(&part)), "nothing is called {}", only.join(" or "));
    shell::run(&mut cargo(&["build", "--release", "--package", "squall"]))?;
    println!("| what | target | measured |");
    println!("|---|---:|---:|");
    let mut all = true;
    for part in PARTS.iter().filter(parts) {
        if let Err(error) = measure(part, seconds) {
            eprintln!("error: {}: {error:#}", part.name);
            all = false;
        }
    }
    Ok(all)
}

fn read<'a>(arguments: &[&'a str]) -> Result<(Vec<&'a str>, f64)> {
    let (mut only, mut seconds) = (Vec::new(), SECONDS);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--seconds" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                seconds = number
                    .filter(|seconds| (0.1..=3_600.0).contains(seconds))
                    .context("--seconds: not a number from 0.1 to 3600")?;
            }
            option if option.starts_with('-') => anyhow::bail!("there is no {option}"),
            word => only.push(word),
        }
    }
    Ok((only, seconds))
}

fn measure(part: &Part, seconds: f64) -> Result<()> {
    let mut runs = Vec::new();
    for _ in 0..part.runs {
        let step = |step| steps::measure(step, seconds);
        runs.push(part.steps.iter().map(step).collect::<Result<Vec<String>>>()?);
    }
    for row in part.rows {
        let numbers = runs.iter().map(|run| figure(run, &row.figure));
        let median = median(numbers.collect::<Result<_>>()?);
        let target = row.target.map(|target| shown(target, row.unit)).unwrap_or_default();
        let missed = if missed(row, median) { ", missed" } else { "" };
        println!("| {} | {target} | {}{missed} |", row.what, shown(median, row.unit));
    }
    Ok(())
}

/// What a row shows of one run of its part's steps.
fn figure(run: &[String], figure: &Figure) -> Result<f64> {
    let of = |step: usize, key| {
        number(&run[step], key).with_context(|| format!("no `{key}` in {}", run[step]))
    };
    match *figure {
        Figure::Of(step, key) => of(step, key),
        Figure::Ratio(one, other) => Ok(of(one, "tuples_per_s")? / of(other, "tuples_per_s")?),
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn missed(row: &Row, measured: f64) -> bool {
    let least = matches!(row.unit, Unit::PerSecond | Unit::Share);
    row.target.is_some_and(|target| if least { measured < target } else { measured > target })
}

/// The number behind a key in JSON. What is measured is a flat object, so this needs no parser.
fn number(json: &str, key: &str) -> Option<f64> {
    let after = json.split(&format!("\"{key}\"")).nth(1)?.trim_start().strip_prefix(':')?;
    let end = after.find([',', '}', '\n']).unwrap_or(after.len());
    after[..end].trim().parse().ok()
}

fn shown(number: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond if number >= 1e6 => format!("{:.1} M/s", number / 1e6),
        Unit::PerSecond => format!("{:.1} k/s", number / 1e3),
        Unit::Share => format!("{number:.3}"),
        Unit::Micros => format!("{number:.0} us"),
        Unit::Millis => format!("{number:.1} ms"),
        Unit::Seconds => format!("{number:.3} s"),
        Unit::Megabytes => format!("{number:.0} MB"),
    }
}

#[cfg(test)]
mod tests {
    use super::{missed, number, read, shown};
    use crate::table::{Figure, Row, Unit};

    #[test]
    fn numbers_are_found_by_their_key() {
        let json = "{\"p99_us\": 12.5, \"p999_us\":13}";
        assert_eq!(number(json, "p99_us"), Some(12.5));
        assert_eq!(number(json, "p999_us"), Some(13.0));
        assert_eq!(number(json, "p50_us"), None);
    }

    #[test]
    fn numbers_are_shown_with_their_unit() {
        assert_eq!(shown(1_234_567.0, Unit::PerSecond), "1.2 M/s");
        assert_eq!(shown(12_340.0, Unit::PerSecond), "12.3 k/s");
        assert_eq!(shown(0.345, Unit::Seconds), "0.345 s");
    }

    #[test]
    fn rates_are_to_be_high_and_times_low() {
        let row = |unit| Row { what: "", figure: Figure::Ratio(0, 1), unit, target: Some(10.0) };
        assert!(missed(&row(Unit::PerSecond), 9.0) && !missed(&row(Unit::PerSecond), 11.0));
        assert!(missed(&row(Unit::Millis), 11.0) && !missed(&row(Unit::Millis), 9.0));
    }

    #[test]
    fn words_select_and_seconds_are_told() {
        let (only, seconds) = read(&["const", "--seconds", "2", "relay"]).unwrap();
        assert_eq!((only, seconds), (vec!["const", "relay"], 2.0));
        assert!(read(&["--seconds", "soon"]).is_err() && read(&["--fast"]).is_err());
    }
}
