//! What every state store does, on disk and in memory.

use squall_framework::{
    Changes, OutboxMessage, Redo, SourceDead, SourcePosition, StateStore, testing::MemoryStateStore,
};

use super::{gone, open, put, redo};

/// Opens the same store, which nobody has open.
type Open<'a> = &'a dyn Fn() -> Box<dyn StateStore>;

fn on_all(check: fn(Open<'_>)) {
    let memory = MemoryStateStore::default();
    check(&|| Box::new(memory.clone()));
    let folder = tempfile::tempdir().unwrap();
    check(&|| Box::new(open(folder.path())));
}

#[test]
fn a_new_one_is_as_of_nothing() {
    on_all(|open| {
        for _ in 0..2 {
            let store = open();
            assert_eq!(store.applied(), (0, String::new()));
            assert_eq!(store.redo().unwrap(), None);
            assert_eq!(store.note("starts").unwrap(), None);
            assert_eq!(store.reader().applied(), 0);
            assert_eq!(store.reader().get("count", b"a").unwrap(), None);
        }
    });
}

#[test]
fn what_was_applied_is_read_by_key_and_by_range() {
    on_all(|open| {
        let mut store = open();
        let keys: [&[u8]; 6] = [b"", b"\0", b"a", b"a\0", b"b", b"\xff\xff"];
        let own = keys.iter().map(|key| put(key, [&b"of "[..], key].concat())).collect();
        let mut one = redo(1, "count", own);
        // Components whose names and keys are close to those of the first.
        for other in ["coun", "count2", "count "] {
            let changes = vec![put("a", other), put("t\0a", other)];
            one.changes.push(Changes { component: other.into(), changes });
        }
        let reader = store.reader();
        store.apply(&one).unwrap();
        drop((store, reader));
        let store = open();
        let reader = store.reader();
        assert_eq!((store.applied(), reader.applied()), ((1, "commit 1".into()), 1));
        for key in keys {
            let value = [&b"of "[..], key].concat();
            assert_eq!(reader.get("count", key).unwrap(), Some(value), "{key:?}");
        }
        for absent in [&b"\0\0"[..], b"aa", b"c"] {
            assert_eq!(reader.get("count", absent).unwrap(), None);
        }
        assert_eq!(reader.get("count2", b"a").unwrap(), Some(b"count2".to_vec()));
        let range = |from: &[u8], to: &[u8], most| -> Vec<Vec<u8>> {
            let read = reader.range("count", from, to, most).unwrap();
            assert!(read.iter().all(|(key, value)| value[3..] == key[..]));
            read.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(range(b"", b"\xff\xff\xff", usize::MAX), keys);
        assert_eq!(range(b"a", b"b", usize::MAX), [&b"a"[..], b"a\0"]);
        assert_eq!(range(b"\0\0", b"b\0", 2), [&b"a"[..], b"a\0"]);
        assert_eq!(range(b"", b"z", 0), [[0_u8; 0]; 0]);
        assert_eq!(range(b"b", b"b", usize::MAX), [[0_u8; 0]; 0]);
        assert_eq!(range(b"z", b"a", usize::MAX), [[0_u8; 0]; 0]);
    });
}

#[test]
fn an_epoch_is_applied_once_however_often_it_is_said_and_never_out_of_turn() {
    on_all(|open| {
        let mut store = open();
        // A folder that is made later may begin anywhere.
        let first = redo(7, "count", vec![put("a", "1"), put("b", "1"), gone("c")]);
        store.apply(&first).unwrap();
        store.apply(&redo(8, "count", vec![put("a", "2"), gone("b")])).unwrap();
        store.apply(&redo(8, "count", vec![put("a", "2"), gone("b")])).unwrap();
        let read = |store: &dyn StateStore| -> Vec<Option<Vec<u8>>> {
            ["a", "b", "c"].map(|k| store.reader().get("count", k.as_bytes()).unwrap()).into()
        };
        let now = [Some(b"2".to_vec()), None, None];
        assert_eq!(read(&*store), now);
        let other = Redo { commit_id: "another".into(), ..redo(8, "count", vec![put("a", "3")]) };
        for wrong in [first, other, redo(10, "count", vec![put("a", "4")])] {
            let error = store.apply(&wrong).unwrap_err();
            assert!(!error.retry && error.message.contains("epoch 8"), "{error}");
        }
        drop(store);
        let mut store = open();
        assert_eq!((read(&*store), store.applied()), (now.to_vec(), (8, "commit 8".into())));
        store.apply(&redo(9, "other", vec![])).unwrap();
        assert_eq!(store.applied(), (9, "commit 9".into()));
    });
}

#[test]
fn a_redo_is_kept_as_it_is_until_it_is_replaced_or_dropped() {
    on_all(|open| {
        let position = SourcePosition { identity: "q 1 g".into(), ranges: vec![1..3, 9..400_000] };
        let whole = Redo {
            positions: [("shares".to_owned(), position)].into(),
            outbox: vec![OutboxMessage {
                queue: "hot".into(),
                body: (0..=255).collect(),
                headers: vec![("kind".into(), "é".into()), (String::new(), String::new())],
            }],
            dead: vec![(
                "shares".into(),
                vec![SourceDead { offset: 5, reason: "no json".into(), by: "parse".into() }],
            )],
            ..redo(3, "count", vec![put("", ""), gone("b"), put("k", [7; 4096])])
        };
        let mut store = open();
        store.write_redo(&redo(2, "count", vec![put("a", "1")])).unwrap();
        store.write_redo(&whole).unwrap();
        assert_eq!(store.redo().unwrap().unwrap(), whole);
        drop(store);
        let mut store = open();
        assert_eq!(store.redo().unwrap().unwrap(), whole);
        assert_eq!(store.applied().0, 0, "only written");
        store.write_redo(&Redo::default()).unwrap();
        assert_eq!(store.redo().unwrap(), Some(Redo::default()));
        store.drop_redo().unwrap();
        store.drop_redo().unwrap();
        assert_eq!(store.redo().unwrap(), None);
        drop(store);
        assert_eq!(open().redo().unwrap(), None);
    });
}

#[test]
fn notes_are_kept_by_name() {
    on_all(|open| {
        let mut store = open();
        store.put_note("starts", "1").unwrap();
        store.put_note("limit", "500").unwrap();
        store.put_note("starts", "2").unwrap();
        let check = |store: &dyn StateStore| {
            assert_eq!(store.note("starts").unwrap().as_deref(), Some("2"));
            assert_eq!(store.note("limit").unwrap().as_deref(), Some("500"));
            assert_eq!(store.note("other").unwrap(), None);
        };
        check(&*store);
        drop(store);
        check(&*open());
    });
}

#[test]
fn a_stopped_disk_in_memory_leaves_half_an_epoch_that_applying_again_completes() {
    let disk = MemoryStateStore::default();
    let mut store = disk.clone();
    let one = redo(1, "count", vec![put("a", "1"), put("b", "1")]);
    disk.stop_after(2);
    store.write_redo(&one).unwrap();
    assert!(store.apply(&one).unwrap_err().retry);
    assert_eq!((disk.states().len(), store.applied().0), (1, 0));
    assert!(store.put_note("a", "1").is_err());
    disk.go_on();
    let mut store = disk.clone();
    store.apply(&store.redo().unwrap().unwrap()).unwrap();
    assert_eq!((disk.states().len(), store.applied().0), (2, 1));
}
