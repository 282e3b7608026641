//! The one thread that writes: group commit.
//!
//! It takes everything that is waiting, joins small sends to one queue into frames, writes all
//! frames at once, flushes the disk once, applies the new messages to the state and answers
//! everyone.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use squall_durable::{Appender, FrameHead, HEADER_BYTES, LogError, Place};

use crate::cell::{Cell, Wakes};
use crate::confirm::{Answer, Sent};
use crate::error::{Error, Result};
use crate::inbox::{Op, Pending};
use crate::ledger::{Changes, Meta};
use crate::message::MessageId;
use crate::payload::{FRAME_MESSAGES, FRAME_TARGET};
use crate::record::{CONTROL, COPY, DELAYED, EXTENDS, MESSAGES, MOVES, Record};
use crate::replay;
use crate::shared::Shared;

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) appender: Appender,
    pub(crate) ledger: Option<mpsc::SyncSender<(Changes, Meta)>>,
    /// Records that found no room.
    pub(crate) carried: Vec<Vec<u8>>,
    /// Bytes of log since the ledger was last told.
    pub(crate) behind: u64,
    pub(crate) group: Group,
    /// The segment that was current when the log was last tidied.
    pub(crate) tidied: u32,
}

/// What the current group commit has done so far.
#[derive(Default)]
pub(crate) struct Group {
    /// Small sends that wait to be joined, by queue.
    joins: HashMap<u32, Join>,
    effects: Vec<Effect>,
    answers: Vec<(Answer, Result<Sent>)>,
}

struct Join {
    cell: Arc<Cell>,
    kind: u8,
    first: u64,
    count: u32,
    bytes: Vec<u8>,
    /// Whose messages are in it, by index in `answers`.
    answers: Vec<usize>,
}

/// What becomes true when the group is on disk.
pub(crate) struct Effect {
    pub(crate) cell: Arc<Cell>,
    pub(crate) place: Place,
    pub(crate) head: FrameHead,
    pub(crate) due_ms: u64,
    pub(crate) records: Vec<Record>,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        appender: Appender,
        ledger: Option<mpsc::SyncSender<(Changes, Meta)>>,
    ) -> Self {
        Self {
            shared,
            appender,
            ledger,
            carried: Vec::new(),
            behind: 0,
            group: Group::default(),
            tidied: 0,
        }
    }

    pub(crate) fn run(mut self) {
        let _last = LastWords(Arc::clone(&self.shared));
        let mut last = 0;
        while let Some(pending) = self.shared.inbox.take(last, Duration::from_secs(1)) {
            last = pending.ops.len() + pending.answers.len();
            self.commit(pending);
            if self.behind >= self.shared.options.checkpoint_bytes {
                self.checkpoint(false);
            }
            self.tidy();
        }
        if self.shared.stopped.lock().is_none() {
            self.checkpoint(true);
        }
    }

    fn commit(&mut self, pending: Pending) {
        if let Some(error) = self.shared.stopped.lock().clone() {
            pending.answers.into_iter().for_each(|answer| answer.give(Err(error.clone())));
            for op in pending.ops {
                if let Op::Send { answer, .. } | Op::Move { answer: Some(answer), .. } = op {
                    answer.give(Err(error.clone()));
                }
            }
            return;
        }
        let start = self.appender.end();
        let sync = pending.sync || !pending.ops.is_empty();
        let control = self.write_control(pending.control, pending.touched);
        for answer in pending.answers {
            self.group
                .answers
                .push((answer, control.clone().map(|()| Sent { first: MessageId(0), count: 0 })));
        }
        for op in pending.ops {
            match op {
                Op::Send { cell, batch, numbered: None, answer } => {
                    self.take_batch(&cell, batch, answer)
                }
                Op::Send { cell, batch, numbered: Some(numbered), answer } => {
                    self.take_once(&cell, &batch, &numbered, answer)
                }
                Op::Move { from, group, to, items, again, answer } => {
                    let result = self.take_moves(&from, group, &to, items, again);
                    self.answer(answer, result);
                }
                Op::Fire { cell, first } => self.take_due(&cell, first),
            }
        }
        for (_, join) in mem::take(&mut self.group.joins) {
            self.write_join(join);
        }
        if self.appender.buffered() == 0
            && self.group.answers.is_empty()
            && self.group.effects.is_empty()
        {
            return;
        }
        let flushed = self.appender.flush(sync && self.shared.options.sync).map_err(error_of);
        let group = mem::take(&mut self.group);
        let end = self.appender.end();
        self.behind += if end.segment == start.segment {
            end.at - start.at
        } else {
            end.at + self.shared.options.segment_bytes
                - start.at.min(self.shared.options.segment_bytes)
        };
        match flushed {
            Ok(()) => {
                let wakes = self.apply(group.effects);
                for (answer, result) in group.answers {
                    answer.give(result);
                }
                wakes.call();
            }
            Err(error) => {
                tracing::error!(folder = %self.shared.folder.display(), %error, "the store has stopped writing");
                let error = Error::Stopped(error.to_string());
                *self.shared.stopped.lock() = Some(error.clone());
                group.answers.into_iter().for_each(|(answer, _)| answer.give(Err(error.clone())));
            }
        }
        self.shared.measure_room();
    }

    /// Writes records; those that find no room are kept for the next time.
    fn write_control(
        &mut self,
        control: Vec<Vec<u8>>,
        touched: std::collections::HashSet<u32>,
    ) -> Result<()> {
        for id in touched {
            if let Some(cell) = self.shared.cell(id) {
                let mut state = cell.change();
                state.first_control = state.first_control.min(self.appender.end().segment);
            }
        }
        let mut frames = mem::take(&mut self.carried);
        frames.extend(control);
        let mut result = Ok(());
        let time = self.shared.now();
        for bytes in frames {
            let head = FrameHead { kind: CONTROL, count: 1, time, ..FrameHead::default() };
            if result.is_ok() {
                result =
                    self.appender.push(&head, &[&bytes]).map(|_| ()).map_err(|e| self.no_room(e));
            }
            if result.is_err() {
                self.carried.push(bytes);
            }
        }
        result
    }

    fn take_batch(&mut self, cell: &Arc<Cell>, batch: crate::batch::Batch, answer: Answer) {
        let index = self.group.answers.len();
        let count = batch.len() as u64;
        let first = {
            let mut state = cell.change();
            if state.deleted {
                answer.give(Err(Error::QueueDeleted(cell.name.clone())));
                return;
            }
            let first = state.next;
            state.next += count;
            first
        };
        self.group.answers.push((answer, Ok(Sent { first: MessageId(first), count })));
        let mut next = first;
        for chunk in batch.chunks {
            let kind = if chunk.delayed { DELAYED } else { MESSAGES };
            let end = next + u64::from(chunk.count);
            if let Some(join) = self.group.joins.get_mut(&cell.id) {
                let fits = join.kind == kind
                    && join.first + u64::from(join.count) == next
                    && join.count + chunk.count <= FRAME_MESSAGES
                    && join.bytes.len() + chunk.bytes.len() <= FRAME_TARGET;
                if fits {
                    join.bytes.extend_from_slice(&chunk.bytes);
                    join.count += chunk.count;
                    join.answers.push(index);
                    next = end;
                    continue;
                }
            }
            let join = Join {
                cell: Arc::clone(cell),
                kind,
                first: next,
                count: chunk.count,
                bytes: chunk.bytes,
                answers: vec![index],
            };
            if let Some(full) = self.group.joins.insert(cell.id, join) {
                self.write_join(full);
            }
            next = end;
        }
    }

    /// Writes what waits to be joined for a queue, before something else is written that must
    /// come behind it: a consumer that has seen a later message takes earlier ones for settled.
    pub(crate) fn finish_join(&mut self, cell: &Cell) {
        if let Some(join) = self.group.joins.remove(&cell.id) {
            self.write_join(join);
        }
    }

    fn write_join(&mut self, join: Join) {
        let head = FrameHead {
            kind: join.kind,
            count: join.count,
            first: join.first,
            ..FrameHead::default()
        };
        if let Err(error) = self.write_messages(&join.cell, head, &[&join.bytes], Vec::new()) {
            for index in join.answers {
                self.group.answers[index].1 = Err(error.clone());
            }
        }
    }

    /// Writes a frame of messages; `records` take effect with it.
    pub(crate) fn write_messages(
        &mut self,
        cell: &Arc<Cell>,
        mut head: FrameHead,
        parts: &[&[u8]],
        records: Vec<Record>,
    ) -> Result<()> {
        (head.owner, head.time) = (cell.id, self.shared.now());
        let mut moves = Vec::new();
        if !records.is_empty() {
            head.flags |= MOVES;
            moves.extend_from_slice(&[0; 4]);
            records.iter().for_each(|record| record.encode(&mut moves));
            let len = (moves.len() - 4) as u32;
            moves[..4].copy_from_slice(&len.to_le_bytes());
        }
        let mut all: Vec<&[u8]> = vec![&moves];
        all.extend_from_slice(parts);
        let bytes: usize = all.iter().map(|part| part.len()).sum();
        if head.kind == MESSAGES && self.appender.fits(bytes) {
            let extends = cell.look().extends(
                self.appender.end(),
                head.first,
                head.count,
                (HEADER_BYTES + bytes) as u64,
            );
            head.flags |= if extends { EXTENDS } else { 0 };
        }
        let place = self.appender.push(&head, &all).map_err(|e| self.no_room(e))?;
        head.length = bytes as u32;
        let due_ms = if head.kind == DELAYED { replay::earliest(&head, &all.concat()) } else { 0 };
        for record in &records {
            if let Some(source) = self.shared.cell(record.queue()) {
                let mut state = source.change();
                state.first_control = state.first_control.min(place.segment);
            }
        }
        self.group.effects.push(Effect { cell: Arc::clone(cell), place, head, due_ms, records });
        Ok(())
    }

    pub(crate) fn answer(&mut self, answer: Option<Answer>, result: Result<Sent>) {
        self.group.answers.extend(answer.map(|answer| (answer, result)));
    }

    /// Makes visible what is now on disk.
    pub(crate) fn apply(&mut self, effects: Vec<Effect>) -> Wakes {
        let mut wakes = Wakes::default();
        let now = self.shared.now();
        for effect in effects {
            let (own, others): (Vec<_>, Vec<_>) =
                effect.records.iter().partition(|record| record.queue() == effect.cell.id);
            for record in others {
                replay::settle_source(&self.shared, record, now);
            }
            let mut state = effect.cell.change();
            let copy = effect.head.flags & COPY != 0;
            // Of a block that was settled while it was copied there is nothing left to place.
            let gone = copy
                && effect.head.kind == MESSAGES
                && state.blocks.holding(effect.head.first).is_none();
            if state.deleted || gone {
                continue;
            }
            // Together, so that nobody sees a message that was delayed neither there nor here.
            for record in own {
                replay::apply(&mut state, record, now);
            }
            match effect.head.kind {
                DELAYED => state.add_delayed(effect.place, &effect.head, effect.due_ms),
                _ => state.add(effect.place, &effect.head, now),
            }
            self.shared.schedule(&mut state);
            wakes.extend(effect.cell.wake(&mut state));
        }
        wakes
    }

    pub(crate) fn no_room(&self, error: LogError) -> Error {
        if error.kind() == Some(std::io::ErrorKind::StorageFull) {
            let free = self.shared.measure_room();
            return Error::DiskFull {
                free,
                min_free: self.shared.options.min_free.max(self.shared.options.segment_bytes),
            };
        }
        error_of(error)
    }
}

/// However the writer ends, nobody waits for it afterwards.
struct LastWords(Arc<Shared>);

impl Drop for LastWords {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.stopped.lock() = Some(Error::Stopped("the writer panicked".into()));
        }
        self.0.inbox.close();
        // Dropping an answer gives it.
        drop(self.0.inbox.drain());
    }
}

pub(crate) fn error_of(error: LogError) -> Error {
    match error {
        LogError::Io { action, path, source } => {
            Error::io(format!("cannot {action} {}", path.display()), &source)
        }
        LogError::NewerFormat { path, found, supported } => {
            Error::NewerFormat { path, found, supported }
        }
    }
}
