//! Tuples and the batches they travel in.

mod batch;
mod cell;
mod origin;
mod row;
mod schema;
mod value;

pub use batch::TupleBatch;
pub use row::{IntoRow, Show, Tuple};
pub use schema::{Field, Kind, Schema};
pub use value::{Value, ValueRef};

pub(crate) use batch::MAX_ROWS;
pub(crate) use origin::Origins;
