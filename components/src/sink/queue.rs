//! `queue`: a message per tuple.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_broker::{Batch, Queue, Store};
use squall_framework::{
    BatchBolt, BoltFuture, Collector, Error, Inputs, OutboxMessage, Output, Problem, Result,
    Streams, TaskContext, Tuple, TupleBatch, ValueRef,
};

use crate::{
    columns::{Columns, text_field},
    queues::{find_queue, of_broker},
    sink::file::chosen,
    values::write_object,
};

/// Options of the bolt `queue`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueSinkConfig {
    /// The queue; made if it is not there.
    queue: String,
    /// The field whose text or bytes are the message; by default a message is a JSON object.
    #[serde(default)]
    field: Option<String>,
    /// The fields of the JSON object; by default all.
    #[serde(default)]
    fields: Vec<String>,
}

pub(crate) struct QueueSink {
    config: QueueSinkConfig,
    ready: Option<Ready>,
}

struct Ready {
    queue: Queue,
    /// Makes the messages.
    writer: MessageWriter,
    /// Where they go in a topology that runs in epochs.
    collector: Option<Collector>,
}

/// Makes the message of a tuple.
struct MessageWriter {
    names: Vec<String>,
    columns: Columns,
    /// Whether the one field is the message, and not a JSON object of all.
    plain: bool,
    /// The largest body that the queue takes, in bytes.
    largest: usize,
    text: String,
}

impl MessageWriter {
    /// The body of the message that this tuple becomes.
    fn body<'a>(&'a mut self, tuple: &'a Tuple<'_>) -> Result<&'a [u8]> {
        let columns = self.columns.of(tuple);
        let body = if self.plain {
            match columns.first().map_or(ValueRef::Null, |&column| tuple.at(column)) {
                ValueRef::Text(body) | ValueRef::Json(body) => body.as_bytes(),
                ValueRef::Bytes(body) => body,
                value => return Err(Error::data(format!("`{value}` is no text to send"))),
            }
        } else {
            self.text.clear();
            let values = columns.iter().map(|&column| tuple.at(column));
            write_object(self.names.iter().map(String::as_str).zip(values), &mut self.text);
            self.text.as_bytes()
        };
        let (bytes, largest) = (body.len(), self.largest);
        if bytes > largest {
            let why = format!("a message of {bytes} bytes; the queue takes {largest} at most");
            return Err(Error::data(why));
        }
        Ok(body)
    }
}

/// So many messages are confirmed together, if so many are waiting.
const ROWS: usize = 1_000;

impl QueueSink {
    pub(crate) fn new(config: &QueueSinkConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }

    fn names(&self, inputs: &Inputs) -> Result<Vec<String>, Problem> {
        match &self.config.field {
            Some(field) => text_field(inputs, Some(field)).map(|field| vec![field]),
            None => chosen(inputs, &self.config.fields),
        }
    }
}

impl BatchBolt for QueueSink {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        if self.config.field.is_some() && !self.config.fields.is_empty() {
            return Err(Problem::new("`field` and `fields` exclude each other").at("fields"));
        }
        self.names(inputs).map(|_| Streams::none())
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let store = context.resource::<Store>();
        let queue = find_queue(store.as_deref(), &self.config.queue)?;
        let names = self.names(context.inputs())?;
        let writer = MessageWriter {
            columns: Columns::new(context.inputs(), names.iter().map(String::as_str))?,
            names,
            plain: self.config.field.is_some(),
            largest: queue.attributes().max_message_size,
            text: String::new(),
        };
        let collector = context.collector();
        self.ready = Some(Ready { queue, writer, collector });
        Ok(())
    }

    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, out: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(async move {
            let not_ready = || Error::retry("the bolt was not prepared");
            let ready = self.ready.as_mut().ok_or_else(not_ready)?;
            if let Some(collector) = &ready.collector {
                for tuple in batch.rows() {
                    match ready.writer.body(&tuple) {
                        Ok(body) => collector.message(OutboxMessage {
                            queue: self.config.queue.clone(),
                            body: body.to_owned(),
                            headers: Vec::new(),
                        }),
                        Err(error) => out.fail(tuple.row(), error),
                    }
                }
                return Ok(());
            }
            let mut messages = Batch::default();
            for tuple in batch.rows() {
                match ready.writer.body(&tuple) {
                    Ok(body) => messages.push(body),
                    Err(error) => out.fail(tuple.row(), error),
                }
            }
            if messages.is_empty() {
                return Ok(());
            }
            ready.queue.send_batch(messages).map_err(of_broker)?.await.map(drop).map_err(of_broker)
        })
    }

    fn rows_per_call(&self) -> usize {
        ROWS
    }

    fn sends_after_commit(&self) -> bool {
        true
    }
}
