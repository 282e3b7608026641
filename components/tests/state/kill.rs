//! SIGKILL at random moments, while a child process commits and applies epochs: afterwards the states
//! are those of exactly the epochs that were committed.
//!
//! 30 kills; 300 with `SQUALL_SOAK=1`. The child is this same test program.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use squall_components::state::{FolderCommit, StateFolder};
use squall_framework::{Change, Commit, CommitStore, StateReader, StateStore};

use super::{gone, open, put, redo};

const CHILD: &str = "SQUALL_KILL_TEST_STATES";
const NAME: &str = "kill::a_killed_process_leaves_the_states_of_what_it_committed";

/// What an epoch changes: always the same, so that parent and child need not talk.
fn changes(epoch: u64) -> Vec<Change> {
    let mut random = fastrand::Rng::with_seed(epoch);
    // Some are small, most are large enough that a kill hits them in the middle.
    let count = if epoch.is_multiple_of(4) { 3 } else { random.usize(5_000..25_000) };
    let mut changed = BTreeMap::new();
    for _ in 0..count {
        let key = format!("user-{:05}", random.u32(0..40_000));
        let value = format!("{epoch}-{}", random.u32(..));
        let change = if random.u8(0..4) == 0 { gone(&key) } else { put(&key, value) };
        changed.insert(key, change);
    }
    changed.into_values().collect()
}

/// Rule 4: what was committed and not yet applied is applied, anything else is dropped.
fn recover(folder: &mut StateFolder) -> (FolderCommit, u64, u64) {
    let mut store = folder.commit_store(None).unwrap();
    let committed = store.claim(1).unwrap();
    if let Some(redo) = folder.redo().unwrap() {
        if redo.commit_id == committed.commit_id {
            folder.apply(&redo).unwrap();
        }
        folder.drop_redo().unwrap();
    }
    assert_eq!(folder.applied(), (committed.epoch, committed.commit_id));
    (store, committed.incarnation, committed.epoch)
}

#[test]
fn a_killed_process_leaves_the_states_of_what_it_committed() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return child(Path::new(&folder));
    }
    let kills = if std::env::var_os("SQUALL_SOAK").is_some() { 300 } else { 30 };
    let folder = tempfile::tempdir().unwrap();
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut random = fastrand::Rng::with_seed(11);
    let (mut known, mut unapplied, mut dropped) = (0, 0, 0);
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", NAME])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = known;
        let mut listen = |lines: &mut dyn Iterator<Item = String>| {
            let number = |line: String| line.strip_prefix("committed ")?.parse().ok();
            said = lines.filter_map(number).max().unwrap_or(said);
        };
        // Most in the middle of an epoch, some while it is still opening.
        if kill % 5 == 4 {
            thread::sleep(Duration::from_millis(random.u64(5..40)));
        } else {
            listen(
                &mut lines.by_ref().filter(|line| line.starts_with("com")).take(random.usize(1..4)),
            );
            thread::sleep(Duration::from_micros(random.u64(0..100_000)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        listen(&mut lines);

        let mut folder = open(folder.path());
        let before = folder.applied().0;
        let waiting = folder.redo().unwrap();
        let (_, _, epoch) = recover(&mut folder);
        unapplied += u64::from(before != epoch);
        dropped += u64::from(waiting.is_some_and(|redo| redo.epoch != epoch));
        assert!(epoch >= said, "epoch {said} was committed, and {epoch} is there");
        for epoch in known + 1..=epoch {
            for (key, value) in changes(epoch) {
                match value {
                    Some(value) => model.insert(key.to_vec(), value.to_vec()),
                    None => model.remove(&*key),
                };
            }
        }
        known = epoch;
        folder.verify().unwrap();
        let found = folder.view().sample("count", usize::MAX).unwrap();
        assert!(found.into_iter().eq(model.clone()), "after kill {kill} at epoch {epoch}");
        assert_eq!(folder.view().applied(), epoch);
    }
    println!(
        "{known} epochs; {unapplied} kills in the middle of applying, {dropped} before a commit"
    );
    assert!(known >= kills / 5 * 4 && unapplied > 2);
}

fn child(path: &Path) {
    let mut folder = open(path);
    let (mut store, incarnation, mut epoch) = recover(&mut folder);
    loop {
        epoch += 1;
        let redo = redo(epoch, "count", changes(epoch));
        let commit =
            Commit { incarnation, epoch, commit_id: redo.commit_id.clone(), ..Commit::default() };
        store.begin(&commit).unwrap();
        folder.write_redo(&redo).unwrap();
        store.commit().unwrap();
        let mut out = std::io::stdout();
        // At once, so that a line is whole or not there.
        out.write_all(format!("committed {epoch}\n").as_bytes()).unwrap();
        out.flush().unwrap();
        folder.apply(&redo).unwrap();
        folder.drop_redo().unwrap();
    }
}
