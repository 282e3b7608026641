//! Every file in `mistakes/` is a topology with something wrong, and its snapshot what is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{fs, path::Path};

use squall_config::{Style, Variables, render_all};
use squall_framework::TopologyFile;

#[test]
fn every_mistake_is_told_with_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let registry = support::registry();
    let variables = Variables::new()
        .with("STORE", "sqlite://results.db")
        .with("PASSWORD", "hunter2hunter2")
        .with("THREADS", "four");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml") && !name.starts_with("included"))
        .collect();
    names.sort();
    assert!(names.len() >= 60, "only {} mistakes", names.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let prefix = format!("{}/", folder.display());
    settings.bind(|| {
        for name in names {
            let said = match TopologyFile::load(folder.join(&name), &variables, &registry) {
                Ok(file) => render_all(&file.warnings, Style::Plain),
                Err(mistakes) => mistakes.to_string(),
            };
            // Where the repository is does not matter.
            let said = said.replace(&prefix, "");
            assert!(!said.is_empty(), "{name} has no mistake");
            assert!(!said.contains("hunter2"), "{name} shows a password: {said}");
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), said);
        }
    });
}
