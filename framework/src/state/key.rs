//! Keys of states, and the key groups they belong to.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::tuple::{Show, ValueRef};

/// Keys are spread over this many groups, and the groups over the tasks, so that a group can move
/// as a whole when the number of tasks changes. Fixed for ever: state is found by it.
pub const KEY_GROUPS: u64 = 256;
const SEED: u64 = 0x5155_414c_4c00_0001;

/// The group of an encoded key.
pub(crate) fn group_of(key: &[u8]) -> u8 {
    (xxh3_64_with_seed(key, SEED) % KEY_GROUPS) as u8
}

/// What can be the key of a value in a state: a text, a number, or a tuple of them.
pub trait StateKey {
    /// Appends the key's canonical encoding.
    fn encode_key(&self, to: &mut Vec<u8>);
}

impl<T: Show + ?Sized> StateKey for T {
    fn encode_key(&self, to: &mut Vec<u8>) {
        self.show().encode(to);
    }
}

impl StateKey for [ValueRef<'_>] {
    fn encode_key(&self, to: &mut Vec<u8>) {
        self.iter().for_each(|value| value.encode(to));
    }
}

impl StateKey for &[ValueRef<'_>] {
    fn encode_key(&self, to: &mut Vec<u8>) {
        (**self).encode_key(to);
    }
}

macro_rules! tuple_key {
    ($($name:ident $index:tt),*) => {
        impl<$($name: StateKey),*> StateKey for ($($name,)*) {
            fn encode_key(&self, to: &mut Vec<u8>) {
                $(self.$index.encode_key(to);)*
            }
        }
        impl<$($name: StateKey),*> StateKey for &($($name,)*) {
            fn encode_key(&self, to: &mut Vec<u8>) {
                (**self).encode_key(to);
            }
        }
    };
}

tuple_key!(A 0, B 1);
tuple_key!(A 0, B 1, C 2);
tuple_key!(A 0, B 1, C 2, D 3);
