//! Whether the states are what the counters say.

use std::collections::BTreeMap;

use super::{counters::Counters, keys, shared::Shared};

/// Reads all states and counts them; the words say what does not agree. Components of an
/// epoch that is applied in part are passed over: applying it again mends them.
pub(super) fn verify(shared: &Shared) -> Result<(), String> {
    let now = shared.now();
    let mut found: BTreeMap<String, Counters> = BTreeMap::new();
    let mut stray = None;
    // Entries come in order, so a component's come together.
    let mut in_hand = (String::new(), Counters::default());
    shared.tree.each(keys::COMPONENTS, keys::END, |key, value| {
        let Some((component, key)) = keys::split(key) else {
            stray = Some(format!("{:?} is no key", String::from_utf8_lossy(key)));
            return false;
        };
        if component != in_hand.0 {
            let done = std::mem::replace(&mut in_hand, (component.to_owned(), Counters::default()));
            found.insert(done.0, done.1);
        }
        in_hand.1.add(key, value);
        true
    })?;
    if let Some(stray) = stray {
        return Err(stray);
    }
    found.insert(in_hand.0, in_hand.1);
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
