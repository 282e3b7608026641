//! Bolts that work on whole batches and may wait.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use squall_framework::{
    BatchBolt, BoltFuture, Error, Grouping, Inputs, Kind, Lent, Output, Problem, Result, Schema,
    Settings, Streams, Topology, TupleBatch, start, testing::Numbers,
};

use crate::parts::{LONG, Letters, Note, Seen, quick};

/// Waits a little for each batch and notes its numbers; some rows are wrong.
struct Store {
    seen: Seen,
    sizes: Arc<Mutex<Vec<usize>>>,
}

impl BatchBolt for Store {
    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, out: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.sizes.lock().unwrap().push(batch.len());
            for tuple in batch.rows() {
                match tuple.int("number")? {
                    number if number % 1000 == 999 => {
                        out.fail(tuple.row(), Error::data(format!("{number} is rejected")));
                    }
                    number => {
                        self.seen.add(number);
                    }
                }
            }
            Ok(())
        })
    }

    fn rows_per_call(&self) -> usize {
        1000
    }
}

#[test]
fn a_sink_gets_large_batches_and_fails_single_rows() {
    let (seen, letters) = (Seen::default(), Letters::default());
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let (noted, noted_sizes) = (seen.clone(), Arc::clone(&sizes));
    let topology = Topology::builder("t")
        .settings(quick())
        .spout("numbers", 1, || Ok(Numbers::up_to(20_000)))
        .batch_bolt("store", 1, &[("numbers", Grouping::Shuffle)], move || {
            Ok(Store { seen: noted.clone(), sizes: noted_sizes.clone() })
        })
        .build()
        .unwrap();
    let lent = Lent { dead_letters: Some(Arc::new(letters.clone())), ..Lent::default() };
    let running = start(topology, lent).unwrap();
    assert!(running.wait_idle(LONG));
    assert_eq!((seen.distinct(), seen.total()), (19_980, 19_980));
    assert_eq!(letters.ids().len(), 20);
    assert!(sizes.lock().unwrap().iter().any(|size| *size > 256), "batches were put together");
}

/// Counts the rows of a batch and emits one sum for all of them.
struct Sum;

impl BatchBolt for Sum {
    fn declare(&self, _: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("number", Kind::Int)])))
    }

    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, out: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(async move {
            let rows: Vec<_> = (0..batch.len()).collect();
            out.emit_from(&rows, [batch.len() as i64])
        })
    }
}

#[test]
fn a_row_made_of_many_fails_them_all() {
    // The first sum fails once: every number in it comes back, and in the end
    // the sums add up to more than once for them, but never to less.
    let (seen, tries) = (Seen::default(), Arc::new(AtomicU64::new(0)));
    let total = Arc::new(AtomicU64::new(0));
    let sum = total.clone();
    let topology = Topology::builder("t")
        .settings(quick())
        .spout("numbers", 1, || Ok(Numbers::up_to(2_000)))
        .batch_bolt("sum", 1, &[("numbers", Grouping::Shuffle)], || Ok(Sum))
        .bolt("total", 1, &[("sum", Grouping::Shuffle)], move || {
            let (tries, sum) = (tries.clone(), sum.clone());
            Ok(crate::parts::Do(move |number, _: &mut Output| {
                if tries.fetch_add(1, SeqCst) == 0 {
                    return Err(Error::retry("not the first time"));
                }
                sum.fetch_add(number as u64, SeqCst);
                Ok(())
            }))
        })
        .bolt("note", 1, &[("numbers", Grouping::Shuffle)], move || Ok(Note(seen.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    assert_eq!(total.load(SeqCst), 2_000);
    let snapshot = running.snapshot();
    assert_eq!(snapshot.component("numbers").unwrap().acked, 2_000);
    assert!(snapshot.component("numbers").unwrap().failed > 0);
}

/// Never answers for the first call.
struct Hang(Arc<AtomicU64>, Seen);

impl BatchBolt for Hang {
    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, _: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(async move {
            if self.0.fetch_add(1, SeqCst) == 0 {
                std::future::pending::<()>().await;
            }
            for tuple in batch.rows() {
                self.1.add(tuple.int("number")?);
            }
            Ok(())
        })
    }
}

#[test]
fn a_call_that_never_ends_is_given_up_and_its_tuples_come_back() {
    let (calls, seen) = (Arc::new(AtomicU64::new(0)), Seen::default());
    let noted = seen.clone();
    let settings = Settings { message_timeout: Duration::from_millis(300), ..quick() };
    let topology = Topology::builder("t")
        .settings(settings)
        .spout("numbers", 1, || Ok(Numbers::up_to(1000)))
        .batch_bolt("hang", 1, &[("numbers", Grouping::Shuffle)], move || {
            Ok(Hang(calls.clone(), noted.clone()))
        })
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG), "{:#?}", running.snapshot());
    assert_eq!(seen.distinct(), 1000);
    let snapshot = running.snapshot();
    assert_eq!(snapshot.component("numbers").unwrap().acked, 1000);
    assert!(snapshot.component("hang").unwrap().restarts >= 1);
}
