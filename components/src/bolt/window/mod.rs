//! `window`: aggregates of tuples over time.
//!
//! **What is kept.** A place is one set of values of the inputs' grouping and has a state of its
//! own. In it each group (`group.rs`) has panes (`pane.rs`), which lie between neighbouring borders
//! of windows: with `size: 1h, every: 1m` a minute each. A row is added to its pane alone, and a
//! window is the panes from its beginning to its end. Counts and sums of whole numbers are carried
//! along from window to window, adding the pane that enters and taking away the one that leaves;
//! other aggregates are put together from the panes when the window is emitted. How often values
//! are distinct is kept as what changes from window to window (`members.rs`).
//!
//! **When it is emitted.** The watermark (`watermark.rs`) is taken in `flush`; each place has one
//! timer, for the first of its windows that will be over (`close.rs`). Open windows are emitted
//! without changing anything (`ahead.rs`), so that at the end of the input nothing is closed that
//! a later run might go on with. Sessions (`sessions.rs`) are runs of panes as long as their gap.
//!
//! **What must hold.**
//! - `due` of a group is its first window that is not closed; it is never before the first window
//!   that was open by the watermark when the last flush was done.
//! - The agenda has the panes with rows from `due` on, each once.
//! - A distinct value has one entry in a list for each era that is known of it, after a window that
//!   is not closed and has rows, so that it is looked at again and forgotten some day.
//! - Nothing is kept outside of the state beyond the epoch in hand.

mod add;
mod agenda;
mod aggregate;
mod ahead;
mod bolt;
mod buckets;
mod calendar;
mod close;
mod codec;
mod config;
mod departures;
mod fields;
mod flush;
mod group;
mod groups;
mod keys;
mod list;
mod members;
mod pane;
mod partial;
mod plan;
mod registers;
mod sessions;
mod shape;
mod sketch;
mod store;
mod task;
mod time;
mod totals;
mod watermark;

pub(crate) use bolt::Window;
pub(crate) use config::WindowConfig;
