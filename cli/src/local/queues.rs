//! One face for the queues of a data folder, whoever has it open.

use squall_broker::QueueAttributes;

use super::{DataFolder, Messages, PeekedMessage, Reply, Request, answer::answer, client::Client};
use crate::failure::Failure;

/// The queues of a data folder.
#[derive(Debug)]
pub(crate) struct Queues(Way);

#[derive(Debug)]
enum Way {
    /// This process holds the folder.
    Own(DataFolder),
    /// Another process does.
    Remote(Client),
}

impl Queues {
    pub(super) fn own(folder: DataFolder) -> Self {
        Queues(Way::Own(folder))
    }

    pub(super) fn remote(client: Client) -> Self {
        Queues(Way::Remote(client))
    }

    fn ask(&mut self, request: Request, raw: &[u8]) -> Result<(Reply, Vec<u8>), Failure> {
        let (reply, bodies) = match &mut self.0 {
            Way::Own(folder) => answer(folder.store(), folder.asks(), request, raw),
            Way::Remote(client) => client.ask(&request, raw).map_err(|error| {
                Failure::failed(format!("the process that holds the data folder is gone: {error}"))
            })?,
        };
        match reply {
            Reply::Refused { message, help } => Err(Failure::failed(message).maybe_help(help)),
            reply => Ok((reply, bodies)),
        }
    }

    fn done(&mut self, request: Request) -> Result<(), Failure> {
        match self.ask(request, &[])?.0 {
            Reply::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    fn count(&mut self, request: Request, raw: &[u8]) -> Result<u64, Failure> {
        match self.ask(request, raw)?.0 {
            Reply::Count(count) => Ok(count),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives a component of the topology that runs there another number of tasks.
    pub(crate) fn rebalance(
        &mut self,
        topology: &str,
        component: &str,
        tasks: usize,
    ) -> Result<(), Failure> {
        let (topology, component) = (topology.to_owned(), component.to_owned());
        self.done(Request::Rebalance { topology, component, tasks })
    }

    /// The names of all queues, sorted.
    pub(crate) fn list(&mut self) -> Result<Vec<String>, Failure> {
        match self.ask(Request::List, &[])?.0 {
            Reply::Names(names) => Ok(names),
            other => Err(unexpected(&other)),
        }
    }

    /// Creates a queue. With `may_exist`, one that is there is left as it is.
    pub(crate) fn create(
        &mut self,
        queue: &str,
        attributes: QueueAttributes,
        may_exist: bool,
    ) -> Result<(), Failure> {
        self.done(Request::Create { queue: queue.into(), attributes, may_exist })
    }

    pub(crate) fn attributes(&mut self, queue: &str) -> Result<QueueAttributes, Failure> {
        match self.ask(Request::Attributes { queue: queue.into() }, &[])?.0 {
            Reply::Attributes(attributes) => Ok(attributes),
            other => Err(unexpected(&other)),
        }
    }

    pub(crate) fn set(&mut self, queue: &str, attributes: QueueAttributes) -> Result<(), Failure> {
        self.done(Request::Set { queue: queue.into(), attributes })
    }

    /// How a queue is, or all of them, as the broker serializes it.
    pub(crate) fn stats(&mut self, queue: Option<&str>) -> Result<Vec<serde_json::Value>, Failure> {
        match self.ask(Request::Stats { queue: queue.map(Into::into) }, &[])?.0 {
            Reply::Stats(stats) => Ok(stats),
            other => Err(unexpected(&other)),
        }
    }

    /// Up to `max` messages with their bodies.
    pub(crate) fn peek(
        &mut self,
        queue: &str,
        max: usize,
    ) -> Result<Vec<(PeekedMessage, Vec<u8>)>, Failure> {
        let (reply, bodies) = self.ask(Request::Peek { queue: queue.into(), max }, &[])?;
        let Reply::Peeked(messages) = reply else { return Err(unexpected(&reply)) };
        let mut rest = bodies.as_slice();
        let split = messages.into_iter().map(|message| {
            let (body, behind) = rest.split_at(message.bytes.min(rest.len()));
            rest = behind;
            (message, body.to_owned())
        });
        Ok(split.collect())
    }

    /// Sends messages and waits until they are on disk. Says how many there were.
    pub(crate) fn send(&mut self, queue: &str, messages: &Messages) -> Result<u64, Failure> {
        self.count(Request::Send { queue: queue.into() }, messages.bytes())
    }

    pub(crate) fn purge(&mut self, queue: &str) -> Result<u64, Failure> {
        self.count(Request::Purge { queue: queue.into() }, &[])
    }

    pub(crate) fn redrive(&mut self, queue: &str, to: Option<&str>) -> Result<u64, Failure> {
        let request = Request::Redrive { queue: queue.into(), to: to.map(Into::into) };
        self.count(request, &[])
    }

    pub(crate) fn rewind(&mut self, queue: &str, from_ms: u64) -> Result<(), Failure> {
        self.done(Request::Rewind { queue: queue.into(), from_ms })
    }

    pub(crate) fn delete(&mut self, queue: &str) -> Result<(), Failure> {
        self.done(Request::Delete { queue: queue.into() })
    }
}

fn unexpected(reply: &Reply) -> Failure {
    Failure::failed(format!(
        "the process that holds the data folder answered something else: {reply:?}"
    ))
}
