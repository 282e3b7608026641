//! Where spouts emit, and what is remembered of each source batch.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::Output;
use crate::{
    ack::{Failure, Settlements, Source, SourceWatch},
    engine::now_ns,
    error::Result,
    tuple::{IntoRow, MAX_ROWS, Schema, Tuple, TupleBatch, Value, ValueRef},
};

/// What is known of a source batch until it has ended.
#[derive(Debug, Default)]
pub(crate) struct SourceBatch {
    pub(crate) ids: Vec<u64>,
    /// Which delivery of each message this is; empty when all are the first.
    pub(crate) attempts: Vec<u32>,
    /// When the batch was opened, on the engine's clock.
    pub(crate) opened_ns: u64,
    pub(crate) watch: Option<SourceWatch>,
    /// The messages themselves, for a spout that cannot bring them back: a
    /// batch per stream, and for each message its stream and row there.
    kept: Vec<TupleBatch>,
    kept_at: Vec<(u32, u32)>,
}

impl SourceBatch {
    pub(crate) fn attempt(&self, place: usize) -> u32 {
        self.attempts.get(place).copied().unwrap_or(1)
    }

    /// The stream and values of a message that was kept.
    pub(crate) fn kept(&self, place: usize) -> Option<(usize, Vec<Value>)> {
        let (stream, row) = *self.kept_at.get(place)?;
        let tuple = self.kept.get(stream as usize)?.row(row as usize);
        Some((stream as usize, tuple.values().map(ValueRef::to_owned).collect()))
    }

    /// A message that was kept.
    pub(crate) fn kept_row(&self, place: usize) -> Option<Tuple<'_>> {
        let (stream, row) = *self.kept_at.get(place)?;
        Some(self.kept.get(stream as usize)?.row(row as usize))
    }

    pub(crate) fn keep(&mut self, schemas: &[Schema], stream: usize, row: &[ValueRef<'_>]) {
        if self.kept.is_empty() {
            self.kept.extend(schemas.iter().map(|schema| TupleBatch::new(schema.clone(), 0)));
        }
        let batch = &mut self.kept[stream];
        self.kept_at.push((stream as u32, batch.len() as u32));
        batch.push(row);
    }
}

/// Where a spout emits. Messages are numbered by the spout; the engine tells
/// it by these numbers what became of them.
pub struct SpoutOutput {
    pub(crate) out: Output,
    settlements: Option<Arc<Settlements>>,
    schemas: Vec<Schema>,
    keep: bool,
    open: Option<SourceBatch>,
    room: usize,
    /// Source batches that have not ended, by number from `first` on.
    flying: VecDeque<Option<SourceBatch>>,
    first: u64,
    /// Messages of those batches.
    in_flight: usize,
    spare_ids: Vec<Vec<u64>>,
    /// Messages that fail at once, for the reason that is known of them.
    pub(crate) poison: HashMap<u64, Failure>,
    /// The next message fails at once, for this reason. Set before each call of the spout.
    pub(crate) condemned: Option<Failure>,
}

impl SpoutOutput {
    /// Without `settlements` nobody waits for the messages: acks are off.
    pub(crate) fn new(
        out: Output,
        settlements: Option<Arc<Settlements>>,
        schemas: Vec<Schema>,
    ) -> Self {
        SpoutOutput {
            out,
            keep: true,
            settlements,
            schemas,
            open: None,
            room: 0,
            flying: VecDeque::new(),
            first: 0,
            in_flight: 0,
            spare_ids: Vec::new(),
            poison: HashMap::new(),
            condemned: None,
        }
    }

    /// How many messages may be emitted now. More is not an error, but holds
    /// more in memory than the topology allows.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room
    }

    /// Emits a message to the default stream. `id` comes back in
    /// [`Spout::ack`](crate::Spout::ack) or [`Spout::fail`](crate::Spout::fail).
    ///
    /// # Errors
    /// The row does not have as many values as the stream has fields.
    #[inline]
    pub fn emit(&mut self, id: u64, row: impl IntoRow) -> Result<()> {
        row.with(|row| self.emit_row(0, id, 1, row))
    }

    /// Emits a message to the stream of this index that has been delivered
    /// `attempt - 1` times before.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    #[inline]
    pub fn emit_again(
        &mut self,
        stream: usize,
        id: u64,
        attempt: u32,
        row: impl IntoRow,
    ) -> Result<()> {
        row.with(|row| self.emit_row(stream, id, attempt, row))
    }

    #[inline]
    pub(crate) fn emit_row(
        &mut self,
        stream: usize,
        id: u64,
        attempt: u32,
        row: &[ValueRef<'_>],
    ) -> Result<()> {
        self.room = self.room.saturating_sub(1);
        let Some(settlements) = &self.settlements else {
            return self.out.emit_row(stream, row);
        };
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let number = self.first + self.flying.len() as u64;
                let source = Source::new(number, settlements.clone());
                let open = none.insert(SourceBatch {
                    ids: self.spare_ids.pop().unwrap_or_default(),
                    opened_ns: now_ns(),
                    watch: Some(source.watch()),
                    ..SourceBatch::default()
                });
                self.out.anchor.begin_source(source);
                open
            }
        };
        let place = open.ids.len();
        self.out.anchor.set_place(place);
        if self.condemned.is_some() || !self.poison.is_empty() {
            let failure = self.condemned.take().or_else(|| self.poison.get(&id).cloned());
            match failure {
                Some(failure) => self.out.anchor.origins.source(0).fail(place as u32, failure),
                None => self.out.emit_row(stream, row)?,
            }
        } else {
            self.out.emit_row(stream, row)?;
        }
        open.ids.push(id);
        if attempt > 1 || !open.attempts.is_empty() {
            open.attempts.resize(place, 1);
            open.attempts.push(attempt);
        }
        if self.keep {
            open.keep(&self.schemas, stream, row);
        }
        if place + 1 == MAX_ROWS {
            self.seal();
        }
        Ok(())
    }

    /// Closes the open source batch: from now on it ends with its last hold.
    pub(crate) fn seal(&mut self) {
        if let Some(open) = self.open.take() {
            self.in_flight += open.ids.len();
            self.flying.push_back(Some(open));
            self.out.anchor.end().settle();
        }
    }

    /// Whether messages are kept until they are settled.
    pub(crate) fn set_keep(&mut self, keep: bool) {
        self.keep = keep;
    }

    pub(crate) fn set_room(&mut self, room: usize) {
        self.room = room;
    }

    /// The source batch of this number, which has ended.
    pub(crate) fn ended(&mut self, number: u64) -> Option<SourceBatch> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let batch = self.flying.get_mut(index)?.take()?;
        self.in_flight -= batch.ids.len();
        while let Some(None) = self.flying.front() {
            self.flying.pop_front();
            self.first += 1;
        }
        Some(batch)
    }

    /// Takes the memory of an ended batch back.
    pub(crate) fn reuse(&mut self, mut batch: SourceBatch) {
        if self.spare_ids.len() < 64 {
            batch.ids.clear();
            self.spare_ids.push(batch.ids);
        }
    }

    /// Drops what is on its way out. The batches that it was of end when everybody has.
    pub(crate) fn halt(&mut self) {
        self.seal();
        self.out.drop_all();
    }

    /// Forgets the batches that have not ended, and every number given so far.
    pub(crate) fn forget(&mut self) {
        self.first += self.flying.len() as u64;
        self.flying.clear();
        self.in_flight = 0;
    }

    /// How many messages have been emitted and not settled.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight + self.open.as_ref().map_or(0, |open| open.ids.len())
    }

    /// The source batches that have not ended, oldest first.
    pub(crate) fn flying(&self) -> impl Iterator<Item = &SourceBatch> {
        self.flying.iter().flatten()
    }
}

impl std::fmt::Debug for SpoutOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpoutOutput").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}
