//! Damage is reported with what to do; nothing is silently lost or made up.

use std::{
    fs,
    path::{Path, PathBuf},
};

use squall_components::state::StateFolder;
use squall_framework::StateStore;

use super::{open, put, redo};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn refused(path: &Path) -> String {
    let error = StateFolder::open(path, "test").unwrap_err();
    assert!(!error.retry, "{error}");
    error.message
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A folder with some epochs applied, and all that is in it.
fn filled(path: &Path) -> Entries {
    for round in 0..4_u64 {
        // Opened anew, so that sled has a snapshot of its own.
        let mut folder = open(path);
        let mut random = fastrand::Rng::with_seed(round);
        for epoch in round * 3 + 1..=round * 3 + 3 {
            let key = |n: u64| format!("user-{n:05}");
            let changes = (0..400).map(|_| put(key(random.u64(0..2000)), epoch.to_string()));
            let redo = redo(epoch, "count", changes.collect());
            folder.write_redo(&redo).unwrap();
            folder.apply(&redo).unwrap();
        }
    }
    all(&open(path)).unwrap()
}

fn all(folder: &StateFolder) -> Option<Entries> {
    folder.view().sample("count", usize::MAX).ok()
}

#[test]
fn a_folder_of_another_topology_version_or_holder_is_refused() {
    let path = tempfile::tempdir().unwrap();
    let folder = open(path.path());
    let held = StateFolder::open(path.path(), "test").unwrap_err();
    assert!(held.retry, "{held}");
    assert!(held.message.contains(&format!("process {}", std::process::id())), "{held}");
    drop(folder);
    let other = StateFolder::open(path.path(), "other").unwrap_err();
    assert!(!other.retry && other.message.contains("`test`, not of `other`"), "{other}");

    let header = path.path().join("header");
    let good = fs::read_to_string(&header).unwrap();
    for (header_text, word) in [
        (good.replace(r#""format":2"#, r#""format":1"#), "has format 1"),
        (good.replace("256", "128"), "128 groups"),
        (good.replace(r#""topology""#, r#""topologie""#), "is damaged"),
        (String::new(), "is damaged"),
    ] {
        fs::write(&header, header_text).unwrap();
        let why = refused(path.path());
        assert!(why.contains(word) && why.contains("squall state rebuild"), "{why}");
    }
    // Without a header it is what sled says that counts.
    fs::remove_file(&header).unwrap();
    let other = StateFolder::open(path.path(), "other").unwrap_err();
    assert!(other.message.contains("belongs to the topology `test`"), "{other}");
    open(path.path());
    assert_eq!(fs::read_to_string(&header).unwrap(), good);
}

#[test]
fn lost_states_are_not_taken_for_new_ones() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("state");
    filled(&path);
    let sled = path.join("sled");
    let aside = path.join("aside");
    fs::rename(&sled, &aside).unwrap();
    let why = refused(&path);
    assert!(why.contains("`sled` is missing") && why.contains("squall state rebuild"), "{why}");
    // Emptied, or cut short.
    fs::create_dir(&sled).unwrap();
    let why = refused(&path);
    assert!(why.contains("squall state rebuild"), "{why}");
    fs::remove_dir_all(&sled).unwrap();
    copy(&aside, &sled);
    fs::File::options().write(true).open(sled.join("db")).unwrap().set_len(5000).unwrap();
    let why = refused(&path);
    assert!(why.contains("squall state rebuild"), "{why}");
    fs::remove_dir_all(&sled).unwrap();
    fs::rename(&aside, &sled).unwrap();
    open(&path);
}

#[test]
fn what_a_kill_left_of_making_or_opening_a_folder_is_no_damage() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("state");
    fs::create_dir_all(path.join("sled.new/blobs")).unwrap();
    fs::write(path.join("sled.new/db"), "half").unwrap();
    let before = filled(&path);
    let snapshot = fs::read_dir(path.join("sled")).unwrap().map(|entry| entry.unwrap().path());
    let snapshot: PathBuf =
        snapshot.filter(|path| path.to_string_lossy().contains("snap.")).max().unwrap();
    let half = &fs::read(&snapshot).unwrap()[..20];
    fs::write(path.join("sled/snap.7FFFFFFFFFFFFFFF.generating"), half).unwrap();
    assert_eq!(all(&open(&path)).unwrap(), before);
}

#[test]
fn a_flipped_byte_in_the_states_is_found_or_changes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("state");
    let before = filled(&path);
    let size = fs::metadata(path.join("sled/db")).unwrap().len();
    let mut random = fastrand::Rng::with_seed(3);
    let (mut refused, mut unread, mut same) = (0, 0, 0);
    let trials = if std::env::var_os("SQUALL_SOAK").is_some() { 1000 } else { 60 };
    for trial in 0..trials {
        let copied = parent.path().join(format!("copy-{trial}"));
        copy(&path, &copied);
        let db = copied.join("sled/db");
        let mut bytes = fs::read(&db).unwrap();
        let at = random.u64(0..size) as usize;
        bytes[at] ^= 1 << random.u8(0..8);
        fs::write(&db, bytes).unwrap();
        match StateFolder::open(&copied, "test") {
            Err(error) => {
                assert!(!error.retry, "{error}");
                assert!(error.message.contains("squall state rebuild"), "{error}");
                refused += 1;
            }
            Ok(folder) if folder.applied().0 != 12 => refused += 1,
            Ok(folder) => match all(&folder) {
                None => unread += 1,
                Some(entries) => {
                    assert_eq!(entries, before, "byte {at}");
                    same += 1;
                }
            },
        }
        fs::remove_dir_all(&copied).unwrap();
    }
    println!("{refused} refused, {unread} unreadable, {same} without effect");
    assert!(refused > 0);
}

#[test]
fn a_damaged_redo_is_none_or_the_one_before() {
    let path = tempfile::tempdir().unwrap();
    let mut folder = open(path.path());
    let redos = [1, 2].map(|epoch| redo(epoch, "count", vec![put("key", [epoch as u8; 100])]));
    for redo in &redos {
        folder.write_redo(redo).unwrap();
    }
    drop(folder);
    let newest = path.path().join("redo.0");
    let whole = fs::read(&newest).unwrap();
    assert_eq!(open(path.path()).redo().unwrap().as_ref(), Some(&redos[1]));
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        for bytes in [&damaged[..], &whole[..at]] {
            fs::write(&newest, bytes).unwrap();
            assert_eq!(open(path.path()).redo().unwrap().as_ref(), Some(&redos[0]), "byte {at}");
        }
    }
    fs::write(path.path().join("redo.1"), b"").unwrap();
    assert_eq!(open(path.path()).redo().unwrap(), None);
}

#[test]
fn states_that_lost_a_key_are_refused_when_they_are_counted() {
    let path = tempfile::tempdir().unwrap();
    filled(path.path());
    let db = sled::Config::new().path(path.path().join("sled")).open().unwrap();
    let (key, value) = db.scan_prefix("count\0").next().unwrap().unwrap();
    // Another value of the last key of the block.
    let mut another = value.to_vec();
    *another.last_mut().unwrap() ^= 1;
    let changed = [
        (None, "keys where"),
        (Some(&another[..]), "or others"),
        (Some(&b"another"[..]), "a block of its states is damaged"),
    ];
    for (value, word) in changed {
        match value {
            Some(value) => db.insert(&key, value).unwrap(),
            None => db.remove(&key).unwrap(),
        };
        db.flush().unwrap();
        let copied = tempfile::tempdir().unwrap();
        copy(path.path(), copied.path());
        let why = refused(copied.path());
        assert!(why.contains(word) && why.contains("squall state rebuild"), "{why}");
    }
    db.insert(&key, value).unwrap();
    // A block: nothing in common, a key of one byte, a value of two.
    db.insert("stranger\0key", b"\0\x01k\x02ab").unwrap();
    db.flush().unwrap();
    drop(db);
    let why = refused(path.path());
    assert!(why.contains("`stranger` has 1 keys where 0 were written"), "{why}");
}

#[test]
fn a_reader_reports_what_it_cannot_read() {
    // After the folder was closed under it, a view still reads: it keeps the folder.
    let path = tempfile::tempdir().unwrap();
    let mut folder = open(path.path());
    folder.apply(&redo(1, "count", vec![put("a", "1")])).unwrap();
    let reader = folder.reader();
    drop(folder);
    assert_eq!(reader.get("count", b"a").unwrap(), Some(b"1".to_vec()));
}
