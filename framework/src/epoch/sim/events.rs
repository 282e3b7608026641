//! What happens to processes and to the store by chance.

use std::time::Duration;

use super::{process::Process, run::Sim};

impl Sim {
    /// Something happens to a process, or to the store.
    pub(super) fn event(&mut self, now: Duration) {
        let (kind, epoch) = {
            let mut world = self.world.lock();
            let longest = world.plan.dangers.event_us.unwrap_or(1_000);
            self.event_at = Some(now + Duration::from_micros(world.rng.u64(0..=longest)));
            (world.rng.u8(..9), world.store.record.epoch)
        };
        match kind {
            0..2 => {
                let mut world = self.world.lock();
                let away = Duration::from_micros(world.rng.u64(..100_000));
                world.store.away_until = now + away;
                world.saw("the store is away");
                world.tell(|| format!("the store is away for {away:?}"));
            }
            2..4 => {
                if let Some(process) = self.current()
                    && self.world.lock().faults.may_die(epoch)
                {
                    process.handle.die("by chance");
                }
            }
            4 => self.take_over(),
            5 => self.world.lock().resolve_ghost(),
            6 => self.processes.iter_mut().for_each(Process::request),
            _ => self.finish(),
        }
    }

    /// Asks the current process to end in order.
    fn finish(&mut self) {
        let current = self.current;
        let mut processes = self.processes.iter_mut();
        let Some(process) = processes.find(|p| Some(p.handle.process) == current) else { return };
        if !process.is_running() || process.ending.is_some() {
            return;
        }
        let mut world = self.world.lock();
        world.saw("an end in order");
        let last = world.rng.u8(..4) == 0;
        world.tell(|| format!("process {} is to end, last {last}", process.handle.process));
        drop(world);
        process.finish(last);
    }

    /// A second process begins with a copy of the folder, while the first one is still alive.
    fn take_over(&mut self) {
        let ([process], Some(_)) = (&self.processes[..], self.current) else { return };
        let mut world = self.world.lock();
        let epoch = world.store.record.epoch;
        if !process.is_running() || world.plan.poison > 0 || !world.faults.may_die(epoch) {
            return;
        }
        world.saw("a process is taken over from");
        let copy = world.folders[process.handle.folder].copy();
        world.folders.push(copy);
        let folder = world.folders.len() - 1;
        drop(world);
        self.begin(folder);
    }
}
