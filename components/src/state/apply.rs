//! Taking the changes of an epoch over into the states.

use std::collections::BTreeMap;

use squall_framework::{Change, Committed, Redo, StateError};

use super::{
    applied::Applied,
    counters::Counted,
    keys,
    piece::Piece,
    shared::{Now, Shared, Unfinished},
};

/// Applies a redo, all of it or what an earlier attempt left.
pub(super) fn apply(shared: &Shared, redo: &Redo) -> Result<(), StateError> {
    let mut now = shared.now();
    if is_applied(&now.applied, redo, shared)? {
        return Ok(());
    }
    let mut by_component: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for changes in &redo.changes {
        keys::check(&changes.component)?;
        by_component.entry(&changes.component).or_default().extend(&changes.changes);
    }
    if let Some(unfinished) = now.unfinished.filter(|unfinished| !unfinished.is_of(redo)) {
        let id = unfinished.commit_id;
        return Err(shared.fault(&format!("commit {id} is applied in part, and is not finished")));
    }
    now.unfinished = None;
    shared.begin(Unfinished {
        epoch: redo.epoch,
        commit_id: redo.commit_id.clone(),
        components: by_component.keys().map(|&component| component.to_owned()).collect(),
    });
    for (component, mut changes) in by_component {
        // In the tree's order, and of several changes of a key the last.
        changes.reverse();
        changes.sort_by(|a, b| a.0.cmp(&b.0));
        changes.dedup_by(|a, b| a.0 == b.0);
        let done = Component { shared, redo, component }.apply(&changes, &mut now);
        done.map_err(|why| shared.fault(&why))?;
    }
    now.applied = Applied {
        epoch: redo.epoch,
        commit_id: redo.commit_id.clone(),
        positions: redo.positions.clone(),
    };
    let marked = now.applied.write(&shared.tree).and_then(|()| shared.tree.sync());
    marked.map_err(|why| shared.fault(&why))?;
    shared.move_on(now);
    Ok(())
}

/// Has the states stand for another commit than the one that they were made by.
pub(super) fn stand_for(shared: &Shared, committed: &Committed) -> Result<(), StateError> {
    let mut now = shared.now();
    if let Some(Unfinished { commit_id, .. }) = &now.unfinished {
        return Err(shared.fault(&format!("commit {commit_id} is not finished")));
    }
    now.applied = Applied {
        epoch: committed.epoch,
        commit_id: committed.commit_id.clone(),
        positions: committed.positions.clone(),
    };
    let marked = now.applied.write(&shared.tree).and_then(|()| shared.tree.sync());
    marked.map_err(|why| shared.fault(&why))?;
    shared.move_on(now);
    Ok(())
}

/// Whether the states have it already.
fn is_applied(applied: &Applied, redo: &Redo, shared: &Shared) -> Result<bool, StateError> {
    let Applied { epoch, commit_id, .. } = applied;
    if redo.epoch == *epoch && redo.commit_id == *commit_id {
        return Ok(true);
    }
    // A new folder may begin at any epoch.
    if redo.epoch == epoch + 1 || (*epoch == 0 && redo.epoch > 0) {
        return Ok(false);
    }
    Err(shared.fault(&format!(
        "they are as of epoch {epoch} (commit {commit_id}), and epoch {} (commit {}) cannot follow",
        redo.epoch, redo.commit_id
    )))
}

struct Component<'a> {
    shared: &'a Shared,
    redo: &'a Redo,
    component: &'a str,
}

impl Component<'_> {
    fn apply(&self, mut changes: &[&Change], now: &mut Now) -> Result<(), String> {
        let tree = &self.shared.tree;
        let key = keys::counters(self.component);
        let noted = tree.get(&key)?.map(|noted| Counted::decode(&noted)).transpose();
        let noted = noted.map_err(|_| "its counters are damaged")?.unwrap_or_default();
        let again = noted.epoch == self.redo.epoch && noted.commit_id == self.redo.commit_id;
        let mut counted = Counted {
            counters: noted.counters,
            epoch: self.redo.epoch,
            commit_id: self.redo.commit_id.clone(),
            up_to: if again { noted.up_to } else { Vec::new() },
        };
        let mut fresh = !again;
        while !changes.is_empty() {
            let mut count = |key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>| {
                fresh = fresh || *key > *counted.up_to;
                if fresh {
                    old.inspect(|old| counted.counters.take(key, old));
                    new.inspect(|new| counted.counters.add(key, new));
                }
            };
            let piece = Piece::of(tree, self.component, changes, &mut count)?;
            let (done, rest) = changes.split_at(piece.changes);
            changes = rest;
            if piece.writes.is_empty() {
                continue;
            }
            if let Some((last, _)) = done.last()
                && fresh
            {
                counted.up_to = last.to_vec();
                tree.put(&key, &counted.encode())?;
            }
            for (key, block) in &piece.writes {
                match block {
                    Some(block) => tree.put(key, block)?,
                    None => tree.remove(key)?,
                }
            }
            tree.sync()?;
        }
        now.counters.insert(self.component.to_owned(), counted.counters);
        Ok(())
    }
}
