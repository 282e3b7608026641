//! The ledger: the state of all queues as it was at some place in the log, on sled.
//!
//! One tree. Keys are a letter, numbers in big-endian order and a part number, since values
//! stay below 4 KiB (sled puts large values into files that it never syncs):
//!
//! ```text
//! M                                  format version, place in the log, clock, counters, hash
//! Q queue                            header of a queue
//! G queue group                      header of a group
//! O queue group first                an open block
//! B queue first                      a page of blocks
//! D queue first                      a frame of delayed messages
//! X queue                            a deleted queue of which the log still has frames
//! ```
//!
//! sled may lose entries without an error. So `M` carries the number of all other entries and
//! the exclusive-or of their hashes, and a ledger that does not add up is not believed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use squall_durable::Place;
use squall_durable::tame::{self, OpenFault};
use xxhash_rust::xxh3::xxh3_64;

use crate::codec::{Malformed, Reader, put_u64};
use crate::error::{Error, Result};

/// 2: what was sent once only, which a version that does not know it would forget.
const VERSION: u64 = 2;
const META: &[u8] = b"M";
const PART: usize = 4_000;

/// Where the ledger stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Meta {
    /// Everything before is in the ledger.
    pub(crate) place: Place,
    pub(crate) clock_ms: u64,
    pub(crate) next_queue: u32,
    /// The nonce of the log that it belongs to.
    pub(crate) nonce: u64,
}

/// Entries by key; without the part numbers.
pub(crate) type Entries = Vec<(Vec<u8>, Vec<u8>)>;
/// What changed: new values, or `None` for entries that are gone.
pub(crate) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// What reading a whole ledger gives; the words say why it cannot be believed.
type Loaded = Result<Option<(Meta, Entries)>, String>;

/// An open ledger and what it had.
pub(crate) struct Opened {
    pub(crate) ledger: Ledger,
    pub(crate) found: Option<(Meta, Entries)>,
    /// Why an older one was set aside.
    pub(crate) note: Option<String>,
}

pub(crate) struct Ledger {
    db: sled::Db,
    hashes: HashMap<Vec<u8>, (u64, u8)>,
    sum: u64,
}

impl Ledger {
    /// Opens the ledger in `folder` and reads all of it; the words say why nothing could be used:
    /// then the old one has been set aside and this one is empty.
    pub(crate) fn open(folder: &Path, cache: u64, nonce: u64) -> Result<Opened> {
        let why = match tame::open(folder, || Self::read(folder, cache, nonce)) {
            Ok((ledger, Ok(found))) => return Ok(Opened { ledger, found, note: None }),
            Ok((ledger, Err(why))) => {
                drop(ledger);
                why
            }
            Err(OpenFault::InUse(why)) => return Err(Error::Ledger(why)),
            Err(OpenFault::Unusable(why)) => why,
        };
        if let Some(version) = why.strip_prefix("version ") {
            let found = version.parse().unwrap_or(u32::MAX);
            return Err(Error::NewerFormat {
                path: folder.to_owned(),
                found,
                supported: VERSION as u32,
            });
        }
        let aside = Self::set_aside(folder)?;
        let note = format!(
            "the ledger was not usable ({why}); it is set aside as {} and rebuilt from the log",
            aside.display()
        );
        let (ledger, _) =
            tame::quietly(|| Self::read(folder, cache, nonce)).map_err(Error::Ledger)?;
        Ok(Opened { ledger, found: None, note: Some(note) })
    }

    /// Keeps what is there for inspection, out of the way.
    pub(crate) fn set_aside(folder: &Path) -> Result<PathBuf> {
        let aside = free_name(folder);
        fs::rename(folder, &aside)
            .map_err(|e| Error::io(format!("cannot set aside {}", folder.display()), &e))?;
        Ok(aside)
    }

    fn read(folder: &Path, cache: u64, nonce: u64) -> Result<(Self, Loaded), String> {
        let config =
            sled::Config::new().path(folder).cache_capacity(cache).mode(sled::Mode::HighThroughput);
        let db = config.flush_every_ms(None).open().map_err(|e| e.to_string())?;
        let mut ledger = Self { db, hashes: HashMap::new(), sum: 0 };
        let found = ledger.load(nonce);
        Ok((ledger, found))
    }

    fn load(&mut self, nonce: u64) -> Loaded {
        let mut entries: Entries = Vec::new();
        let (mut meta, mut parts) = (None, 0_u64);
        for item in self.db.iter() {
            let (key, value) = item.map_err(|e| e.to_string())?;
            if key == META {
                meta = Some(value);
                continue;
            }
            let Some((&part, base)) = key.split_last() else { return Err("an empty key".into()) };
            parts += 1;
            self.sum ^= hash(&key, &value);
            let held = self.hashes.entry(base.to_vec()).or_default();
            *held = (held.0 ^ hash(&key, &value), held.1.max(part));
            match entries.last_mut() {
                Some((last, joined)) if part > 0 && last == base => {
                    joined.extend_from_slice(&value)
                }
                _ => entries.push((base.to_vec(), value.to_vec())),
            }
        }
        let Some(meta) = meta else {
            return if parts == 0 { Ok(None) } else { Err("its counters are missing".into()) };
        };
        let (meta, count, sum) = decode_meta(&meta)
            .map_err(|why| why.unwrap_or_else(|| "its counters are damaged".into()))?;
        if (count, sum) != (parts, self.sum) {
            return Err(format!("it has {parts} entries where {count} were written, or others"));
        }
        if meta.nonce != nonce {
            return Err("it belongs to another log".into());
        }
        Ok(Some((meta, entries)))
    }

    /// Brings the ledger up to date, all at once.
    pub(crate) fn apply(&mut self, changes: Changes, meta: &Meta) -> Result<()> {
        let mut batch = sled::Batch::default();
        for (base, value) in changes {
            let old = self.hashes.remove(&base);
            if let Some((hash, last)) = old {
                self.sum ^= hash;
                let kept = value.as_ref().map_or(0, |v| v.len().div_ceil(PART).max(1));
                for part in kept..=usize::from(last) {
                    batch.remove(with_part(&base, part as u8));
                }
            }
            let Some(value) = value else { continue };
            let mut held = (0, 0);
            let empty: [&[u8]; 1] = [&[]];
            let parts: Vec<&[u8]> =
                if value.is_empty() { empty.to_vec() } else { value.chunks(PART).collect() };
            if parts.len() > 255 {
                return Err(Error::Ledger("a value of a queue is larger than a megabyte".into()));
            }
            for (part, bytes) in parts.into_iter().enumerate() {
                let key = with_part(&base, part as u8);
                held = (held.0 ^ hash(&key, bytes), part as u8);
                batch.insert(key, bytes);
            }
            self.sum ^= held.0;
            self.hashes.insert(base, held);
        }
        let count: u64 = self.hashes.values().map(|(_, last)| u64::from(*last) + 1).sum();
        batch.insert(META, encode_meta(meta, count, self.sum));
        tame::quietly(|| {
            self.db.apply_batch(batch).map_err(|e| e.to_string())?;
            self.db.flush().map(|_| ()).map_err(|e| e.to_string())
        })
        .map_err(Error::Ledger)
    }
}

fn hash(key: &[u8], value: &[u8]) -> u64 {
    xxh3_64(key).rotate_left(17) ^ xxh3_64(value)
}

fn with_part(base: &[u8], part: u8) -> Vec<u8> {
    let mut key = base.to_vec();
    key.push(part);
    key
}

fn encode_meta(meta: &Meta, count: u64, sum: u64) -> Vec<u8> {
    let mut to = Vec::new();
    let place = [u64::from(meta.place.segment), meta.place.at];
    for number in [
        VERSION,
        place[0],
        place[1],
        meta.clock_ms,
        u64::from(meta.next_queue),
        meta.nonce,
        count,
        sum,
    ] {
        put_u64(&mut to, number);
    }
    let check = xxh3_64(&to);
    to.extend_from_slice(&check.to_le_bytes());
    to
}

fn decode_meta(bytes: &[u8]) -> Result<(Meta, u64, u64), Option<String>> {
    let (body, check) = bytes.split_last_chunk::<8>().ok_or(None)?;
    if u64::from_le_bytes(*check) != xxh3_64(body) {
        return Err(None);
    }
    let mut from = Reader(body);
    let version = from.u64().map_err(|Malformed| None)?;
    if version > VERSION {
        return Err(Some(format!("version {version}")));
    }
    let mut read = || -> Result<(Meta, u64, u64), Malformed> {
        let place = Place { segment: from.u32()?, at: from.u64()? };
        let meta =
            Meta { place, clock_ms: from.u64()?, next_queue: from.u32()?, nonce: from.u64()? };
        Ok((meta, from.u64()?, from.u64()?))
    };
    read().map_err(|Malformed| None)
}

fn free_name(folder: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let aside = folder.with_extension(format!("damaged-{number}"));
        if !aside.exists() {
            return aside;
        }
        number += 1;
    }
}
