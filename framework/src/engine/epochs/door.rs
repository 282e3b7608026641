//! The door of the spouts: open while an epoch takes messages in, shut while it ends.

use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicI64, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};

/// The door that all spouts of a topology look at. It has a number that rises each time it is
/// opened or shut: a spout that has seen an odd number hands nothing out in that turn, and by the
/// number it says for which shutting it has come to rest.
#[derive(Debug, Default)]
pub(crate) struct Door {
    number: AtomicU64,
    /// How many messages may still be handed out.
    left: AtomicI64,
    /// How many were, since the door was opened.
    taken: AtomicU64,
    /// The epoch that it was opened for.
    epoch: AtomicU64,
    /// One more than the place of the only spout that may hand anything out; 0 for all.
    only: AtomicU64,
    /// Whether what that spout hands out is a dead letter.
    condemned: AtomicBool,
    /// Bytes that sinks and states hold for the commit, roughly.
    pub(crate) bytes: Arc<AtomicU64>,
    /// Whether the input has ended, for what is fired now.
    pub(crate) last: AtomicBool,
}

impl Door {
    /// A door that is shut.
    pub(crate) fn shut_door() -> Arc<Self> {
        Arc::new(Door { number: AtomicU64::new(1), ..Door::default() })
    }

    /// Its number; it is open when that is even.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(SeqCst)
    }

    pub(crate) fn is_open(number: u64) -> bool {
        number.is_multiple_of(2)
    }

    /// Opens a door that is shut, for so many messages of this epoch.
    pub(crate) fn open(&self, epoch: u64, messages: u64) {
        if !Self::is_open(self.number()) {
            self.epoch.store(epoch, SeqCst);
            self.left.store(messages.min(i64::MAX as u64) as i64, SeqCst);
            self.taken.store(0, SeqCst);
            self.number.fetch_add(1, SeqCst);
        }
    }

    /// Shuts a door that is open.
    pub(crate) fn shut(&self) {
        if Self::is_open(self.number()) {
            self.number.fetch_add(1, SeqCst);
        }
    }

    /// The epoch of what is handed out.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(SeqCst)
    }

    /// Admits all spouts.
    pub(crate) fn admit_all(&self) {
        self.condemned.store(false, SeqCst);
        self.only.store(0, SeqCst);
    }

    /// Admits only the spout of this place among the spouts; when it is condemned, what it hands
    /// out becomes a dead letter.
    pub(crate) fn admit_only(&self, place: usize, condemned: bool) {
        self.condemned.store(condemned, SeqCst);
        self.only.store(place as u64 + 1, SeqCst);
    }

    /// Whether the spout of this place may hand anything out.
    pub(crate) fn admits(&self, place: usize) -> bool {
        let only = self.only.load(Relaxed);
        only == 0 || only == place as u64 + 1
    }

    /// Whether what the spout of this place hands out is a dead letter.
    pub(crate) fn condemns(&self, place: usize) -> bool {
        self.condemned.load(Relaxed) && self.only.load(Relaxed) == place as u64 + 1
    }

    /// Takes leave to hand out up to `messages` messages.
    pub(crate) fn take(&self, messages: usize) -> usize {
        let left = self.left.load(Relaxed);
        if left <= 0 || messages == 0 {
            return 0;
        }
        let wanted = messages.min(left as usize) as i64;
        let before = self.left.fetch_sub(wanted, SeqCst);
        let got = before.clamp(0, wanted);
        if got < wanted {
            self.left.fetch_add(wanted - got, SeqCst);
        }
        got as usize
    }

    /// Whether anything more may be handed out.
    #[cfg(test)]
    pub(crate) fn has_room(&self) -> bool {
        self.left.load(SeqCst) > 0
    }

    /// Of what `take` gave, `used` were handed out.
    pub(crate) fn used(&self, got: usize, used: usize) {
        self.taken.fetch_add(used as u64, SeqCst);
        self.left.fetch_add(got as i64 - used as i64, SeqCst);
    }

    /// Messages that were handed out since it was opened.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_opened_and_shut_once_at_a_time() {
        let door = Door::shut_door();
        let shut = door.number();
        door.shut();
        assert_eq!(door.number(), shut);
        door.open(7, 10);
        assert!(Door::is_open(door.number()));
        door.open(8, 20);
        assert_eq!((door.epoch(), door.take(100)), (7, 10), "it was open already");
        door.shut();
        assert_eq!(door.number(), shut + 2);
    }

    #[test]
    fn what_was_not_handed_out_is_given_back() {
        let door = Door::shut_door();
        door.open(1, 10);
        let got = door.take(6);
        door.used(got, 2);
        assert_eq!((door.taken(), door.take(100)), (2, 8));
        door.used(8, 8);
        assert_eq!((door.taken(), door.take(1)), (10, 0));
        // A spout may emit more than it was to.
        door.shut();
        door.open(2, 10);
        let got = door.take(6);
        door.used(got, 12);
        assert_eq!((door.taken(), door.take(1)), (12, 0));
    }

    #[test]
    fn spouts_on_many_threads_take_no_more_than_there_is() {
        let door = Door::shut_door();
        door.open(1, 1_000);
        let take = || {
            let mut all = 0;
            loop {
                let got = door.take(7);
                all += got as u64;
                door.used(got, got);
                if got == 0 {
                    return all;
                }
            }
        };
        let all: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        // One that found less than it wished for may have left the rest to nobody.
        let all = all + take();
        assert_eq!((all, door.taken()), (1_000, 1_000));
    }

    #[test]
    fn only_the_suspected_spout_is_admitted_and_condemned() {
        let door = Door::shut_door();
        door.admit_only(1, true);
        let of = |place| (door.admits(place), door.condemns(place));
        assert_eq!([of(0), of(1)], [(false, false), (true, true)]);
        door.admit_only(0, false);
        let of = |place| (door.admits(place), door.condemns(place));
        assert_eq!([of(0), of(1)], [(true, false), (false, false)]);
        door.admit_all();
        let of = |place| (door.admits(place), door.condemns(place));
        assert_eq!([of(0), of(1)], [(true, false), (true, false)]);
    }
}
