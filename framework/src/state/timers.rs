//! Which places have a timer, in the order of their time.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use super::reader::StateReader;
use crate::error::Result;

/// So many timers are read from disk at a time.
const STEP: usize = 4096;
const TIMER: u8 = 1;

/// The timers of a task's places.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(i64, Arc<[u8]>)>);

impl Timers {
    /// All timers of these key groups.
    pub(super) fn load(reader: &dyn StateReader, component: &str, own: Range<u16>) -> Result<Self> {
        let mut timers = Timers::default();
        for group in own {
            let mut from = vec![TIMER, group as u8];
            let to = super::working::after_group(TIMER, group);
            loop {
                let read = reader.range(component, &from, &to, STEP)?;
                for (key, _) in &read {
                    if let Some((at, place)) = parse(key) {
                        timers.0.insert((at, place.into()));
                    }
                }
                match read.last() {
                    Some((last, _)) if read.len() == STEP => {
                        from.clone_from(last);
                        from.push(0);
                    }
                    _ => break,
                }
            }
        }
        Ok(timers)
    }

    /// The key on disk of a timer: the class, the group, the time so that it sorts, the place.
    pub(super) fn key(class: u8, at: i64, place: &[u8], to: &mut Vec<u8>) {
        to.clear();
        to.push(class);
        to.push(place.first().copied().unwrap_or_default());
        to.extend_from_slice(&((at as u64) ^ (1 << 63)).to_be_bytes());
        to.extend_from_slice(place);
    }

    pub(super) fn replace(&mut self, place: &Arc<[u8]>, old: Option<i64>, new: Option<i64>) {
        if let Some(old) = old {
            self.0.remove(&(old, place.clone()));
        }
        if let Some(new) = new {
            self.0.insert((new, place.clone()));
        }
    }

    /// The first timer that is due at `up_to` or before.
    pub(super) fn first(&self, up_to: i64) -> Option<(i64, Arc<[u8]>)> {
        self.0.first().filter(|(at, _)| *at <= up_to).cloned()
    }
}

fn parse(key: &[u8]) -> Option<(i64, &[u8])> {
    let (head, place) = key.split_at_checked(10)?;
    let at = u64::from_be_bytes(*head[2..].first_chunk::<8>()?);
    Some(((at ^ (1 << 63)) as i64, place))
}
