//! Bolts in other languages, as child processes.

use std::path::PathBuf;

use squall_framework::{Resources, Role};

use crate::{
    documentation::docs,
    harness::{Fixed, Ran, run_bolt},
};

/// A script in a folder of its own; `None`, with a message, where there is no Python.
struct Script {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Script {
    #[allow(clippy::print_stdout, reason = "a test that is skipped says so loudly")]
    fn new(text: &str) -> Option<Script> {
        let python = std::process::Command::new("python3").arg("--version").output();
        if !python.is_ok_and(|output| output.status.success()) {
            println!("SKIPPED: bolts in Python: there is no python3");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bolt.py");
        std::fs::write(&path, text).unwrap();
        Some(Script { path, _folder: folder })
    }

    fn run(&self, more: &str, input: &str) -> Ran {
        let yaml = format!("{{ type: shell, command: [python3, {:?}], {more} }}", self.path);
        run_bolt(&yaml, Fixed::from_json(input), true, Resources::default())
    }
}

fn lines(count: usize) -> String {
    (0..count).map(|n| format!("{{\"n\": {n}}}\n")).collect()
}

#[test]
fn the_example_gives_what_it_says() {
    let blocks = docs(Role::Bolt, "shell");
    let [(_, yaml), (_, python), (_, input), (_, output)] = blocks.as_slice() else { panic!() };
    let Some(script) = Script::new(python) else { return };
    let yaml = yaml.replace("split.py", script.path.to_str().unwrap());
    let ran = run_bolt(&yaml, Fixed::from_json(input), true, Resources::default());
    let expected: Vec<serde_json::Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ran.rows, expected);
    assert!(ran.dead.is_empty(), "{:?}", ran.dead);
}

#[test]
fn all_that_a_child_may_say_is_understood() {
    let Some(script) = Script::new(
        r#"
import storm

class Each(storm.Bolt):
    def initialize(self, conf, context):
        assert conf["topology.name"] == "test" and conf["greeting"] == "hi", conf
        assert context["componentid"] == "it", context
        assert context["source->stream->fields"] == {"input": {"default": ["n"]}}, context

    def process(self, tup):
        n = tup.values[0]
        assert (tup.component, tup.stream) == ("input", "default")
        if n == 3:
            storm.fail(tup)
            return
        storm.logInfo("working on \u00e9 %d" % n)
        storm.rpcMetrics("worked", 1)
        assert storm.emit([n, n / 2, "\u00e9", None], anchors=[tup], need_task_ids=True) == []
        if n == 5:
            storm.emit([n], stream="odd")
        storm.ack(tup)

Each().run()
"#,
    ) else {
        return;
    };
    let ran = script.run(
        "conf: { greeting: hi }, fields: { n: int, half: float, e: string, none: int? }, \
         streams: { odd: { n: int } }",
        &lines(600),
    );
    assert_eq!(ran.dead.len(), 1, "{:?}", ran.dead);
    assert!(ran.dead[0].contains("the child failed it"), "{:?}", ran.dead);
    assert_eq!(ran.rows.len(), 599);
    assert_eq!(ran.rows[1], serde_json::json!({"n": 1, "half": 0.5, "e": "é", "none": null}));
}

#[test]
fn what_does_not_fit_is_a_data_error_that_says_why() {
    let Some(script) = Script::new(
        r#"
import storm

class Wrong(storm.BasicBolt):
    def process(self, tup):
        n = tup.values[0]
        if n == 0:
            storm.emit(["not a number"])
        elif n == 1:
            storm.emit([1, 2])
        elif n == 2:
            storm.emit([1], stream="nowhere")
        else:
            storm.emit([n])

Wrong().run()
"#,
    ) else {
        return;
    };
    let ran = script.run("fields: { n: int }", &lines(5));
    assert_eq!(ran.rows.len(), 2, "{:?}", ran.rows);
    let dead = ran.dead.join("\n");
    for why in ["is not an int", "a tuple of 2 values", "there is no stream `nowhere`"] {
        assert!(dead.contains(why), "{dead}");
    }
}

/// Each of these children is of no use the first time that it comes to the third tuple.
#[test]
fn a_child_that_is_of_no_use_is_started_again() {
    for trouble in [
        "os._exit(3)",
        "os.kill(os.getpid(), 9)",
        "print('what?')\n            print('end', flush=True)",
        "time.sleep(1000)",
        "[storm.sync() for _ in iter(lambda: time.sleep(0.1), 1)]",
        "sys.stdout.close()",
    ] {
        let Some(script) = Script::new(&format!(
            r#"
import os, sys, time
import storm

class Once(storm.BasicBolt):
    def process(self, tup):
        mark = sys.argv[0] + ".mark"
        if tup.values[0] == 3 and not os.path.exists(mark):
            open(mark, "w").close()
            print("in trouble", file=sys.stderr)
            {trouble}
        storm.emit([tup.values[0]])

Once().run()
"#
        )) else {
            return;
        };
        let ran = script.run("fields: { n: int }, timeout: 500ms", &lines(10));
        let mut seen: Vec<i64> = ran.rows.iter().map(|row| row["n"].as_i64().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..10).collect::<Vec<_>>(), "{trouble}");
        assert!(ran.dead.is_empty(), "{trouble}: {:?}", ran.dead);
    }
}

/// More than fits into the pipes in both directions.
#[test]
fn neither_waits_for_the_other_for_ever() {
    let Some(script) = Script::new(
        r#"
import storm

class Large(storm.BasicBolt):
    def process(self, tup):
        for _ in range(4):
            storm.emit([tup.values[0]])

Large().run()
"#,
    ) else {
        return;
    };
    let text = "x".repeat(20_000);
    let input: String = (0..300).map(|_| format!("{{\"n\": \"{text}\"}}\n")).collect();
    let ran = script.run("fields: { n: string }", &input);
    assert_eq!(ran.rows.len(), 1_200);
    assert!(ran.rows.iter().all(|row| row["n"].as_str().unwrap().len() == 20_000));
}

/// A bolt as Storm has them for databases: it keeps what comes until a tick, and then is done with all.
#[test]
fn a_child_that_collects_is_sent_ticks() {
    let Some(script) = Script::new(
        r#"
import storm

class Collect(storm.Bolt):
    def initialize(self, conf, context):
        self.held = []

    def process(self, tup):
        if not tup.is_tick_tuple():
            self.held.append(tup)
            return
        if self.held:
            storm.emit([len(self.held)], anchors=self.held)
        for held in self.held:
            storm.ack(held)
        self.held = []

Collect().run()
"#,
    ) else {
        return;
    };
    let ran = script.run("fields: { n: int }, ticks: 50ms, timeout: 2s", &lines(2_500));
    let sum: i64 = ran.rows.iter().map(|row| row["n"].as_i64().unwrap()).sum();
    assert_eq!(sum, 2_500, "{:?}", ran.rows);
    assert!(ran.rows.len() >= 3, "at most 1,000 at once: {:?}", ran.rows);
    assert!(ran.dead.is_empty(), "{:?}", ran.dead);
}
