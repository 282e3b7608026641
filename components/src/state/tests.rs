//! An apply that is interrupted at any of its writes is repaired by applying again.

use std::{collections::BTreeMap, path::Path, sync::atomic::Ordering::SeqCst};

use proptest::prelude::*;
use squall_framework::{Changes, Redo, StateReader, StateStore};

use super::{StateFolder, counters::Counters};

type Model = BTreeMap<(String, Vec<u8>), Vec<u8>>;
type Edits = Vec<(String, Vec<u8>, Option<Vec<u8>>)>;

fn edits() -> impl Strategy<Value = Edits> {
    let component = prop::sample::select(vec!["a", "ab", "b"]).prop_map(str::to_owned);
    // Few keys, so that they are met again; some begin others, some have zero bytes.
    let key = prop::collection::vec(prop::sample::select(vec![0_u8, 1, 255]), 0..4);
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..3));
    prop::collection::vec((component, key, value), 0..24)
}

fn redo(epoch: u64, edits: &Edits) -> Redo {
    // As of two tasks.
    let changes = edits.iter().map(|(component, key, value)| Changes {
        component: component.as_str().into(),
        changes: vec![(key.as_slice().into(), value.as_deref().map(Into::into))],
    });
    let commit_id = format!("commit {epoch}");
    Redo { epoch, commit_id, changes: changes.collect(), ..Redo::default() }
}

fn all(folder: &StateFolder) -> Model {
    let view = folder.view();
    let mut model = Model::new();
    for component in ["a", "ab", "b"] {
        for (key, value) in view.sample(component, usize::MAX).unwrap() {
            model.insert((component.to_owned(), key), value);
        }
    }
    model
}

fn check(folder: &StateFolder, epoch: u64, model: &Model) {
    assert_eq!(folder.view().applied(), epoch);
    assert_eq!(all(folder), *model);
    folder.verify().unwrap();
    let mut counters: BTreeMap<String, Counters> = BTreeMap::new();
    for ((component, key), value) in model {
        counters.entry(component.clone()).or_default().add(key, value);
    }
    let mut counted = folder.shared.now().counters;
    counted.retain(|_, counters| counters.keys > 0);
    assert_eq!(counted, counters);
}

fn open(path: &Path) -> StateFolder {
    StateFolder::open(path, "test").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn an_apply_that_is_interrupted_anywhere_is_repaired_by_applying_again(
        epochs in prop::collection::vec((edits(), prop::collection::vec(0_u64..40, 0..4)), 1..5),
        reopened in any::<bool>(),
    ) {
        let path = tempfile::tempdir().unwrap();
        let mut folder = open(path.path());
        let mut model = Model::new();
        for (epoch, (edits, interruptions)) in (1..).zip(&epochs) {
            let redo = redo(epoch, edits);
            folder.write_redo(&redo).unwrap();
            for (component, key, value) in edits {
                let key = (component.clone(), key.clone());
                match value {
                    Some(value) => model.insert(key, value.clone()),
                    None => model.remove(&key),
                };
            }
            for writes in interruptions {
                folder.shared.tree.fuse.store(*writes, SeqCst);
                let applied = folder.apply(&redo).is_ok();
                folder.shared.tree.fuse.store(u64::MAX, SeqCst);
                if reopened {
                    drop(folder);
                    folder = open(path.path());
                }
                folder.verify().unwrap();
                // The mark may have been written, and only its flush be missing.
                let now = folder.applied().0;
                prop_assert!(now == epoch || (now == epoch - 1 && !applied));
                prop_assert_eq!(folder.redo().unwrap(), Some(redo.clone()));
            }
            folder.apply(&redo).unwrap();
            check(&folder, epoch, &model);
            folder.drop_redo().unwrap();
        }
        drop(folder);
        check(&open(path.path()), epochs.len() as u64, &model);
    }
}

#[test]
fn an_epoch_that_is_applied_in_part_needs_its_own_redo() {
    let path = tempfile::tempdir().unwrap();
    let put = |key: u8| ("a".to_owned(), vec![key], Some(vec![1]));
    let mut folder = open(path.path());
    let first = redo(1, &(0..9).map(put).collect());
    folder.write_redo(&first).unwrap();
    folder.shared.tree.fuse.store(7, SeqCst);
    assert!(folder.apply(&first).is_err());
    drop(folder);
    let mut folder = open(path.path());
    let other = Redo { commit_id: "other".into(), ..first.clone() };
    let refused = [folder.drop_redo(), folder.write_redo(&other), folder.apply(&other)];
    for error in refused.map(Result::unwrap_err) {
        assert!(error.message.contains("commit 1 is applied in part"), "{error}");
    }
    drop(folder);
    for index in 0..2 {
        std::fs::write(path.path().join(format!("redo.{index}")), "").unwrap();
    }
    let error = StateFolder::open(path.path(), "test").unwrap_err();
    assert!(!error.retry && error.message.contains("its redo is gone"), "{error}");
}
