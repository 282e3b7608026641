//! Setting a folder aside, and looking at one.

use squall_components::state::{StateFolder, StateOptions, set_aside};
use squall_framework::{CommitStore, SourcePosition, StateReader, StateStore};

use super::{gone, open, put, redo};

#[test]
fn a_folder_that_is_set_aside_leaves_room_and_the_number_of_the_run() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("state");
    let missing = set_aside(&path).unwrap_err().to_string();
    assert!(missing.contains("no folder"), "{missing}");
    let mut folder = open(&path);
    folder.apply(&redo(1, "count", vec![put("a", "1")])).unwrap();
    let held = set_aside(&path).unwrap_err();
    assert!(held.retry && held.message.contains(&std::process::id().to_string()), "{held}");
    drop(folder);
    assert_eq!(set_aside(&path).unwrap(), parent.path().join("state.old-1"));
    assert!(!path.exists());

    let mut folder = open(&path);
    assert_eq!(folder.applied().0, 0);
    folder.commit_store(None).unwrap().claim(1).unwrap();
    drop(folder);
    let aside = set_aside(&path).unwrap();
    assert_eq!(aside, parent.path().join("state.old-2"));
    let mut folder = open(&path);
    assert_eq!(folder.commit_store(None).unwrap().claim(1).unwrap().incarnation, 2);
    let old = open(&parent.path().join("state.old-1"));
    assert_eq!(old.view().get("count", b"a").unwrap(), Some(b"1".to_vec()));
}

#[test]
fn what_a_folder_has_is_shown_also_of_components_that_are_no_more() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("state");
    let none = StateFolder::open_existing(&path, StateOptions::default()).unwrap_err();
    assert!(none.message.contains("no states"), "{none}");
    assert!(!path.exists(), "looking makes nothing");

    let mut folder = open(&path);
    let position = SourcePosition {
        identity: "q".into(),
        ranges: (0..2000).map(|n| n * 3..n * 3 + 1).collect(),
    };
    let mut one = redo(1, "count", vec![put("a", "12345"), put("bc", "6")]);
    one.positions = [("shares".to_owned(), position.clone())].into();
    one.changes.extend(redo(1, "removed", vec![put("k", "v")]).changes);
    one.changes.extend(redo(1, "empty", vec![put("k", "v")]).changes);
    folder.apply(&one).unwrap();
    let mut two = redo(2, "count", vec![put("a", "1"), gone("x")]);
    two.changes.extend(redo(2, "empty", vec![gone("k")]).changes);
    two.positions = one.positions.clone();
    folder.apply(&two).unwrap();
    drop(folder);

    let folder = StateFolder::open_existing(&path, StateOptions::default()).unwrap();
    let view = folder.view();
    let stats = view.stats().unwrap();
    assert_eq!((&*stats.topology, stats.epoch, &*stats.commit_id), ("test", 2, "commit 2"));
    assert_eq!(stats.positions["shares"], position);
    let components: Vec<_> = stats
        .components
        .iter()
        .map(|c| (c.id.as_str(), c.keys, c.key_bytes, c.value_bytes))
        .collect();
    assert_eq!(components, [("count", 2, 3, 2), ("removed", 1, 1, 1)]);
    assert!(stats.disk_bytes > 1000);
    let sample = view.sample("count", 1).unwrap();
    assert_eq!(sample, [(b"a".to_vec(), b"1".to_vec())]);
    assert_eq!(view.sample("count", 9).unwrap().len(), 2);
    // A view keeps the folder.
    drop(folder);
    assert!(StateFolder::open(&path, "test").unwrap_err().retry);
    drop(view);
    StateFolder::open(&path, "test").unwrap();
}
