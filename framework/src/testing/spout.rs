//! One spout alone: what it emits, call by call.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    Clock, Grouping, Inputs, Next, ReplayableSource, Resources, Result, Spout, SpoutOutput,
    TaskContext, Value, ValueRef,
    ack::Settlements,
    engine::{Edge, Ends, Inbox, TaskSignal},
    output::{Output, StreamOut, Subscriber},
};

/// Runs one task of a spout as the engine would in a topology that runs in epochs.
///
/// ```
/// use squall_framework::{Next, Value, testing::{Numbers, SpoutHarness}};
/// let mut harness = SpoutHarness::new(Box::new(Numbers::up_to(2)), None, Default::default())?;
/// let (next, emitted) = harness.next(10)?;
/// assert_eq!(next, Next::Done);
/// assert_eq!(emitted, [(0, vec![Value::Int(0)]), (1, vec![Value::Int(1)])]);
/// # Ok::<(), squall_framework::AnyError>(())
/// ```
pub struct SpoutHarness {
    spout: Box<dyn Spout>,
    out: SpoutOutput,
    inboxes: Vec<Arc<Inbox>>,
    /// Source batches that were looked at.
    seen: usize,
}

impl SpoutHarness {
    /// A spout that is prepared with this source, which must have been claimed.
    ///
    /// # Errors
    /// The spout finds its options wrong, or cannot be prepared.
    pub fn new(
        mut spout: Box<dyn Spout>,
        source: Option<Arc<dyn ReplayableSource>>,
        resources: Resources,
    ) -> Result<Self> {
        let declared = spout.declare()?;
        let signal = TaskSignal::new();
        let inboxes: Vec<Arc<Inbox>> = declared.all().iter().map(|_| Arc::default()).collect();
        let outs = declared.all().iter().zip(&inboxes).map(|(stream, inbox)| {
            let ends = Ends {
                number: 0,
                input: 0,
                from: 0,
                to: 1,
                inbox: inbox.clone(),
                receiver: TaskSignal::new(),
                sender: signal.clone(),
            };
            let edge = Edge::new(ends, u64::MAX / 4, u64::MAX / 4);
            let schema = &stream.schema;
            let subscriber = Subscriber::new(&Grouping::Global, schema, vec![edge], vec![], 0);
            StreamOut::new(schema, vec![subscriber])
        });
        let out = Output::new("spout".into(), declared.clone(), outs.collect(), true);
        let schemas = declared.all().iter().map(|stream| stream.schema.clone()).collect();
        let mut out = SpoutOutput::new(out, Some(Settlements::new(signal.clone())), schemas);
        out.set_keep(false);
        spout.prepare(&TaskContext {
            topology: "test".into(),
            component: "spout".into(),
            task: 0,
            index: 0,
            parallelism: 1,
            inputs: Arc::new(Inputs::new(Vec::new())),
            resources,
            waker: signal.waker(),
            clock: Clock::set_to(0),
            state: None,
            source,
            collector: None,
            senders: 0,
        })?;
        Ok(SpoutHarness { spout, out, inboxes, seen: 0 })
    }

    /// Asks the spout once for up to `room` messages, and gives the number and the values of each.
    ///
    /// # Errors
    /// What the spout says.
    pub fn next(&mut self, room: usize) -> Result<(Next, Vec<(u64, Vec<Value>)>)> {
        self.out.set_room(room);
        let next = self.spout.next(&mut self.out)?;
        self.out.seal();
        self.out.out.flush();
        let mut rows = Vec::new();
        for inbox in &self.inboxes {
            let mut deliveries = VecDeque::new();
            inbox.take(&mut deliveries);
            for delivery in deliveries {
                rows.extend(
                    delivery
                        .batch
                        .rows()
                        .map(|row| row.values().map(ValueRef::to_owned).collect::<Vec<Value>>()),
                );
            }
        }
        let ids: Vec<u64> =
            self.out.flying().skip(self.seen).flat_map(|batch| batch.ids.clone()).collect();
        self.seen = self.out.flying().count();
        Ok((next, ids.into_iter().zip(rows).collect()))
    }
}
