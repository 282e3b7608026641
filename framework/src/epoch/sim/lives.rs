//! How processes come and go.

use std::time::Duration;

use super::{
    check,
    process::{Over, Process},
    run::Sim,
};

impl Sim {
    pub(super) fn begin(&mut self, folder: usize) {
        let number = self.next_process;
        self.next_process += 1;
        self.world.lock().tell(|| format!("process {number} begins with folder {folder}"));
        self.processes.push(Process::new(&self.world, number, folder));
        self.current = Some(number);
    }

    pub(super) fn current(&self) -> Option<&Process> {
        self.processes.iter().find(|process| Some(process.handle.process) == self.current)
    }

    /// Takes processes away that are dead or over, and begins a new one when there is none.
    pub(super) fn bury(&mut self, now: Duration) -> Result<(), String> {
        let mut at = 0;
        while at < self.processes.len() {
            let process = &self.processes[at];
            let over = process.over().cloned();
            if over.is_none() && !process.handle.is_dead() {
                at += 1;
                continue;
            }
            let over = over.filter(|_| !process.handle.is_dead());
            let (number, folder) = (process.handle.process, process.handle.folder);
            let incarnation = process.incarnation;
            let ending = process.ending;
            if over != Some(Over::InOrder) || process.ended_late {
                self.lossy.insert(number);
            }
            self.processes.remove(at);
            let mut world = self.world.lock();
            world.store.cut_off(number);
            world.tell(|| format!("process {number} is over: {over:?}"));
            let record = world.store.record.clone();
            let is_current = record.incarnation == incarnation;
            let fits = world.folders[folder].goes_with(record.epoch, &record.commit_id);
            match &over {
                Some(Over::Refused(reason)) if is_current && fits => {
                    return Err(format!("process {number} could not begin: {reason}"));
                }
                Some(Over::Refused(_)) => world.saw("refused"),
                Some(Over::Fenced(reason)) if is_current => {
                    return Err(format!("process {number} was ended: {reason}"));
                }
                Some(Over::Fenced(_)) => world.saw("fenced"),
                Some(Over::InOrder) if is_current && ending == Some(true) => {
                    check::ended_with_input(&mut world);
                }
                Some(Over::InOrder | Over::Failed(_)) | None => {}
            }
            if self.current == Some(number) {
                self.current = None;
                self.restart = now + Duration::from_micros(world.rng.u64(..20_000));
            }
            drop(world);
            self.ended = over;
        }
        if self.current.is_none() && now >= self.restart && !self.is_finished() {
            let folder = match self.wrong_folder() {
                Some(wrong) => wrong,
                None => self.right_folder()?,
            };
            // The folder has a lock.
            self.end(|process| process.handle.folder == folder);
            self.begin(folder);
        }
        Ok(())
    }

    /// Ends processes that somebody took over from.
    pub(super) fn end(&mut self, which: impl Fn(&Process) -> bool) {
        let all = std::mem::take(&mut self.processes).into_iter();
        let (out, left): (Vec<_>, Vec<_>) = all.partition(which);
        self.processes = left;
        for process in out {
            self.world.lock().store.cut_off(process.handle.process);
            self.lossy.insert(process.handle.process);
        }
    }

    /// Now and then somebody takes one of the folders without thinking.
    fn wrong_folder(&self) -> Option<usize> {
        let world = &mut *self.world.lock();
        let folders = world.folders.len();
        let careless = world.faults.on && folders > 1 && world.rng.u8(..4) == 0;
        careless.then(|| world.rng.usize(..folders))
    }

    /// A folder that goes with the store.
    fn right_folder(&self) -> Result<usize, String> {
        let mut world = self.world.lock();
        if world.folders.len() == 1 {
            // If it does not, the process cannot begin.
            return Ok(0);
        }
        world.resolve_ghost();
        let record = world.store.record.clone();
        let fits =
            |folder: &usize| world.folders[*folder].goes_with(record.epoch, &record.commit_id);
        let right: Vec<usize> = (0..world.folders.len()).filter(fits).collect();
        if right.is_empty() {
            return Err(format!("no state folder goes with {record:?}"));
        }
        Ok(right[world.rng.usize(..right.len())])
    }
}
