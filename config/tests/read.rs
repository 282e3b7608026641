//! How mistakes in values read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use serde::Deserialize;
use squall_config::{ByteSize, Document, Style, TimeSpan, Variables, render_all};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Options {
    name: String,
    threads: u32,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    every: TimeSpan,
    #[serde(default)]
    size: ByteSize,
    #[serde(default)]
    columns: Vec<Column>,
    #[serde(default)]
    limits: BTreeMap<String, f64>,
    #[serde(default)]
    on: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Replace,
    AddTo,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Column {
    name: String,
    width: u8,
}

fn mistakes(text: &str) -> String {
    let document = Document::parse("options.yaml", text, &Variables::new()).unwrap();
    document.root().read::<Options>().unwrap_err().to_string()
}

#[test]
fn every_mistake_is_told_at_once() {
    insta::assert_snapshot!(mistakes(
        "name: 5\nthreds: 2\nmode: replac\nevery: 30\nsize: big\ncolumns:\n  - { name: a, width: 300 }\n  - { name: b, witdh: 1 }\n  - just text\nlimits: { low: x, high: 2 }\non: maybe\n"
    ));
}

#[test]
fn missing_keys_are_told_last() {
    insta::assert_snapshot!(mistakes("name: x\nmode: add_to\ncolumns: [{ name: a }]\n"));
}

#[test]
fn what_is_not_a_map_at_all() {
    insta::assert_snapshot!(mistakes("- 1\n- 2\n"));
}

#[test]
fn a_terminal_gets_colours() {
    let document = Document::parse("o.yaml", "name: [x]\nthreads: 1", &Variables::new()).unwrap();
    let mistakes = document.root().read::<Options>().unwrap_err();
    let list: Vec<_> = mistakes.into_iter().collect();
    assert!(render_all(&list, Style::Fancy).contains('\u{1b}'));
    assert!(render_all(&list, Style::Plain).is_ascii());
}
