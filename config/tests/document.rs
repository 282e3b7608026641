//! What a file becomes: values as `serde_yaml` would read them, variables, includes, limits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use squall_config::{ByteSize, Code, Document, Mistakes, Report, Section, TimeSpan, Variables};

fn parse(text: &str) -> Section {
    parse_with(text, &Variables::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn parse_with(text: &str, variables: &Variables) -> Result<Section, Mistakes> {
    Document::parse("test.yaml", text, variables).map(|document| document.root())
}

fn codes(text: &str) -> Vec<Code> {
    let mistakes = parse_with(text, &Variables::new()).map(|_| ()).unwrap_err();
    mistakes.iter().map(|mistake| mistake.code).collect()
}

#[test]
fn values_are_those_of_serde_yaml() {
    let texts = [
        "a: 1\nb: [x, 'y', \"z\\n\", 1.5, true, ~]\nc: {d: e, f: {g: [h]}}\n",
        "- a\n- b: c\n  d: |\n    two\n    lines\n- >\n  folded\n  text\n- []\n- {}\n",
        "a: &x {p: 1, q: 2}\nb: *x\nc: [*x, *x]\n",
        "# only a comment\n",
        "",
        "just text",
        "a:\nb: ''\nc: !!str 12\n",
        "---\na: grün\nb: \"\\u00e9\"\n...\n",
        "a: b\r\nc:\r\n  - d\r\n",
        "url: http://host:80/a#b\ntime: 12:30\n",
    ];
    for text in texts {
        let reference: serde_yaml::Value = serde_yaml::from_str(text).unwrap_or_default();
        assert_eq!(parse(text).value(), reference, "{text}");
    }
}

#[test]
fn merge_keys_give_way_to_what_is_written() {
    let text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nall: {<<: [*b, *m], x: 9}\nlate:\n  x: 8\n  <<: *b\n";
    let mut reference: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
    reference.apply_merge().unwrap();
    let root = parse(text);
    assert_eq!(root.value(), reference);
    let y = root.get("late").unwrap().get("y").unwrap();
    assert_eq!((y.place().line(), y.place().text()), (1, "2"), "the place is where it was written");
}

#[test]
fn places_count_characters_and_bytes() {
    let root = parse("größe: [ä, \"öö\"]\nb:\n  c: x y  # comment\r\n  d: |\n    z\n");
    let second = root.nearest("größe[1]").place();
    assert_eq!((second.line(), second.column(), second.offset()), (1, 12, 14));
    assert_eq!(second.text(), "\"öö\"");
    let c = root.nearest("b.c");
    assert_eq!(c.place().text(), "x y");
    assert_eq!((c.key_place().line(), c.key_place().column(), c.key_place().text()), (3, 3, "c"));
    assert_eq!(c.path().to_string(), "b.c");
    assert_eq!(root.nearest("b.missing.e").path().to_string(), "b");
}

#[test]
fn variables_are_substituted_in_values_only() {
    let variables = Variables::new()
        .with("N", "8")
        .with("TEXT", "x, y: [z] # \"")
        .with("EMPTY", "")
        .with("LIKE_YAML", "{a: 1}");
    let text = "number: ${N}\nquoted: \"${N}\"\nboth: ${N}-${N}\ndefault: ${NONE:-5}\nempty: ${NONE:-}\n\
        flow: [\"${TEXT}\", '$${N}', \"a$${b}${N}\"]\nset: ${EMPTY:-x}\nlike: ${LIKE_YAML}\ndollar: $5 $$ 100%\n";
    let value = parse_with(text, &variables).unwrap().value();
    let expected: serde_yaml::Value = serde_yaml::from_str(
        "{number: 8, quoted: '8', both: 8-8, default: 5, empty: , flow: ['x, y: [z] # \"', '${N}', 'a${b}8'], \
         set: , like: '{a: 1}', dollar: '$5 $$ 100%'}",
    )
    .unwrap();
    assert_eq!(value, expected);
}

#[test]
fn a_quoted_variable_is_a_number_where_one_is_wanted() {
    #[derive(Deserialize)]
    struct Options {
        threads: u32,
        name: String,
        every: TimeSpan,
        size: ByteSize,
        on: bool,
    }
    let variables = Variables::new().with("N", "8").with("ON", "true");
    let text =
        "{ threads: \"${N}\", name: \"${N}\", every: \"${E:-5s}\", size: \"${N}\", on: \"${ON}\" }";
    let options: Options = parse_with(text, &variables).unwrap().read().unwrap();
    assert_eq!((options.threads, options.name.as_str()), (8, "8"));
    assert_eq!((options.every.as_secs(), *options.size, options.on), (5, 8, true));
}

#[test]
fn a_variable_that_is_unset_or_misspelt_is_told_with_its_place() {
    let variables = Variables::new().with("STORE", "x");
    let mut report = Report::new();
    let text = "a: 1\nstore: sqlite://${STOR}\nb: ${\nc: ${1X}\nd: ${A:-${B}}\n";
    let root = Document::parse_into("t.yaml", text, &variables, &mut report).unwrap().root();
    assert_eq!(root.get("a").unwrap().value(), 1);
    let mistakes = report.finish().unwrap_err();
    let codes: Vec<_> = mistakes.iter().map(|m| (m.code, m.place.line())).collect();
    assert_eq!(
        codes,
        [
            (Code::UnsetVariable, 2),
            (Code::BadVariable, 3),
            (Code::BadVariable, 4),
            (Code::BadVariable, 5)
        ]
    );
    let first = mistakes.iter().next().unwrap();
    assert_eq!(first.help.as_deref(), Some("did you mean `${STORE}`?"));
    assert_eq!((first.place.column(), first.place.text()), (8, "sqlite://${STOR}"));
    let json = serde_json::to_value(&mistakes).unwrap();
    let expected = serde_json::json!({
        "code": "SQ0108", "severity": "error", "file": "t.yaml", "line": 2, "column": 8, "offset": 12,
        "length": 16, "text": "sqlite://${STOR}", "help": "did you mean `${STORE}`?",
        "message": "variable `STOR` is not set and has no default"
    });
    assert_eq!(json[0], expected);
}

#[test]
fn no_message_shows_the_value_of_a_variable() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Options {
        threads: u32,
        list: Vec<u32>,
        limits: BTreeMap<String, u32>,
    }
    let variables = Variables::new().with("PASSWORD", "hunter2\"quoted");
    let text = "threads: ${PASSWORD}\nlist: [1, \"x${PASSWORD}\"]\nlimits: {a: \"${PASSWORD}\"}\n";
    let mistakes = parse_with(text, &variables).unwrap().read::<Options>().unwrap_err();
    assert_eq!(mistakes.len(), 3);
    let json = serde_json::to_string(&mistakes).unwrap();
    let shown = format!("{mistakes}{mistakes:?}{json}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("${PASSWORD}"));
    let root = parse_with(text, &variables).unwrap();
    assert!(!format!("{root:?}").contains("hunter2"));
    let said = root.mistake(Code::BadValue, "cannot use `hunter2\"quoted` here");
    assert_eq!(said.message, "cannot use `${PASSWORD}` here");
}

#[test]
fn a_value_that_is_no_secret_does_not_garble_messages() {
    let variables = Variables::new().with("NAME", "shares").with("N", "o");
    let text = "name: ${NAME}\nqueue: shares\nother: \"${N}\"\n";
    let root = parse_with(text, &variables).unwrap();
    let said = |key: &str| root.get(key).unwrap().mistake(Code::BadValue, "no queue `shares`");
    assert_eq!(said("queue").message, "no queue `shares`");
    assert_eq!(said("name").message, "no queue `${NAME}`");
    assert_eq!(root.mistake(Code::BadValue, "o is short").message, "o is short");
}

#[test]
fn an_unset_variable_is_not_blamed_twice() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Options {
        threads: u32,
    }
    let mut report = Report::new();
    let document = Document::parse_into("t", "threads: ${NO}\n", &Variables::new(), &mut report);
    let read = document.unwrap().root().read::<Options>();
    assert!(report.take(read).is_none());
    assert_eq!(report.finish().unwrap_err().len(), 1);
}

#[test]
fn includes_append_components_and_merge_maps() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("shared")).unwrap();
    write(
        "main.yaml",
        "include: [shared/spouts.yaml, shared/bolts.yaml]\nname: main\nconfig: {threads: 4}\nbolts:\n- id: c\n",
    );
    write(
        "shared/spouts.yaml",
        "include: common.yaml\nspouts: [{id: a}]\nconfig: {threads: 1, max_pending: 5}\n",
    );
    write("shared/bolts.yaml", "include: common.yaml\nbolts: [{id: b}]\n");
    write("shared/common.yaml", "name: common\nbolts: [{id: first}]\nlist: [1]\n");
    let document = Document::load(folder.path().join("main.yaml"), &Variables::new())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let expected: serde_yaml::Value = serde_yaml::from_str(
        "{name: main, bolts: [{id: first}, {id: b}, {id: c}], list: [1], spouts: [{id: a}], config: {threads: 4, max_pending: 5}}",
    )
    .unwrap();
    assert_eq!(document.root().value(), expected);
    assert_eq!(document.files().len(), 4);
    let b = document.root().nearest("bolts[1].id").place();
    assert!(b.file().ends_with("bolts.yaml"), "{}", b.file());
    assert_eq!((b.line(), b.column()), (2, 14));
}

#[test]
fn includes_that_fail_are_told_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.yaml");
    fs::write(&path, "name: x\ninclude: [gone.yaml, main.yaml, 5, list.yaml]\n").unwrap();
    fs::write(folder.path().join("list.yaml"), "[1]").unwrap();
    let mistakes = Document::load(&path, &Variables::new()).unwrap_err();
    let found: Vec<_> = mistakes.iter().map(|m| (m.code, m.place.text().to_owned())).collect();
    let expected = [
        (Code::BadInclude, "gone.yaml"),
        (Code::IncludeCycle, "main.yaml"),
        (Code::BadInclude, "5"),
        (Code::BadInclude, "list.yaml"),
    ];
    assert_eq!(found, expected.map(|(code, text)| (code, text.to_owned())));
    assert_eq!(codes("include: other.yaml\n"), [Code::BadInclude], "a text includes nothing");
    let gone = Document::load(folder.path().join("no.yaml"), &Variables::new()).unwrap_err();
    assert_eq!(gone.iter().next().unwrap().code, Code::Unreadable);
    assert!(gone.to_string().contains("no.yaml"));
}

#[test]
fn hostile_files_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let parent = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![parent; 10].join(", "));
    }
    assert_eq!(codes(&bomb), [Code::TooLarge]);
    assert_eq!(codes(&("[".repeat(10_000) + &"]".repeat(10_000))), [Code::TooLarge]);
    assert_eq!(codes(&"x".repeat(5 << 20)), [Code::TooLarge]);
    assert_eq!(codes(&"- x\n".repeat(300_000)), [Code::TooLarge]);
    assert_eq!(codes("a: &a [*a]\n"), [Code::UnsupportedYaml]);
    let many = codes(&"- ${NOWHERE}\n".repeat(5_000));
    assert_eq!((many.len(), many.last()), (1_001, Some(&Code::TooLarge)));
}

#[test]
fn what_is_not_plain_yaml_is_told() {
    assert_eq!(codes("a: [1, 2\nb: 3\n"), [Code::Syntax]);
    assert_eq!(codes("a: 1\n---\nb: 2\n"), [Code::UnsupportedYaml]);
    assert_eq!(codes("a: !Thing {x: 1}\n"), [Code::UnsupportedYaml]);
    assert_eq!(codes("a: 1\nb: 2\na: 3\n"), [Code::DuplicateKey]);
    assert_eq!(codes("a: *nothing\n"), [Code::Syntax]);
    assert_eq!(codes("? [a]\n: b\n"), [Code::UnsupportedYaml]);
    let mistakes = parse_with("store: { url: ${STORE} }\n", &Variables::new()).unwrap_err();
    assert!(mistakes.to_string().contains("needs quotes"), "{mistakes}");
    let mistakes = parse_with("a:\n\tb: 1\n", &Variables::new()).unwrap_err();
    assert!(mistakes.to_string().contains("not with tabs"), "{mistakes}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]

    /// Whatever is in a file, it is read or refused, and every mistake can be shown.
    #[test]
    fn no_text_makes_it_panic(text in "([a-c]: |- |[\\[\\]{},:&*!|>'\"#?~$ab0-9.]|\\$\\{[A-B]|:-|\\}|\n|  |\r\n|\t|<<: |é|include: |\u{feff}|\u{85}){0,40}") {
        if let Err(mistakes) = parse_with(&text, &Variables::new().with("A", "5")) {
            assert!(!mistakes.to_string().is_empty());
        }
    }
}
