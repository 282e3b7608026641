//! A bolt in Python, as the examples have it.

use squall_tests::{Place, Store, project, skipped};

#[test]
fn the_example_in_python_runs_and_passes_its_tests() {
    let python = std::process::Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        skipped("a bolt in Python: there is no python3");
        return;
    }
    let place = Place::new();
    let run = |words: &[&str]| {
        let output = place.command(words).current_dir(project("")).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    let _ = run(&["test", "examples/python_bolt.yaml"]);
    let data = format!("--data={}", place.path("data").display());
    let printed = run(&["run", "examples/python_bolt.yaml", "--until-idle", &data]);
    assert!(printed.contains(r#"{"word":"hello","length":5}"#), "{printed}");
}

/// Children that are killed in the middle of their work: what they were given is given to the next
/// one, and what is counted of it is counted once.
#[test]
fn counts_behind_a_child_that_is_killed_are_exact() {
    const LINES: u64 = 5_000;
    let python = std::process::Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        skipped("a bolt in Python: there is no python3");
        return;
    }
    let place = Place::new();
    place.write(
        "mortal.py",
        r#"
import os
import storm

class Mortal(storm.BasicBolt):
    def process(self, tup):
        n = int(tup.values[0])
        # Each of these kills a child once, after it has emitted.
        storm.emit([n % 10])
        mark = "killed-%d" % n
        if n % 1000 == 500 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), 9)

Mortal().run()
"#,
    );
    place.write(
        "mortal.yaml",
        r#"
name: mortal
config: { commit_interval: 20ms }
spouts:
  - { id: lines, type: queue, queue: lines }
bolts:
  - { id: py, type: shell, inputs: [lines], command: [python3, mortal.py], fields: { digit: int }, parallelism: 2 }
  - id: count
    type: window
    inputs: [{ from: py, grouping: fields, fields: [digit] }]
    aggregates: { times: count() }
  - { id: save, type: sql, inputs: [count], store: "sqlite://results.db", table: digits, keys: [digit] }
"#,
    );
    place.write("lines.txt", (0..LINES).map(|n| format!("{n}\n")).collect::<String>());
    let _ = place.squall(&["send", "lines", "--create", "--file=lines.txt"]).code(0);
    let _ = place.squall(&["run", "mortal.yaml", "--until-idle"]).code(0);
    let killed = (0..5).filter(|k| place.path(&format!("killed-{}", k * 1000 + 500)).exists());
    assert_eq!(killed.count(), 5);
    let store = Store::sqlite(&place);
    let rows = store.rows("SELECT digit, times FROM digits ORDER BY digit");
    let expected: Vec<Vec<String>> =
        (0..10).map(|digit: u64| vec![digit.to_string(), (LINES / 10).to_string()]).collect();
    assert_eq!(rows, expected);
}
