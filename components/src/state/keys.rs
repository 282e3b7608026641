//! Keys in sled. One tree: a component's id, a zero byte, the component's own key. What begins with
//! a zero byte is about the folder itself.

use squall_framework::StateError;

/// The topology's name.
pub(super) const TOPOLOGY: &[u8] = b"\0t";
/// The mark of the last applied epoch.
pub(super) const APPLIED: &[u8] = b"\0a";
/// Before the parity of an epoch and a number: pieces of the positions.
const POSITIONS: &[u8] = b"\0p";
/// Before a component's id: its counters.
const COUNTERS: &[u8] = b"\0c";
/// Where the keys of components begin.
pub(super) const COMPONENTS: &[u8] = b"\x01";
/// Behind all keys: ids are texts, which have no such byte.
pub(super) const END: &[u8] = b"\xff";

/// The key of a component's key.
pub(super) fn key(component: &str, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(component.len() + 1 + key.len());
    full.extend_from_slice(component.as_bytes());
    full.push(0);
    full.extend_from_slice(key);
    full
}

/// Where the keys of a component begin and end.
pub(super) fn all_of(component: &str) -> (Vec<u8>, Vec<u8>) {
    let from = key(component, &[]);
    let mut to = from.clone();
    if let Some(last) = to.last_mut() {
        *last = 1;
    }
    (from, to)
}

/// The component and its own key.
pub(super) fn split(full: &[u8]) -> Option<(&str, &[u8])> {
    let end = full.iter().position(|&byte| byte == 0)?;
    Some((std::str::from_utf8(&full[..end]).ok()?, &full[end + 1..]))
}

/// The key of a component's counters.
pub(super) fn counters(component: &str) -> Vec<u8> {
    [COUNTERS, component.as_bytes()].concat()
}

/// Where the counters of all components begin and end.
pub(super) fn all_counters() -> (&'static [u8], &'static [u8]) {
    (COUNTERS, b"\0d")
}

/// The component of a key of counters.
pub(super) fn counted(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.strip_prefix(COUNTERS)?).ok()
}

/// The key of a piece of an epoch's positions. Epochs take turns with two places, so those of the
/// epoch before are whole until the mark has moved on.
pub(super) fn positions(epoch: u64, piece: u16) -> Vec<u8> {
    [POSITIONS, &[(epoch & 1) as u8], &piece.to_be_bytes()].concat()
}

/// Whether this can be a component's id here.
///
/// # Errors
/// It cannot.
pub(super) fn check(component: &str) -> Result<(), StateError> {
    if component.is_empty() || component.contains('\0') {
        return Err(StateError::fatal(format!("{component:?} cannot be the id of a component")));
    }
    Ok(())
}
