//! Commits whose record lies in the state folder.

use std::sync::{Arc, Mutex};

use squall_framework::{
    Commit, CommitStore, Committed, Rejected, SourcePosition, StateStore, StoreFault, TableRows,
    Value,
};

use super::{open, put, redo};

fn commit(incarnation: u64, epoch: u64) -> Commit {
    let position = SourcePosition {
        identity: "q".into(),
        ranges: vec![0..epoch * 10, epoch * 20..epoch * 30],
    };
    Commit {
        incarnation,
        epoch,
        commit_id: format!("commit {epoch}"),
        positions: [("shares".to_owned(), position)].into(),
        rows: Vec::new(),
    }
}

#[test]
fn a_commit_counts_from_its_record_on_and_not_from_its_redo() {
    let path = tempfile::tempdir().unwrap();
    for run in 1..=3 {
        let mut folder = open(path.path());
        let mut store = folder.commit_store(None).unwrap();
        let committed = store.claim(1).unwrap();
        assert_eq!((committed.incarnation, committed.epoch), (run, run - 1));
        assert_eq!(
            committed.positions,
            if run == 1 { [].into() } else { commit(1, run - 1).positions }
        );
        // Each run commits an epoch and dies in the middle of the next.
        for (epoch, whole) in [(run, true), (run + 1, false)] {
            let next = commit(run, epoch);
            store.begin(&next).unwrap();
            assert_eq!(store.rows(&next).unwrap(), []);
            let changes = redo(epoch, "count", vec![put("a", epoch.to_string())]);
            folder.write_redo(&changes).unwrap();
            if whole {
                store.commit().unwrap();
                folder.apply(&changes).unwrap();
            }
        }
        drop((store, folder));
        let mut folder = open(path.path());
        let committed = folder.commit_store(None).unwrap().look().unwrap();
        assert_eq!((committed.epoch, committed.commit_id.clone()), folder.applied());
        assert_ne!(folder.redo().unwrap().unwrap().commit_id, committed.commit_id);
        folder.drop_redo().unwrap();
    }
}

#[test]
fn an_earlier_run_and_a_wrong_epoch_are_fenced() {
    let path = tempfile::tempdir().unwrap();
    let mut folder = open(path.path());
    let mut old = folder.commit_store(None).unwrap();
    assert_eq!(old.claim(1).unwrap().incarnation, 1);
    old.begin(&commit(1, 1)).unwrap();
    let mut new = folder.commit_store(None).unwrap();
    assert_eq!(new.claim(1).unwrap().incarnation, 2);
    let fenced = [
        old.commit().unwrap_err(),
        old.begin(&commit(1, 1)).unwrap_err(),
        new.begin(&commit(2, 2)).unwrap_err(),
        new.begin(&commit(2, 0)).unwrap_err(),
    ];
    for fault in fenced {
        assert!(matches!(fault, StoreFault::Fenced(_)), "{fault:?}");
    }
    new.begin(&commit(2, 1)).unwrap();
    new.roll_back();
    assert!(new.commit().is_err());
    assert_eq!(new.look().unwrap().epoch, 0);
    new.begin(&commit(2, 1)).unwrap();
    new.commit().unwrap();
    assert_eq!(new.look().unwrap().epoch, 1);
    assert!(new.name().starts_with("the state folder"), "{}", new.name());
}

/// A store for rows that writes down what it is asked, and breaks when told.
struct Rows(Arc<Mutex<(Vec<&'static str>, Option<StoreFault>)>>);

impl Rows {
    fn note(&self, call: &'static str) {
        self.0.lock().unwrap().0.push(call);
    }
}

impl CommitStore for Rows {
    fn claim(&mut self, _: u64) -> Result<Committed, StoreFault> {
        self.note("claim");
        Ok(Committed::default())
    }
    fn begin(&mut self, _: &Commit) -> Result<(), StoreFault> {
        self.note("begin");
        Ok(())
    }
    fn rows(&mut self, _: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        self.note("rows");
        Ok(vec![Rejected { table: 0, row: 0, reason: "too long".into() }])
    }
    fn commit(&mut self) -> Result<(), StoreFault> {
        self.note("commit");
        self.0.lock().unwrap().1.take().map_or(Ok(()), Err)
    }
    fn roll_back(&mut self) {
        self.note("roll back");
    }
    fn look(&mut self) -> Result<Committed, StoreFault> {
        Ok(Committed::default())
    }
    fn name(&self) -> String {
        "mysql://db".into()
    }
}

#[test]
fn rows_go_to_their_own_store_before_the_record() {
    let path = tempfile::tempdir().unwrap();
    let mut folder = open(path.path());
    let seen = Arc::new(Mutex::new((Vec::new(), None)));
    let mut store = folder.commit_store(Some(Box::new(Rows(seen.clone())))).unwrap();
    store.claim(1).unwrap();
    // A connection that breaks in the rows' COMMIT: the record has not moved, so it is done again.
    seen.lock().unwrap().1 = Some(StoreFault::Unknown("gone away".into()));
    let next = commit(1, 1);
    store.begin(&next).unwrap();
    assert_eq!(store.rows(&next).unwrap().len(), 1);
    assert_eq!(store.commit().unwrap_err(), StoreFault::Retry("gone away".into()));
    store.roll_back();
    assert_eq!(store.look().unwrap().epoch, 0);
    store.begin(&next).unwrap();
    store.commit().unwrap();
    assert_eq!(store.look().unwrap().epoch, 1);
    let calls = ["claim", "begin", "rows", "commit", "roll back", "begin", "commit"];
    assert_eq!(seen.lock().unwrap().0, calls);
    assert!(store.name().ends_with("with rows in mysql://db"));
}

#[test]
fn rows_without_a_store_are_refused() {
    let path = tempfile::tempdir().unwrap();
    let mut store = open(path.path()).commit_store(None).unwrap();
    store.claim(1).unwrap();
    let rows = TableRows {
        names: None,
        component: "save".into(),
        table: Arc::new(()),
        columns: 1,
        values: vec![Value::Int(1)],
    };
    let next = Commit { rows: vec![rows], ..commit(1, 1) };
    store.begin(&next).unwrap();
    let fault = store.rows(&next).unwrap_err();
    assert!(matches!(&fault, StoreFault::Refused(why) if why.contains("`save`")), "{fault:?}");
}
