//! Requests, answered from the open store.

use squall_broker::{Error, Queue, Store};
use squall_config::did_you_mean;

use super::{Asks, Messages, PeekedMessage, Reply, Request, asks::Rebalance};

/// Answers a request; `raw` has the bodies that belong to it.
pub(super) fn answer(store: &Store, asks: &Asks, request: Request, raw: &[u8]) -> (Reply, Vec<u8>) {
    let mut bodies = Vec::new();
    let reply =
        act(store, asks, request, raw, &mut bodies).unwrap_or_else(|error| refused(store, &error));
    (reply, bodies)
}

fn act(
    store: &Store,
    asks: &Asks,
    request: Request,
    raw: &[u8],
    bodies: &mut Vec<u8>,
) -> Result<Reply, Error> {
    Ok(match request {
        Request::List => Reply::Names(store.list()),
        Request::Create { queue, attributes, may_exist } => {
            if !may_exist || store.queue(&queue).is_err() {
                store.create_queue(&queue, &attributes)?;
            }
            Reply::Done
        }
        Request::Attributes { queue } => Reply::Attributes(store.queue(&queue)?.attributes()),
        Request::Set { queue, attributes } => {
            store.queue(&queue)?.set_attributes(&attributes)?;
            Reply::Done
        }
        Request::Stats { queue } => {
            let names = queue.map_or_else(|| store.list(), |queue| vec![queue]);
            let stats = names.iter().map(|name| stats(&store.queue(name)?));
            Reply::Stats(stats.collect::<Result<_, _>>()?)
        }
        Request::Peek { queue, max } => {
            let peeked = store.queue(&queue)?.peek(max)?;
            Reply::Peeked(
                peeked
                    .into_iter()
                    .map(|message| {
                        bodies.extend_from_slice(&message.body);
                        PeekedMessage {
                            id: message.id,
                            offset: message.offset,
                            enqueued_ms: message.enqueued_ms,
                            dequeue_count: message.dequeue_count,
                            headers: message.headers,
                            dead_letter: message.dead_letter,
                            bytes: message.body.len(),
                        }
                    })
                    .collect(),
            )
        }
        Request::Send { queue } => {
            let queue = store.queue(&queue)?;
            let Some(batch) = Messages::parse(raw) else {
                let message = "the messages are malformed, so none of them was sent".to_owned();
                return Ok(Reply::Refused { message, help: None });
            };
            Reply::Count(queue.send_batch(batch)?.wait()?.count)
        }
        Request::Purge { queue } => Reply::Count(store.queue(&queue)?.purge()?),
        Request::Redrive { queue, to } => {
            Reply::Count(store.queue(&queue)?.redrive(to.as_deref())?)
        }
        Request::Rewind { queue, from_ms } => {
            store.queue(&queue)?.rewind(from_ms)?;
            Reply::Done
        }
        Request::Delete { queue } => {
            store.delete_queue(&queue)?;
            Reply::Done
        }
        Request::Rebalance { topology, component, tasks } => {
            asks.ask(Rebalance { topology, component, tasks })
        }
    })
}

fn stats(queue: &Queue) -> Result<serde_json::Value, Error> {
    let stats = queue.stats()?;
    // Numbers and texts always serialize.
    Ok(serde_json::to_value(stats).unwrap_or_default())
}

fn refused(store: &Store, error: &Error) -> Reply {
    match error {
        Error::NoQueue(name) => {
            let names = store.list();
            let help = match did_you_mean(name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("create it with `squall queue create {name}`"),
            };
            Reply::Refused { message: format!("there is no queue `{name}`"), help: Some(help) }
        }
        Error::QueueExists(name) => Reply::Refused {
            message: format!("the queue `{name}` already exists with other attributes"),
            help: Some(format!("change them with `squall queue set {name}`")),
        },
        error => Reply::Refused { message: error.to_string(), help: None },
    }
}
