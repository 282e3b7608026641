//! The shipped topology, with a bolt slotted in that panics now and then.

use std::path::Path;

use serde_yaml::{Mapping, Value};
use squall_config::Variables;
use squall_framework::{Registry, TopologyFile};

use super::flaky::flaky;
use crate::failure::Failure;

const SHIPPED: &str = include_str!("../../../topologies/hot-restaurants/topology.yaml");
/// The id and the type of the bolt that panics.
pub(crate) const FLAKY: &str = "flaky";

/// The topology of the demo: it writes into `results`, and finds where restaurants are in
/// `restaurants`.
pub(crate) fn topology(
    mut registry: Registry,
    results: &Path,
    restaurants: &Path,
) -> Result<TopologyFile, Failure> {
    registry.add(flaky());
    let variables = Variables::new()
        .with("STORE", format!("sqlite://{}", results.display()))
        .with("RESTAURANTS", restaurants.display().to_string());
    Ok(TopologyFile::parse("hot-restaurants", &with_flaky(SHIPPED)?, &variables, &registry)?)
}

/// The topology with `flaky` between its `lookup` bolt and what that reads.
fn with_flaky(text: &str) -> Result<String, Failure> {
    let odd =
        |error: &dyn std::fmt::Display| Failure::failed(format!("the shipped topology: {error}"));
    let mut topology: Value = serde_yaml::from_str(text).map_err(|error| odd(&error))?;
    let bolts = topology.get_mut("bolts").and_then(Value::as_sequence_mut);
    let bolts = bolts.ok_or_else(|| odd(&"it has no bolts"))?;
    let lookup =
        bolts.iter_mut().find(|bolt| bolt.get("type").and_then(Value::as_str) == Some("lookup"));
    let inputs =
        lookup.and_then(|bolt| bolt.get_mut("inputs")).ok_or_else(|| odd(&"it has no lookup"))?;
    let read = std::mem::replace(inputs, Value::Sequence(vec![FLAKY.into()]));
    let entries = [("id", FLAKY.into()), ("type", FLAKY.into()), ("inputs", read)];
    bolts.push(Value::Mapping(
        entries.into_iter().map(|(key, value)| (key.into(), value)).collect::<Mapping>(),
    ));
    serde_yaml::to_string(&topology).map_err(|error| odd(&error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_shipped_topology_takes_a_bolt_that_panics() {
        let registry = squall_components::registry();
        let file = topology(registry, Path::new("results.db"), Path::new("restaurants.csv"));
        let topology = file.unwrap().topology;
        let place = topology.component("place").unwrap();
        assert_eq!(place.sources()[0].from, FLAKY);
        assert!(topology.deliveries().iter().all(|output| output.exactly_once));
    }
}
