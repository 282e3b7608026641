//! The groups of a place, where it has several.

use squall_framework::Result;

use super::{
    codec::Reader,
    keys::Key,
    list::{List, entries},
    store::Store,
};

fn read(store: &Store) -> Result<List> {
    let mut list = List::default();
    store.state().read(Key::Groups, |bytes| {
        bytes.map_or(Ok(()), |bytes| list.decode(&mut Reader::new(bytes)))
    })??;
    Ok(list)
}

fn write(store: &mut Store, list: &List) -> Result<()> {
    if list.is_empty() {
        store.state().delete(Key::Groups)
    } else {
        store.put(Key::Groups, |to| list.encode(to))
    }
}

/// Adds a group that is not there.
pub(super) fn add(store: &mut Store, group: &[u8]) -> Result<()> {
    let mut list = read(store)?;
    list.append(group, store, Key::GroupsPart)?;
    write(store, &list)
}

/// All groups.
pub(super) fn all(store: &Store) -> Result<Vec<Vec<u8>>> {
    let all = read(store)?.all(store, Key::GroupsPart)?;
    entries(&all).map(|group| group.map(<[u8]>::to_vec)).collect()
}

/// Makes these the only groups.
pub(super) fn replace(store: &mut Store, groups: &[Vec<u8>]) -> Result<()> {
    read(store)?.forget(store, Key::GroupsPart)?;
    let mut list = List::default();
    for group in groups {
        list.append(group, store, Key::GroupsPart)?;
    }
    write(store, &list)
}
