//! What the tests need beside Rust: a MariaDB server and SQLite's shell.

use anyhow::Result;

use crate::{
    report::Outcome,
    shell::{command, find, run},
};

/// A program that tests run, and the package it is in.
struct Needed {
    program: &'static str,
    what_for: &'static str,
    apt: &'static str,
    dnf: &'static str,
    brew: &'static str,
}

const NEEDED: [Needed; 2] = [
    Needed {
        program: "mariadbd",
        what_for: "the tests against MariaDB",
        apt: "mariadb-server",
        dnf: "mariadb-server",
        brew: "mariadb",
    },
    Needed {
        program: "sqlite3",
        what_for: "the tests of the commands in the documents",
        apt: "sqlite3",
        dnf: "sqlite",
        brew: "sqlite",
    },
];

/// Installs what is missing by the system's package manager. What cannot be had is told and
/// skipped, as the tests that want it do.
pub(crate) fn install(skipped: &mut Vec<String>) -> Result<Outcome> {
    let missing: Vec<_> = NEEDED.iter().filter(|needed| find(needed.program).is_none()).collect();
    if !missing.is_empty() {
        by_package_manager(&missing);
    }
    for needed in missing.iter().filter(|needed| find(needed.program).is_none()) {
        let line = format!(
            "SKIPPED: {} will not run, because there is no {} and it could not be installed",
            needed.what_for, needed.program
        );
        println!("{line}");
        skipped.push(line);
    }
    Ok(Outcome::Passed)
}

fn by_package_manager(missing: &[&Needed]) {
    let names = |name: fn(&Needed) -> &'static str| missing.iter().map(move |needed| name(needed));
    let mut attempts: Vec<Vec<&str>> = Vec::new();
    if find("apt-get").is_some() {
        attempts.push(vec!["apt-get", "update", "-q"]);
        let mut install = vec!["apt-get", "install", "-q", "-y", "--no-install-recommends"];
        install.extend(names(|needed| needed.apt));
        attempts.push(install);
    } else if find("dnf").is_some() {
        attempts.push(["dnf", "install", "-y"].into_iter().chain(names(|n| n.dnf)).collect());
    } else if find("brew").is_some() {
        attempts.push(["brew", "install"].into_iter().chain(names(|n| n.brew)).collect());
    }
    for words in attempts {
        // Homebrew refuses to run as root; the others need it.
        let words = if words[0] == "brew" || is_root() {
            words
        } else {
            ["sudo", "-n"].into_iter().chain(words).collect()
        };
        let mut installer = command(words[0]);
        installer.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
        if let Err(error) = run(&mut installer) {
            eprintln!("warning: {error:#}");
        }
    }
}

fn is_root() -> bool {
    let output = command("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
