//! Whether the states are what the counters say.

use std::collections::BTreeMap;

use super::{blocks, counters::Counters, keys, shared::Shared};

/// Reads all states and counts them; the words say what does not agree. Components of an
/// epoch that is applied in part are passed over: applying it again mends them.
pub(super) fn verify(shared: &Shared) -> Result<(), String> {
    let now = shared.now();
    let mut found: BTreeMap<String, Counters> = BTreeMap::new();
    while let Some(component) = next_component(shared, found.keys().next_back())? {
        let mut counters = Counters::default();
        blocks::each(&shared.tree, &component, &[], None, |key, value| {
            counters.add(key, value);
            true
        })?;
        found.insert(component, counters);
    }
    let none = Counters::default();
    for component in now.counters.keys().chain(found.keys()) {
        let counted = now.counters.get(component).unwrap_or(&none);
        let found = found.get(component).unwrap_or(&none);
        let unfinished = now.unfinished.as_ref();
        if counted != found && !unfinished.is_some_and(|part| part.components.contains(component)) {
            let (has, should) = (found.keys, counted.keys);
            return Err(format!(
                "`{component}` has {has} keys where {should} were written, or others"
            ));
        }
    }
    Ok(())
}

/// The component whose blocks come behind those of another one.
fn next_component(shared: &Shared, before: Option<&String>) -> Result<Option<String>, String> {
    let from = before.map(|before| keys::all_of(before).1);
    let from = from.as_deref().unwrap_or(keys::COMPONENTS);
    let Some((key, _)) = shared.tree.range(from, keys::END).next()? else { return Ok(None) };
    match keys::split(&key) {
        Some((component, _)) => Ok(Some(component.to_owned())),
        None => Err(format!("{:?} is no key", String::from_utf8_lossy(&key))),
    }
}
