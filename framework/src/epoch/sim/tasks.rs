//! The tasks of a simulated topology, as the coordinator sees them. They answer as the real ones
//! do: each in its own time.

use std::{
    any::Any,
    collections::VecDeque,
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use super::{
    bolt::{Fall, SimBolt},
    bolts::{BOLTS, Row, inputs, names},
    check::spout_id,
    queue::SimSource,
    spout::SimSpout,
    store::tables,
    world::Handle,
};
use crate::{
    engine::epochs::{BoltEpochs, Cut, DeadQueue, Door, Reply, StatePlace, assemble},
    epoch::{Frozen, ReplayableSource, Tasks},
    state::{Groups, StateReader},
};

/// What the coordinator asks of a task.
#[derive(Debug, Clone, Copy)]
enum Control {
    Cut { round: u64, next: u64 },
    Halt { round: u64 },
    Reset { epoch: u64 },
}

pub(super) struct SimTasks {
    handle: Handle,
    incarnation: u64,
    pub(super) door: Arc<Door>,
    sources: Vec<Arc<SimSource>>,
    spouts: Vec<SimSpout>,
    bolts: Vec<SimBolt>,
    /// Where the tasks of each bolt begin among all, and the end.
    starts: Vec<usize>,
    controls: Vec<VecDeque<Control>>,
    /// Until when each task is inside of a call that takes long.
    busy: Vec<Duration>,
    replies: Receiver<(u64, Reply)>,
    round: u64,
    cuts: Vec<Cut>,
    halted: usize,
    /// What fell, and when the supervisor says so.
    reports: Vec<(Duration, String)>,
    next: u64,
    room: usize,
}

impl SimTasks {
    pub(super) fn new(
        handle: &Handle,
        sources: Vec<Arc<SimSource>>,
        reader: &Arc<dyn StateReader>,
        door: Arc<Door>,
        (incarnation, epoch): (u64, u64),
    ) -> Self {
        let (sender, replies) = channel();
        let (plan, parallelism) = {
            let mut world = handle.world();
            let parallelism: Vec<usize> = BOLTS.iter().map(|_| world.rng.usize(1..=2)).collect();
            (world.plan.clone(), parallelism)
        };
        let dead = DeadQueue { topology: "simulated".into(), queue: "dead".into() };
        let (dead, tables, names): (_, Arc<[Arc<dyn Any + Send + Sync>]>, _) =
            (Arc::new(dead), tables().into(), names());
        let spouts = plan.sources + usize::from(plan.kept);
        let spouts: Vec<_> = (0..spouts)
            .map(|place| {
                let channels = (door.clone(), sender.clone(), dead.clone());
                let source = sources.get(place).cloned();
                SimSpout::new(handle.clone(), place, source, channels, plan.max_attempts)
            })
            .collect();
        let (mut bolts, mut starts) = (Vec::new(), Vec::new());
        for (bolt, parallelism) in parallelism.into_iter().enumerate() {
            starts.push(bolts.len());
            for index in 0..parallelism {
                let place = StatePlace {
                    reader: reader.clone(),
                    component: BOLTS[bolt].into(),
                    groups: Groups { index, parallelism },
                    inputs: inputs(),
                    memory: plan.memory,
                };
                let epochs =
                    BoltEpochs::new(place, door.clone(), sender.clone(), dead.clone(), epoch);
                let (tables, names) = (tables.clone(), names.clone());
                let task =
                    SimBolt::new(handle.clone(), bolt, epochs, sender.clone(), tables, names);
                bolts.push(task);
            }
        }
        starts.push(bolts.len());
        SimTasks {
            handle: handle.clone(),
            incarnation,
            door,
            sources,
            controls: (0..spouts.len() + bolts.len()).map(|_| VecDeque::new()).collect(),
            busy: vec![Duration::ZERO; spouts.len() + bolts.len()],
            spouts,
            bolts,
            starts,
            replies,
            round: 0,
            cuts: Vec::new(),
            halted: 0,
            reports: Vec::new(),
            next: 0,
            room: plan.room,
        }
    }

    /// The task that a row goes to, among the bolts.
    fn target(&self, row: &Row) -> usize {
        let (start, end) = (self.starts[row.to], self.starts[row.to + 1]);
        start + row.task(end - start)
    }

    /// The tasks that would do something now: spouts first, then bolts.
    pub(super) fn ready(&self, now: Duration, to: &mut Vec<usize>) {
        let has_way = |out: &VecDeque<Row>| {
            out.front().is_some_and(|row| self.bolts[self.target(row)].inbox.len() < self.room)
        };
        for (task, spout) in self.spouts.iter().enumerate() {
            if now < self.busy[task] {
                continue;
            }
            if !self.controls[task].is_empty() || spout.is_ready() || has_way(&spout.out) {
                to.push(task);
            }
        }
        for (index, bolt) in self.bolts.iter().enumerate() {
            let task = self.spouts.len() + index;
            if now < self.busy[task] {
                continue;
            }
            if !self.controls[task].is_empty() || bolt.is_ready(now) || has_way(&bolt.out) {
                to.push(task);
            }
        }
    }

    /// When something is due by itself.
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        let busy = self.busy.iter().copied().filter(|until| now < *until);
        self.bolts.iter().filter_map(SimBolt::due).chain(busy).min()
    }

    /// Gives a task its turn.
    pub(super) fn turn(&mut self, task: usize, now: Duration) {
        while let Some(control) = self.controls[task].pop_front() {
            self.obey(task, control);
        }
        self.deliver(task);
        if task < self.spouts.len() {
            if self.spouts[task].turn() {
                self.report(now, format!("spout {task}: a panic"));
            }
        } else {
            let index = task - self.spouts.len();
            if self.bolts[index].is_ready(now) {
                match self.bolts[index].turn(&mut self.spouts) {
                    Ok(()) => {}
                    Err(Fall::Lost(reason)) => self.report(now, reason),
                    Err(Fall::Death) => self.handle.die("a message"),
                }
            }
        }
        self.linger(task, now);
    }

    /// Some calls take long.
    fn linger(&mut self, task: usize, now: Duration) {
        let world = &mut *self.handle.world();
        if let Some(long) = world.faults.lingers(&mut world.rng) {
            self.busy[task] = now + long;
        }
    }

    fn report(&mut self, now: Duration, reason: String) {
        let mut world = self.handle.world();
        world.tell(|| format!("process {}: {reason}", self.handle.process));
        let later = Duration::from_micros(world.rng.u64(..3_000));
        self.reports.push((now + later, reason));
    }

    fn obey(&mut self, task: usize, control: Control) {
        let id = task as u32;
        match (self.spouts.get_mut(task), control) {
            (Some(spout), Control::Cut { round, next }) => spout.cut(round, id, next),
            (Some(spout), Control::Halt { round }) => spout.halt(round),
            (Some(spout), Control::Reset { epoch }) => spout.reset(epoch),
            (None, control) => {
                let bolt = &mut self.bolts[task - self.spouts.len()];
                match control {
                    Control::Cut { round, next } => bolt.cut(round, id, next),
                    Control::Halt { round } => bolt.halt(round),
                    Control::Reset { epoch } => bolt.reset(epoch),
                }
            }
        }
    }

    /// Sends what waits, as far as there is room.
    fn deliver(&mut self, task: usize) {
        loop {
            let out = match self.spouts.get(task) {
                Some(spout) => &spout.out,
                None => &self.bolts[task - self.spouts.len()].out,
            };
            let Some(target) = out.front().map(|row| self.target(row)) else { return };
            if self.bolts[target].inbox.len() >= self.room {
                return;
            }
            let row = match self.spouts.get_mut(task) {
                Some(spout) => spout.out.pop_front(),
                None => self.bolts[task - self.spouts.len()].out.pop_front(),
            };
            self.bolts[target].inbox.extend(row);
        }
    }

    fn tell_all(&mut self, control: impl Fn(u64) -> Control) {
        self.round += 1;
        self.cuts.clear();
        self.halted = 0;
        let control = control(self.round);
        self.controls.iter_mut().for_each(|controls| controls.push_back(control));
    }

    fn listen(&mut self) {
        while let Ok((round, reply)) = self.replies.try_recv() {
            if round == self.round {
                match reply {
                    Reply::Cut(cut) => self.cuts.push(*cut),
                    Reply::Halted => self.halted += 1,
                }
            }
        }
    }

    fn expect(&self, holds: bool, what: &str) {
        self.handle.world().check(holds, || what.to_owned());
    }

    fn rests(&self) -> bool {
        self.spouts.iter().all(|spout| spout.out.is_empty() && spout.at_rest == self.door.number())
            && self.bolts.iter().all(SimBolt::is_quiet)
    }

    /// What the epoch in hand has read, for the checks when it is committed.
    fn note_reads(&self, frozen: &Frozen) {
        let mut world = self.handle.world();
        let mut reads = Vec::new();
        for (spout, (id, ranges)) in frozen.read.iter().enumerate() {
            world.check(*id == spout_id(spout), || format!("what {id} read is out of place"));
            let messages = match self.sources.get(spout) {
                Some(_) => &world.queues[spout].messages,
                None => &world.kept.messages,
            };
            reads.extend(ranges.iter().cloned().flatten().map(|o| messages[o as usize]));
        }
        world.tell(|| format!("epoch {} has read {:?}", self.next - 1, frozen.read));
        if frozen.is_empty() {
            // It is not to be committed.
            return;
        }
        world.reads.insert((self.incarnation, self.next - 1), reads);
    }
}

impl Tasks for SimTasks {
    fn open(&mut self, epoch: u64, messages: u64) {
        let shut = !Door::is_open(self.door.number());
        self.expect(shut, "the door was opened twice");
        self.door.bytes.store(0, Relaxed);
        self.door.open(epoch, messages);
    }

    fn shut(&mut self) {
        self.door.shut();
    }

    fn is_drained(&mut self) -> bool {
        self.spouts.iter().all(|spout| spout.at_rest == self.door.number())
    }

    fn taken(&mut self) -> (u64, u64) {
        (self.door.taken(), self.door.bytes.load(Relaxed))
    }

    fn fire(&mut self, component: usize, last: bool) {
        let rests = self.rests();
        self.expect(rests, "a bolt was fired while rows were on their way");
        self.door.last.store(last, SeqCst);
        for task in self.starts[component]..self.starts[component + 1] {
            self.bolts[task].to_flush = true;
        }
    }

    fn components(&self) -> usize {
        BOLTS.len()
    }

    fn is_quiet(&mut self) -> bool {
        self.bolts.iter().all(SimBolt::is_quiet)
    }

    fn cut(&mut self, next: u64) {
        let rests = self.rests();
        self.expect(rests, "the epoch was cut while rows were on their way");
        self.next = next;
        self.tell_all(|round| Control::Cut { round, next });
    }

    fn collected(&mut self) -> Option<Frozen> {
        self.listen();
        if self.cuts.len() < self.controls.len() {
            return None;
        }
        let spouts = self.spouts.len();
        let frozen = assemble(&mut self.cuts, |task| {
            let spout = task as usize;
            (spout < spouts).then(|| spout_id(spout))
        });
        self.note_reads(&frozen);
        Some(frozen)
    }

    fn fallen(&mut self) -> Option<String> {
        let now = self.handle.world().now;
        let at = self.reports.iter().position(|(at, _)| *at <= now)?;
        Some(self.reports.remove(at).1)
    }

    fn halt(&mut self) {
        self.door.shut();
        self.tell_all(|round| Control::Halt { round });
    }

    fn is_halted(&mut self) -> bool {
        self.listen();
        self.halted == self.controls.len()
    }

    fn reset(&mut self, epoch: u64) -> Result<(), String> {
        let halted = self.spouts.iter().all(|spout| spout.is_halted)
            && self.bolts.iter().all(|bolt| bolt.is_halted);
        self.expect(halted, "the tasks were reset before all had halted");
        for source in &self.sources {
            source.rewind().map_err(|error| error.to_string())?;
        }
        self.handle.world().saw("an epoch begins anew");
        for bolt in &mut self.bolts {
            bolt.to_flush = false;
            bolt.inbox.clear();
        }
        self.controls.iter_mut().for_each(|all| all.push_back(Control::Reset { epoch }));
        Ok(())
    }
}
