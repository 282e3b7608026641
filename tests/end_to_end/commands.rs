//! The commands that documents tell people to type: each one is typed here.

use std::{path::Path, process::Command};

use squall_tests::{Place, project, skipped};

/// The `sh` blocks of a document in order, from a heading on.
fn commands(document: &str, from: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project(document)).unwrap();
    let part = &text[text.find(from).unwrap_or_else(|| panic!("no `{from}` in {document}"))..];
    let blocks = part.split("```sh\n").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap().to_owned()).collect()
}

/// Runs the blocks one after the other, as somebody would who has just cloned the project.
fn type_them(document: &str, from: &str) -> Vec<String> {
    if Command::new("sqlite3").arg("-version").output().is_err() {
        skipped(&format!("the commands of {document}: no sqlite3 here"));
        return Vec::new();
    }
    let place = Place::new();
    for name in ["topologies", "examples"] {
        std::os::unix::fs::symlink(project(name), place.path(name)).unwrap();
    }
    let squall = place.command(&[""; 0]);
    let folder = Path::new(squall.get_program()).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let blocks = commands(document, from);
    assert!(!blocks.is_empty(), "{document} has no commands");
    let mut printed = Vec::new();
    for block in blocks {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &block])
            .current_dir(place.path(""))
            .env("PATH", &path)
            .env_remove("STORE")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{document}: {block}\n{text}{errors}");
        printed.push(text);
    }
    printed
}

#[test]
fn the_tour_of_the_readme_works_as_written() {
    let printed = type_them("README.md", "## Five minutes").join("\n");
    if printed.is_empty() {
        return;
    }
    // Each line of an output that the tour shows is an output of the tour.
    let text = std::fs::read_to_string(project("README.md")).unwrap();
    let tour = &text[text.find("## Five minutes").unwrap()..];
    for shown in tour.split("```text\n").skip(1) {
        for line in shown.split("\n```").next().unwrap().lines() {
            assert!(printed.contains(line), "the tour does not print `{line}` but:\n{printed}");
        }
    }
}

#[test]
fn the_commands_beside_hot_restaurants_work() {
    let printed = type_them("topologies/hot-restaurants/README.md", "## Run it");
    let [.., ranks, hours] = printed.as_slice() else { return };
    // Nerua has most people; Porrue has most messages, 40 of them from one.
    let nerua = ranks.lines().find(|line| line.contains("Nerua"));
    assert!(nerua.is_some_and(|line| line.contains("Bilbao") && line.contains(" 1 ")), "{ranks}");
    assert!(!ranks.contains("Porrue"), "{ranks}");
    assert_eq!(hours.lines().filter(|line| line.contains("Nerua")).count(), 5, "{hours}");
}

#[test]
fn the_commands_beside_access_log_work() {
    let printed = type_them("topologies/access-log/README.md", "## Run it");
    let Some(paths) = printed.last() else { return };
    assert!(paths.contains("/menu"), "{paths}");
}

#[test]
fn the_commands_beside_ride_demand_work() {
    let printed = type_them("topologies/ride-demand/README.md", "## Run it");
    let Some(table) = printed.last() else { return };
    assert!(table.lines().count() == 12, "{table}");
}
