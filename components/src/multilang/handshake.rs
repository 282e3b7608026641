//! The first message to a child.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use squall_framework::{Streams, TaskContext};

/// Who it is, what comes in and what it may emit, for a child that is to leave its process id in
/// `pids`.
pub(crate) fn handshake(
    context: &TaskContext,
    streams: &Streams,
    conf: &BTreeMap<String, Value>,
    pids: &str,
) -> Value {
    let mut fields: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut groupings: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for input in context.inputs().all() {
        let names: Vec<&str> = input.schema.names().collect();
        fields.entry(&input.from).or_default().insert(input.stream.to_string(), json!(names));
        let grouping = match &input.keys {
            Some(keys) => json!({ "type": "FIELDS", "fields": keys }),
            None => json!({ "type": "SHUFFLE" }),
        };
        groupings.entry(&input.from).or_default().insert(input.stream.to_string(), grouping);
    }
    let emitted = streams.all().iter().map(|stream| {
        let names: Vec<&str> = stream.schema.names().collect();
        (stream.name.clone(), json!(names))
    });
    let mut all = json!({ "topology.name": context.topology() });
    if let Some(all) = all.as_object_mut() {
        all.extend(conf.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    json!({
        "conf": all,
        "pidDir": pids,
        "context": {
            "taskid": context.task(),
            "componentid": context.component(),
            "task->component": { context.task().to_string(): context.component() },
            "source->stream->fields": fields,
            "source->stream->grouping": groupings,
            "stream->outputfields": emitted.collect::<Map<_, _>>(),
            "stream->target->grouping": {},
        },
    })
}
