//! The tasks of a running topology, as the coordinator sees them.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
        mpsc::Receiver,
    },
};

use parking_lot::Mutex;

use super::{
    door::Door,
    task::{Cut, Reply, assemble},
};
use crate::{
    engine::{edge::Edge, slot::Slot, system::Threads, task::Control},
    epoch::{Frozen, ReplayableSource, Tasks},
};

/// Why the epoch in hand has to begin anew, from the supervisor.
pub(crate) type Lost = Arc<Mutex<Option<String>>>;

/// The tasks of a running topology.
pub(crate) struct LiveTasks {
    pub(crate) slots: Vec<Arc<Slot>>,
    pub(crate) edges: Vec<Arc<Edge>>,
    pub(crate) threads: Arc<Threads>,
    pub(crate) door: Arc<Door>,
    pub(crate) replies: Receiver<(u64, Reply)>,
    pub(crate) lost: Lost,
    pub(crate) sources: Vec<(String, Arc<dyn ReplayableSource>)>,
    /// The tasks of each bolt, in topological order.
    pub(crate) bolts: Vec<Vec<u32>>,
    pub(crate) round: u64,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) halted: usize,
}

impl LiveTasks {
    fn tell_all(&mut self, control: impl Fn(u64) -> Control) {
        self.round += 1;
        self.cuts.clear();
        self.halted = 0;
        for slot in &self.slots {
            self.threads.send(slot.id, control(self.round));
        }
    }

    fn listen(&mut self) {
        while let Ok((round, reply)) = self.replies.try_recv() {
            if round != self.round {
                continue;
            }
            match reply {
                Reply::Cut(cut) => self.cuts.push(*cut),
                Reply::Halted => self.halted += 1,
            }
        }
    }

    /// Whether no spout has anything for now.
    pub(crate) fn spouts_are_idle(&self) -> bool {
        self.slots.iter().filter(|slot| slot.is_spout).all(|slot| slot.stats.lock().idle)
    }

    fn wake_spouts(&self) {
        self.slots.iter().filter(|slot| slot.is_spout).for_each(|slot| slot.signal.notify());
    }
}

impl Tasks for LiveTasks {
    fn open(&mut self, epoch: u64, messages: u64) {
        self.door.bytes.store(0, Relaxed);
        self.door.open(epoch, messages);
        self.wake_spouts();
    }

    fn shut(&mut self) {
        self.door.shut();
        self.wake_spouts();
    }

    fn is_drained(&mut self) -> bool {
        let door = self.door.number();
        self.slots.iter().filter(|slot| slot.is_spout).all(|slot| {
            let rests = slot.at_rest.load(SeqCst) == door;
            if !rests {
                slot.signal.notify();
            }
            rests
        })
    }

    fn taken(&mut self) -> (u64, u64) {
        (self.door.taken(), self.door.bytes.load(Relaxed))
    }

    fn fire(&mut self, component: usize, last: bool) {
        self.door.last.store(last, SeqCst);
        for task in &self.bolts[component] {
            self.slots[*task as usize].request_flush();
        }
    }

    fn components(&self) -> usize {
        self.bolts.len()
    }

    /// What is finished is counted before what was sent. A task counts a batch as finished only
    /// when all that came of it has been sent; so when both are equal there was a moment between
    /// the two counts at which nothing was on its way.
    fn is_quiet(&mut self) -> bool {
        if self.slots.iter().any(|slot| slot.is_to_flush()) {
            return false;
        }
        let finished: u64 = self.slots.iter().map(|slot| slot.finished.load(SeqCst)).sum();
        let sent: u64 = self.edges.iter().map(|edge| edge.sent()).sum();
        finished == sent
    }

    fn cut(&mut self, next: u64) {
        self.tell_all(|round| Control::Cut { round, next });
    }

    fn collected(&mut self) -> Option<Frozen> {
        self.listen();
        (self.cuts.len() == self.slots.len()).then(|| {
            let slots = &self.slots;
            assemble(&mut self.cuts, |task| {
                let slot = &slots[task as usize];
                slot.is_spout.then(|| slot.component.to_string())
            })
        })
    }

    fn fallen(&mut self) -> Option<String> {
        self.lost.lock().take()
    }

    fn halt(&mut self) {
        self.door.shut();
        self.tell_all(|round| Control::Halt { round });
    }

    fn is_halted(&mut self) -> bool {
        self.listen();
        self.halted == self.slots.len()
    }

    fn reset(&mut self, epoch: u64) -> Result<(), String> {
        for (spout, source) in &self.sources {
            source.rewind().map_err(|error| format!("`{spout}` cannot go back: {error}"))?;
        }
        for slot in &self.slots {
            slot.flush_is_done();
            slot.take_tick();
            slot.finished.store(0, SeqCst);
            slot.in_hand.store(0, SeqCst);
            slot.stats.lock().idle = false;
            let mut dropped = VecDeque::new();
            slot.inbox.take(&mut dropped);
        }
        self.edges.iter().for_each(|edge| edge.reset());
        self.lost.lock().take();
        for slot in &self.slots {
            self.threads.send(slot.id, Control::Reset { epoch });
        }
        Ok(())
    }
}
