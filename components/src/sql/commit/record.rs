//! The record of the commit, a row of the table `squall_commits`.
//!
//! All of it happens within a transaction of the caller.

use std::time::{SystemTime, UNIX_EPOCH};

use squall_framework::{Commit, Committed, StoreFault};

use crate::sql::{
    backend::{Backend, StoredRecord, Upsert},
    table::{Column, ColumnKind, Mode, Table},
    value::{Rows, Value},
};

const READ: &str =
    "SELECT incarnation, epoch, commit_id, positions FROM squall_commits WHERE topology = ?";
const RAISE: &str = "UPDATE squall_commits SET incarnation = ?, updated_at = ? WHERE topology = ?";
const PUT_BACK: &str =
    "UPDATE squall_commits SET positions = '{}', updated_at = ? WHERE topology = ?";
const MOVE_ON: &str = "UPDATE squall_commits SET epoch = ?, commit_id = ?, positions = ?, updated_at = ? \
                       WHERE topology = ? AND incarnation = ? AND epoch = ?";

/// The table. What is there stays when a row is put into it.
pub(super) fn table() -> Table {
    let column = |name: &str, kind| Column::new(name, kind).mode(Mode::Keep);
    Table {
        name: "squall_commits".to_owned(),
        columns: vec![
            Column::new("topology", ColumnKind::Text),
            column("incarnation", ColumnKind::Int),
            column("epoch", ColumnKind::Int),
            Column { length: Some(191), ..column("commit_id", ColumnKind::Text) },
            column("positions", ColumnKind::Text),
            column("updated_at", ColumnKind::Timestamp),
        ],
        keys: vec!["topology".to_owned()],
        create: true,
    }
}

/// Puts a record where there is none.
pub(super) async fn ensure(
    db: &mut Backend,
    upsert: &Upsert,
    topology: &str,
) -> Result<(), StoreFault> {
    let mut rows = Rows::new(6);
    let (zero, none) = (Value::Int(0), Value::Text(""));
    rows.push([Value::Text(topology), zero, zero, none, Value::Text("{}"), now()]);
    Ok(db.upsert(upsert, &rows, 0..1).await?)
}

/// Reads the record and keeps others from it until the transaction ends.
pub(super) async fn lock(db: &mut Backend, topology: &str) -> Result<Committed, StoreFault> {
    match db.lock_record(READ, &[Value::Text(topology)]).await? {
        Some(record) => committed(topology, &record),
        None => Err(gone(topology)),
    }
}

/// Makes this run the one that may write.
pub(super) async fn raise(
    db: &mut Backend,
    topology: &str,
    incarnation: u64,
) -> Result<(), StoreFault> {
    let values = [Value::Int(incarnation.cast_signed()), now(), Value::Text(topology)];
    db.execute(RAISE, &values).await?;
    Ok(())
}

/// Forgets what was read.
pub(super) async fn put_back(db: &mut Backend, topology: &str) -> Result<(), StoreFault> {
    db.execute(PUT_BACK, &[now(), Value::Text(topology)]).await?;
    Ok(())
}

/// Moves the record on to this commit, from the one before and in the name of its run alone.
pub(super) async fn move_on(
    db: &mut Backend,
    topology: &str,
    commit: &Commit,
) -> Result<(), StoreFault> {
    let positions = serde_json::to_string(&commit.positions)
        .map_err(|error| StoreFault::Refused(format!("positions cannot be written: {error}")))?;
    let values = [
        Value::Int(commit.epoch.cast_signed()),
        Value::Text(&commit.commit_id),
        Value::Text(&positions),
        now(),
        Value::Text(topology),
        Value::Int(commit.incarnation.cast_signed()),
        Value::Int(commit.epoch.cast_signed().wrapping_sub(1)),
    ];
    if db.execute(MOVE_ON, &values).await? == 1 {
        return Ok(());
    }
    let found = lock(db, topology).await?;
    let what = format!(
        "the store has topology `{topology}` at epoch {} of its run {}, but this is run {} and is \
         about to commit epoch {}",
        found.epoch, found.incarnation, commit.incarnation, commit.epoch
    );
    Err(StoreFault::Fenced(match found.incarnation {
        newer if newer > commit.incarnation => format!("{what}: another run has taken over"),
        _ => format!("{what}: the record is not as this run has left it"),
    }))
}

fn committed(topology: &str, record: &StoredRecord) -> Result<Committed, StoreFault> {
    let positions = serde_json::from_str(&record.positions).map_err(|error| {
        StoreFault::Refused(format!(
            "table squall_commits: the positions of topology `{topology}` cannot be read ({error}); \
             put back what was there before they were changed"
        ))
    })?;
    Ok(Committed {
        incarnation: record.incarnation.cast_unsigned(),
        epoch: record.epoch.cast_unsigned(),
        commit_id: record.commit_id.clone(),
        positions,
    })
}

fn gone(topology: &str) -> StoreFault {
    StoreFault::Fenced(format!(
        "table squall_commits has no row for topology `{topology}` any more: somebody has deleted \
         it, or the database is another one"
    ))
}

fn now() -> Value<'static> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Value::Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
