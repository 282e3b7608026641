//! The actix actor of a task.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskCx, Poll},
};

use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context, Handler, Message};

use super::{BoltTask, SpoutTask, Turn};
use crate::engine::slot::Slot;

/// What runs inside the actor.
pub(crate) enum Body {
    Bolt(Box<BoltTask>),
    Spout(Box<SpoutTask>),
}

/// The actor of one task. Its mailbox carries control alone; tuples come
/// through the inbox in its slot, and wake-ups through the slot's signal.
pub(crate) struct TaskActor {
    slot: Arc<Slot>,
    body: Body,
}

/// What the supervisor asks of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub(crate) enum Control {
    /// Build the component again from its factory.
    Rebuild,
    /// A spout emits (true) or holds back (false).
    Active(bool),
    /// In epochs: hand over what the epoch leaves and go on with the next one.
    Cut { round: u64, next: u64 },
    /// In epochs: drop everything.
    Halt { round: u64 },
    /// In epochs: begin this epoch anew.
    Reset { epoch: u64 },
    /// Close the component and end.
    Stop,
}

impl TaskActor {
    pub(crate) fn new(slot: Arc<Slot>, body: Body) -> Self {
        TaskActor { slot, body }
    }

    fn poll_turn(&mut self, cx: &mut TaskCx<'_>) {
        self.slot.signal.begin(cx.waker());
        let turn = match &mut self.body {
            Body::Bolt(bolt) => bolt.turn(cx),
            Body::Spout(spout) => spout.turn(cx),
        };
        let gate = self.slot.signal.gate();
        let again = match turn {
            Turn::Again => {
                gate.again();
                true
            }
            Turn::Idle => gate.finish(),
        };
        if again {
            // Through the runtime's queue, so that other tasks get their turn.
            cx.waker().wake_by_ref();
        }
    }
}

impl Actor for TaskActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        match &mut self.body {
            Body::Bolt(bolt) => bolt.build(),
            Body::Spout(spout) => spout.build(),
        }
        context.spawn(Turns);
    }
}

impl Handler<Control> for TaskActor {
    type Result = ();

    fn handle(&mut self, control: Control, context: &mut Self::Context) {
        match (control, &mut self.body) {
            (Control::Rebuild, Body::Bolt(bolt)) => bolt.build(),
            (Control::Rebuild, Body::Spout(spout)) => spout.build(),
            (Control::Active(active), Body::Spout(spout)) => spout.set_active(active),
            (Control::Active(_), Body::Bolt(_)) => {}
            (Control::Cut { round, next }, Body::Bolt(bolt)) => bolt.cut(round, next),
            (Control::Cut { round, next }, Body::Spout(spout)) => spout.cut(round, next),
            (Control::Halt { round }, Body::Bolt(bolt)) => bolt.halt(round),
            (Control::Halt { round }, Body::Spout(spout)) => spout.halt(round),
            (Control::Reset { epoch }, Body::Bolt(bolt)) => bolt.reset(epoch),
            (Control::Reset { epoch }, Body::Spout(spout)) => spout.reset(epoch),
            (Control::Stop, body) => {
                match body {
                    Body::Bolt(bolt) => bolt.close(),
                    Body::Spout(spout) => spout.close(),
                }
                context.stop();
                return;
            }
        }
        // Whatever it was, the task looks what there is to do now.
        self.slot.signal.notify();
    }
}

/// The future inside the actor that takes the turns. It is woken by the
/// task's signal and not by messages, because a mailbox is drained before
/// anything else on its thread gets a turn.
struct Turns;

impl ActorFuture<TaskActor> for Turns {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut TaskActor,
        _: &mut Context<TaskActor>,
        cx: &mut TaskCx<'_>,
    ) -> Poll<()> {
        actor.poll_turn(cx);
        Poll::Pending
    }
}
