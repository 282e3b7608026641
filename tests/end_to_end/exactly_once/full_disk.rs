//! The disk with queue and state is full for a while.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use squall_tests::{Place, Store, skipped, wait_until};

use super::shares::{assert_exact, run, send};

const SHARES: u64 = 60_000;
/// Long against a commit, which is made every 20 ms.
const STANDSTILL: Duration = Duration::from_secs(1);

/// A small disk of its own, gone at the end: a little more than what the queue wants to have free.
struct Disk(PathBuf);

impl Disk {
    /// `None`, with a message, where nobody may mount one.
    fn new(folder: PathBuf) -> Option<Disk> {
        std::fs::create_dir(&folder).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=400m", "tmpfs"])
            .arg(&folder)
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Disk(folder)),
            _ => {
                skipped("a full disk: this user may not mount a tmpfs");
                None
            }
        }
    }

    /// Takes all the room that is left, until the file is removed.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        let zeros = vec![0; 64 * 1024];
        while file.write_all(&zeros).is_ok() {}
        while file.write_all(&[0]).is_ok() {}
        path
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that was just killed may still have files there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn numbers_are_exact_over_a_full_disk() {
    let place = Place::new();
    let Some(disk) = Disk::new(place.path("small")) else { return };
    for store in Store::all(&place) {
        let data = disk.path().join(store.kind()).display().to_string();
        send(&place, &data, SHARES);
        let more = ["--until-idle", "--patience=60s"];
        let words = run("tests/topologies/totals.yaml", &data, &store.url(), &more);
        let mut running = place.start(&words);
        let added = || store.number("SELECT SUM(shares) FROM added");
        wait_until("the first commit", || added() > 0);

        let filler = disk.fill();
        let (mut last, mut since) = (added(), Instant::now());
        wait_until("nothing is committed any more", || {
            let now = added();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            since.elapsed() > STANDSTILL
        });
        assert!(last < SHARES, "it was over before the disk was full");
        if running.is_alive() {
            let refused = place.squall(&["send", "shares", "--file=shares.jsonl", "--data", &data]);
            assert!(refused.code(1).err.contains("sending is refused until there is room"));
        }

        std::fs::remove_file(filler).unwrap();
        let said = running.end();
        if said.code != Some(0) {
            // The states could not be written. They say so, and the next run finishes them.
            let said = said.code(4);
            assert!(said.err.contains("make room and start again"), "{}", said.err);
            let _ = place.squall(&words).code(0);
        }
        assert_exact(&store, SHARES);
    }
}
