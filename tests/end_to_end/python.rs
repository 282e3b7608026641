//! A bolt in Python, as the examples have it.

use squall_tests::{Place, project, skipped};

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
