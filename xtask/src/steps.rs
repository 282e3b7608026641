//! How each step of the table of speeds is measured.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    sync::mpsc::sync_channel,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    shell::{built, cargo, command, output},
    table::{SECONDS, Step},
};

/// Measures once. What was measured is a flat JSON object.
pub(crate) fn measure(step: &Step, seconds: f64) -> Result<String> {
    match step {
        Step::Bench(arguments) => bench(arguments, seconds),
        Step::Handover { rate } => handover(*rate, seconds),
        Step::FirstTuple => first_tuple(),
        Step::Validation => validation(),
        Step::MariaDb => mariadb(),
    }
}

fn bench(arguments: &[&str], seconds: f64) -> Result<String> {
    let seconds = seconds.to_string();
    let told = |argument: &&str| {
        if *argument == SECONDS { seconds.clone() } else { (*argument).to_owned() }
    };
    let mut bench = command(built("release").join("squall"));
    output(bench.arg("bench").args(arguments.iter().map(told)).arg("--json"))
}

/// What the machine needs to get a message, at the moment it is due, from one sleeping thread to
/// another: no engine can be faster that lets its threads sleep when there is nothing to do.
fn handover(rate: u32, seconds: f64) -> Result<String> {
    let count = (seconds * f64::from(rate)) as u32;
    let (send, receive) = sync_channel::<Instant>(1_024);
    let receiver = thread::spawn(move || {
        let mut times: Vec<Duration> = receive.into_iter().map(|due| due.elapsed()).collect();
        times.sort_unstable();
        times
    });
    let (start, gap) = (Instant::now(), Duration::from_secs(1) / rate);
    for message in 0..count {
        let due = start + gap * message;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        send.send(due)?;
    }
    drop(send);
    let times = receiver.join().ok().context("the thread that receives panicked")?;
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e6;
    Ok(format!("{{\"p50_us\": {}, \"p99_us\": {}}}", at(0.5), at(0.99)))
}

/// A new data folder each time, as when Squall is tried for the first time.
fn first_tuple() -> Result<String> {
    let folder = built("release").join("first-tuple");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("lines.txt"), "first\n")?;
    let topology = folder.join("first-tuple.yaml");
    fs::write(
        &topology,
        "name: first-tuple\n\
         spouts: [{ id: lines, type: lines, path: lines.txt }]\n\
         bolts: [{ id: show, type: print, inputs: [lines] }]\n",
    )?;
    let start = Instant::now();
    let mut child = command(built("release").join("squall"))
        .current_dir(&folder)
        .args(["run", "first-tuple.yaml", "--until-idle", "--data", "data"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().context("squall has no output")?);
    stdout.read_line(&mut line)?;
    let time = start.elapsed();
    let status = child.wait()?;
    anyhow::ensure!(status.success() && line.contains("first"), "squall ended with {status}");
    fs::remove_dir_all(&folder)?;
    Ok(format!("{{\"first_tuple_ms\": {}}}", time.as_secs_f64() * 1e3))
}

fn validation() -> Result<String> {
    let arguments = ["run", "--release", "--package", "squall-framework", "--example", "validate"];
    let text = output(cargo(&arguments).args(["--", "200"]))?;
    let of = |what: &str| {
        let median = text.lines().find_map(|line| line.strip_prefix(what));
        let median = median.and_then(|rest| rest.strip_prefix(": median ")?.split(',').next());
        median.and_then(millis).with_context(|| format!("no median of `{what}` in\n{text}"))
    };
    let (correct, wrong) = (of("correct")?, of("with mistakes")?);
    Ok(format!("{{\"correct_ms\": {correct}, \"wrong_ms\": {wrong}}}"))
}

/// Milliseconds of a duration as Rust shows it for debugging.
fn millis(text: &str) -> Option<f64> {
    let units = [("ns", 1e-6), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    Some(number.parse::<f64>().ok()? * factor)
}

fn mariadb() -> Result<String> {
    let text = output(&mut cargo(&["bench", "--package", "squall-components", "--", "mariadb"]))?;
    let of = |connections: &str| {
        let line = text.lines().find_map(|line| line.split(&format!("{connections} conn.")).nth(1));
        let rows = line.and_then(|rest| rest.trim().strip_suffix("rows/s")?.trim().parse().ok());
        rows.context("no MariaDB was measured; is it installed?")
    };
    let (two, four): (f64, f64) = (of("2")?, of("4")?);
    Ok(format!("{{\"rows_2_per_s\": {two}, \"rows_4_per_s\": {four}}}"))
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn durations_are_read_as_milliseconds() {
        assert_eq!(millis("1.5ms"), Some(1.5));
        assert_eq!(millis("2.0s"), Some(2_000.0));
        assert_eq!(millis("500.0µs"), Some(0.5));
        assert_eq!(millis("fast"), None);
    }
}
