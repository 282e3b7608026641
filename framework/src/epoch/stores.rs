//! Several stores as one: that of the commits, and others that take rows beside it.

use super::{Commit, CommitStore, Committed, Rejected, StoreFault, TableRows};

/// The store of the commits and those that only take rows. The others commit first: should the run
/// end between the two, their rows are written again, at least once; what the store of the commits
/// has is there exactly once.
pub struct CommitStores {
    record: Box<dyn CommitStore>,
    others: Vec<Beside>,
}

/// A store beside that of the commits.
struct Beside {
    /// The components whose rows go there.
    components: Vec<String>,
    store: Box<dyn CommitStore>,
}

impl CommitStores {
    /// The store of the commits, which takes the rows of all components that no other store has.
    #[must_use]
    pub fn new(record: Box<dyn CommitStore>) -> Self {
        CommitStores { record, others: Vec::new() }
    }

    /// A store for the rows of these components.
    pub fn add(&mut self, components: Vec<String>, store: Box<dyn CommitStore>) {
        self.others.push(Beside { components, store });
    }

    fn is_beside(&self, rows: &TableRows) -> bool {
        self.others.iter().any(|other| other.has(rows))
    }
}

impl Beside {
    fn has(&self, rows: &TableRows) -> bool {
        self.components.iter().any(|id| **id == *rows.component)
    }
}

/// The part of a commit with these rows, and where they stood in it.
fn part(commit: &Commit, has: impl Fn(&TableRows) -> bool) -> (Commit, Vec<usize>) {
    let places: Vec<_> =
        commit.rows.iter().enumerate().filter(|(_, rows)| has(rows)).map(|(at, _)| at).collect();
    let rows = places.iter().map(|at| commit.rows[*at].clone()).collect();
    (
        Commit {
            rows,
            positions: commit.positions.clone(),
            commit_id: commit.commit_id.clone(),
            ..*commit
        },
        places,
    )
}

fn put_back(rejected: Vec<Rejected>, places: &[usize], into: &mut Vec<Rejected>) {
    into.extend(
        rejected.into_iter().filter_map(|rejected| {
            Some(Rejected { table: *places.get(rejected.table)?, ..rejected })
        }),
    );
}

/// Nothing that such a store says of its own commit is about the record.
fn beside(fault: StoreFault) -> StoreFault {
    match fault {
        StoreFault::Unknown(reason) | StoreFault::Fenced(reason) => StoreFault::Retry(reason),
        fault => fault,
    }
}

impl CommitStore for CommitStores {
    fn claim(&mut self, run: u64) -> Result<Committed, StoreFault> {
        for other in &mut self.others {
            other.store.claim(run).map_err(beside)?;
        }
        self.record.claim(run)
    }

    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        // First, so that a run which was taken over from writes nothing anywhere.
        self.record.begin(commit)?;
        self.others.iter_mut().try_for_each(|other| other.store.begin(commit)).map_err(beside)
    }

    fn rows(&mut self, commit: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        if self.others.is_empty() {
            return self.record.rows(commit);
        }
        let mut rejected = Vec::new();
        let (own, places) = part(commit, |rows| !self.is_beside(rows));
        put_back(self.record.rows(&own)?, &places, &mut rejected);
        for other in &mut self.others {
            let (own, places) =
                part(commit, |rows| other.components.iter().any(|id| **id == *rows.component));
            put_back(other.store.rows(&own).map_err(beside)?, &places, &mut rejected);
        }
        Ok(rejected)
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        self.others.iter_mut().try_for_each(|other| other.store.commit()).map_err(beside)?;
        self.record.commit()
    }

    fn roll_back(&mut self) {
        self.record.roll_back();
        self.others.iter_mut().for_each(|other| other.store.roll_back());
    }

    fn look(&mut self) -> Result<Committed, StoreFault> {
        self.record.look()
    }

    fn forget(&mut self) -> Result<(), StoreFault> {
        self.record.forget()
    }

    fn name(&self) -> String {
        self.record.name()
    }
}
