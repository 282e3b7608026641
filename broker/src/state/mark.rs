//! What a queue has of those who send each batch once only.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::codec::{Malformed, Reader, put_str, put_u64};
use crate::error::{Error, Result};

/// So many producers are remembered by a queue: all of them are in its header.
const MAX_PRODUCERS: usize = 1_000;

/// The last batch of each producer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks(BTreeMap<String, Mark>);

/// The last batch of one producer, and which of its messages are in the log. Those that are not
/// were cut off by a crash, or by a disk without room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mark {
    number: u64,
    /// Messages of the batch.
    total: u64,
    /// Those that are there, by their place in the batch: sorted, without overlaps.
    done: Vec<Range<u64>>,
}

impl Marks {
    /// The number of the last batch of a producer.
    pub(crate) fn last(&self, producer: &str) -> Option<u64> {
        self.0.get(producer).map(|mark| mark.number)
    }

    /// Which messages of a batch of `total` are still to be sent, by their place in it.
    #[allow(clippy::single_range_in_vec_init)]
    pub(crate) fn missing(
        &self,
        queue: &str,
        producer: &str,
        number: u64,
        total: u64,
    ) -> Result<Vec<Range<u64>>> {
        let mark = match self.0.get(producer) {
            Some(mark) if mark.number > number => return Ok(Vec::new()),
            Some(mark) if mark.number == number => mark,
            None if self.0.len() >= MAX_PRODUCERS => {
                return Err(Error::TooManyProducers {
                    queue: queue.to_owned(),
                    count: MAX_PRODUCERS,
                });
            }
            _ => return Ok(vec![0..total]),
        };
        if mark.total != total {
            return Err(Error::OtherBatch {
                producer: producer.to_owned(),
                number,
                had: mark.total,
                given: total,
            });
        }
        let ends = mark.done.iter().map(|range| range.end);
        let starts = mark.done.iter().map(|range| range.start);
        let gaps = std::iter::once(0).chain(ends).zip(starts.chain([total]));
        Ok(gaps.map(|(from, to)| from..to).filter(|gap| !gap.is_empty()).collect())
    }

    /// These messages of a batch are in the log.
    pub(crate) fn note(&mut self, producer: &str, number: u64, part: &Range<u64>, total: u64) {
        let new = || Mark { number, total, done: Vec::new() };
        let mark = self.0.entry(producer.to_owned()).or_insert_with(new);
        if number > mark.number {
            *mark = new();
        }
        if number == mark.number {
            mark.add(part);
        }
    }

    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        put_u64(to, self.0.len() as u64);
        for (producer, mark) in &self.0 {
            put_str(to, producer);
            for number in [mark.number, mark.total, mark.done.len() as u64] {
                put_u64(to, number);
            }
            for range in &mark.done {
                put_u64(to, range.start);
                put_u64(to, range.end);
            }
        }
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut marks = BTreeMap::new();
        for _ in 0..from.u64()? {
            let producer = from.string()?;
            let mut mark = Mark { number: from.u64()?, total: from.u64()?, ..Mark::default() };
            for _ in 0..from.u64()? {
                mark.done.push(from.u64()?..from.u64()?);
            }
            marks.insert(producer, mark);
        }
        Ok(Self(marks))
    }
}

impl Mark {
    fn add(&mut self, part: &Range<u64>) {
        self.done.push(part.clone());
        self.done.sort_unstable_by_key(|range| range.start);
        self.done.dedup_by(|next, range| {
            let joined = next.start <= range.end;
            if joined {
                range.end = range.end.max(next.end);
            }
            joined
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)]
    use super::*;

    #[test]
    fn what_is_missing_is_what_was_not_noted() {
        let mut marks = Marks::default();
        let missing = |marks: &Marks, number| marks.missing("q", "p", number, 10).unwrap();
        assert_eq!(missing(&marks, 5), [0..10]);
        marks.note("p", 5, &(6..8), 10);
        marks.note("p", 5, &(0..2), 10);
        assert_eq!(missing(&marks, 5), [2..6, 8..10]);
        marks.note("p", 5, &(2..6), 10);
        marks.note("p", 5, &(2..6), 10);
        assert_eq!(missing(&marks, 5), [8..10]);
        assert!(matches!(marks.missing("q", "p", 5, 9), Err(Error::OtherBatch { .. })));
        marks.note("p", 5, &(8..10), 10);
        assert!(missing(&marks, 5).is_empty() && missing(&marks, 4).is_empty());
        assert_eq!(missing(&marks, 6), [0..10]);
        // Said again when the next batch has begun.
        marks.note("p", 7, &(0..3), 10);
        marks.note("p", 5, &(8..10), 10);
        assert_eq!((missing(&marks, 7), marks.last("p")), (vec![3..10], Some(7)));
        let mut bytes = Vec::new();
        marks.encode(&mut bytes);
        assert_eq!(Marks::decode(&mut Reader(&bytes)).unwrap(), marks);
    }
}
