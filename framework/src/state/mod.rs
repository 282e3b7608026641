//! What a bolt remembers: by key, surviving any crash.

mod bytes;
mod changes;
mod codec;
mod hash;
mod key;
mod merge;
mod reader;
#[cfg(test)]
mod tests;
mod timers;
mod working;

use std::{cell::RefCell, rc::Rc};

pub use changes::{Change, Changes};
use codec::decode_first;
pub(crate) use codec::{decode_row, encode_row};
pub(crate) use key::group_of;
pub use key::{KEY_GROUPS, StateKey};
pub use merge::Merge;
pub use reader::{NoState, StateReader};
pub(crate) use working::{Groups, Working};

use crate::{
    error::{Error, Result},
    tuple::{IntoRow, Show, Value, ValueRef},
};

/// The longest value of a key, in bytes of its encoding. Larger things are kept as several keys: a
/// set is one key per member.
pub const MAX_STATE_VALUE: usize = 4096;

/// What a bolt remembers. A bolt gets it in `prepare` from
/// [`TaskContext::state`](crate::TaskContext::state) and keeps the handle.
///
/// **It belongs to the tuple in hand.** With `grouping: fields, fields: [user]` every user has a
/// state of their own: `get("visits")` while a tuple of Ann's is worked on gives Ann's visits, on
/// whichever task and after whatever crash. With `grouping: global` there is one state for all.
///
/// **It is as reliable as the results.** What an `execute` has written counts together with the
/// tuple: if `execute` fails, nothing of it is kept; if the process dies, the state is again as it
/// was when the last results were committed, and the tuples after that come again.
///
/// ```
/// use squall_framework::{
///     Bolt, Inputs, Kind, Merge, Output, Problem, Result, Schema, State, Streams, TaskContext, Tuple,
/// };
///
/// #[derive(Default)]
/// struct Visits(Option<State>);
///
/// impl Bolt for Visits {
///     fn declare(&self, _: &Inputs) -> Result<Streams, Problem> {
///         Ok(Streams::one(Schema::new([("user", Kind::Text), ("visits", Kind::Int)])))
///     }
///     fn stateful(&self) -> bool {
///         true
///     }
///     fn prepare(&mut self, context: &TaskContext) -> Result<()> {
///         self.0 = Some(context.state()?);
///         Ok(())
///     }
///     fn execute(&mut self, tuple: &Tuple, out: &mut Output) -> Result<()> {
///         let Some(state) = &self.0 else { return Ok(()) };
///         let visits = state.merge("visits", Merge::Add, 1_i64)?;
///         out.emit((tuple.get("user")?, visits))
///     }
/// }
/// ```
///
/// A value has at most [`MAX_STATE_VALUE`] bytes; a key is a text, a number, or a tuple of them.
#[derive(Clone)]
pub struct State(Rc<RefCell<Working>>);

impl State {
    pub(crate) fn new(working: Working) -> Self {
        State(Rc::new(RefCell::new(working)))
    }

    pub(crate) fn working(&self) -> std::cell::RefMut<'_, Working> {
        self.0.borrow_mut()
    }

    /// The value of `key`; the first one, if it was put with [`put_row`](Self::put_row).
    ///
    /// # Errors
    /// The disk cannot be read; a retry can help.
    pub fn get(&self, key: impl StateKey) -> Result<Option<Value>> {
        Ok(self.row(key)?.and_then(|row| row.into_iter().next()))
    }

    /// All values of `key`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn row(&self, key: impl StateKey) -> Result<Option<Vec<Value>>> {
        self.read(key, |bytes| bytes.map(decode_row).transpose())?
    }

    /// The value of `key` as the bytes that [`put_bytes`](Self::put_bytes) was given.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn read<R>(&self, key: impl StateKey, with: impl FnOnce(Option<&[u8]>) -> R) -> Result<R> {
        self.0.borrow_mut().read(|to| key.encode_key(to), with)
    }

    /// Sets the value of `key`.
    ///
    /// # Errors
    /// The value is larger than [`MAX_STATE_VALUE`], or the disk cannot be read.
    pub fn put(&self, key: impl StateKey, value: impl Show) -> Result<()> {
        self.put_values(key, &[value.show()])
    }

    /// Sets several values as the value of `key`.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_row(&self, key: impl StateKey, row: impl IntoRow) -> Result<()> {
        row.with(|row| self.put_values(key, row))
    }

    fn put_values(&self, key: impl StateKey, row: &[ValueRef<'_>]) -> Result<()> {
        let mut bytes = Vec::with_capacity(16);
        encode_row(row, &mut bytes);
        self.put_bytes(key, &bytes)
    }

    /// Sets the value of `key` to bytes of the bolt's own making.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_bytes(&self, key: impl StateKey, bytes: &[u8]) -> Result<()> {
        check_size(bytes)?;
        self.0.borrow_mut().write(|to| key.encode_key(to), Some(bytes))
    }

    /// Puts `value` together with the one that is there, and gives the result.
    ///
    /// # Errors
    /// The values do not fit each other, or as [`put`](Self::put).
    pub fn merge(&self, key: impl StateKey, how: Merge, value: impl Show) -> Result<Value> {
        let new = value.show();
        self.0.borrow_mut().update(
            |to| key.encode_key(to),
            |old, to| {
                let old = old.map(decode_first).transpose()?;
                let merged = how.apply(old.as_ref().map(Value::as_ref), new)?;
                encode_row(&[merged.as_ref()], to);
                check_size(to)?;
                Ok(merged)
            },
        )
    }

    /// Forgets `key`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, key: impl StateKey) -> Result<()> {
        self.0.borrow_mut().write(|to| key.encode_key(to), None)
    }

    /// When [`next_due`](Self::next_due) is to come back to this state; `None` for never. In
    /// whatever unit the bolt counts its time.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn timer(&self) -> Result<Option<i64>> {
        self.0.borrow_mut().timer()
    }

    /// Sets the one timer of this state, in place of the one before.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn set_timer(&self, at: Option<i64>) -> Result<()> {
        self.0.borrow_mut().set_timer(at)
    }

    /// For `flush`: turns to the state whose timer is the first that is due at `up_to` or before,
    /// and takes that timer away. From then on all calls mean that state.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn next_due(&self, up_to: i64) -> Result<Option<i64>> {
        self.0.borrow_mut().next_due(up_to)
    }

    /// A number that the whole task remembers, such as a watermark. When the number of tasks has
    /// changed each begins with the smallest of all.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn mark(&self, name: &str) -> Result<Option<i64>> {
        self.0.borrow_mut().mark(name)
    }

    /// Sets a number that the whole task remembers.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn set_mark(&self, name: &str, value: i64) -> Result<()> {
        self.0.borrow_mut().set_mark(name, value)
    }

    /// For `flush`: a name of the state in hand, by which [`turn_to`](Self::turn_to) finds it again.
    #[must_use]
    pub fn place(&self) -> Vec<u8> {
        self.0.borrow().place().to_vec()
    }

    /// For `flush`: turns to the state that [`place`](Self::place) named. From then on all calls
    /// mean that state.
    pub fn turn_to(&self, place: &[u8]) {
        self.0.borrow_mut().turn_to(place);
    }
}

fn check_size(bytes: &[u8]) -> Result<()> {
    if bytes.len() <= MAX_STATE_VALUE {
        return Ok(());
    }
    let size = bytes.len();
    Err(Error::data(format!(
        "a state value of {size} bytes is larger than {MAX_STATE_VALUE}; use several keys"
    )))
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}
