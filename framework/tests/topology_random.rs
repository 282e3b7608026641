//! Topologies at random: a circle is found exactly if there is one, and nothing makes it panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write as _;

use proptest::prelude::*;
use squall_config::{Code, Variables};
use squall_framework::TopologyFile;

/// One spout `c0`, then bolts that read the components of these numbers.
fn topology(inputs: &[Vec<usize>]) -> String {
    let mut text =
        String::from("name: random\nspouts: [{ id: c0, type: lines, path: x }]\nbolts:\n");
    for (bolt, inputs) in inputs.iter().enumerate() {
        let inputs: Vec<_> = inputs.iter().map(|input| format!("c{input}")).collect();
        let options = "type: json, fields: { a: string }";
        let inputs = inputs.join(", ");
        writeln!(text, "  - {{ id: c{}, {options}, inputs: [{inputs}] }}", bolt + 1).unwrap();
    }
    text
}

/// Whether the bolts can be taken away one by one, each when all that it reads is gone.
fn has_circle(inputs: &[Vec<usize>]) -> bool {
    let mut gone = vec![false; inputs.len() + 1];
    gone[0] = true;
    for _ in inputs {
        for (bolt, inputs) in inputs.iter().enumerate() {
            gone[bolt + 1] |= inputs.iter().all(|input| gone[*input]);
        }
    }
    gone.contains(&false)
}

fn graph() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1..12_usize).prop_flat_map(|bolts| {
        let reads = prop::collection::btree_set(0..=bolts, 1..4);
        prop::collection::vec(reads.prop_map(|set| set.into_iter().collect()), bolts)
    })
}

const EVERY_KEY: &str = include_str!("../../config/topology.yaml");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_circle_is_found_exactly_if_there_is_one(inputs in graph()) {
        let text = topology(&inputs);
        let found = TopologyFile::parse("r.yaml", &text, &Variables::new(), &support::registry());
        match found {
            Ok(file) => {
                prop_assert!(!has_circle(&inputs), "{text}");
                let mut before = std::collections::HashSet::new();
                for component in file.topology.components() {
                    let sources = component.sources();
                    prop_assert!(sources.iter().all(|source| before.contains(&source.from)));
                    before.insert(component.id.clone());
                }
                prop_assert_eq!(before.len(), inputs.len() + 1);
                prop_assert!(!file.topology.drawing().is_empty());
            }
            Err(mistakes) => {
                prop_assert!(has_circle(&inputs), "{text}{mistakes}");
                prop_assert!(mistakes.iter().any(|mistake| mistake.code == Code::Cycle));
            }
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_read(
        from in 0..EVERY_KEY.len(),
        length in 0..60_usize,
        by in "[a-z{}\\[\\],:#\"'&*$ \n-]{0,6}",
    ) {
        let cut = |at: usize| (0..=at.min(EVERY_KEY.len())).rev().find(|at| EVERY_KEY.is_char_boundary(*at));
        let (from, to) = (cut(from).unwrap(), cut(from + length).unwrap());
        let text = format!("{}{by}{}", &EVERY_KEY[..from], &EVERY_KEY[to..]);
        let found = TopologyFile::parse("d.yaml", &text, &Variables::new(), &support::registry());
        if let Err(mistakes) = found {
            for mistake in &mistakes {
                prop_assert!(text[mistake.place.offset()..].starts_with(mistake.place.text()));
                prop_assert!(mistake.place.line() <= text.lines().count().max(1) + 1);
            }
        }
    }
}
