//! What every store of queues has to do, run over each of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::single_range_in_vec_init)]

mod claims;
mod consumers;
mod kept;

use std::time::Duration;

use squall_broker::{
    Clock, MemoryStore, Message, QueueAttributes, QueueStore, Received, Store, StoreOptions,
};

const T0: u64 = 1_700_000_000_000;

/// A store, its clock, and what must outlive it.
struct Bench {
    store: Box<dyn QueueStore>,
    clock: Clock,
    _folder: Option<tempfile::TempDir>,
}

fn memory() -> Bench {
    let clock = Clock::manual(T0);
    Bench { store: Box::new(MemoryStore::new(clock.clone())), clock, _folder: None }
}

fn durable() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(T0);
    let options = StoreOptions { clock: clock.clone(), ..StoreOptions::small() };
    let store = Store::open(folder.path(), options).unwrap();
    Bench { store: Box::new(store), clock, _folder: Some(folder) }
}

impl Bench {
    fn queue(&self, name: &str) {
        self.store.create_queue(name, &QueueAttributes::default()).unwrap();
    }

    fn send(&self, queue: &str, bodies: &[&str]) {
        let messages: Vec<Message> =
            bodies.iter().map(|body| Message::new(body.to_string())).collect();
        self.store.send(queue, &messages).unwrap();
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.store.tick();
    }

    fn receive(&self, queue: &str, max: usize) -> Vec<Received> {
        self.store.receive(queue, "default", max, None).unwrap()
    }

    fn bodies(&self, queue: &str, max: usize) -> Vec<String> {
        self.receive(queue, max).iter().map(|m| text(&m.body)).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Each function becomes a test over every store.
macro_rules! suite {
    ($($module:ident: $($name:ident),* $(,)?;)*) => {
        mod over_memory {
            $($(#[test] fn $name() { crate::$module::$name(&crate::memory()); })*)*
        }
        mod over_durable {
            $($(#[test] fn $name() { crate::$module::$name(&crate::durable()); })*)*
        }
    };
}

suite!(
    consumers:
    messages_come_in_order_with_all_they_carry,
    a_lease_runs_out_and_redeliveries_come_first,
    handles_are_good_for_one_delivery,
    visibility_can_be_changed,
    each_group_has_its_own_account,
    too_many_deliveries_end_in_the_dead_letter_queue,
    dead_letters_cannot_go_in_a_circle,
    the_catalogue_keeps_names_and_attributes,
    ;
    kept:
    a_batch_is_sent_once_however_often_it_is_given,
    delays_end_and_keep_the_id,
    large_messages_are_refused,
    retention_ends_messages,
    purge_empties_and_raises_the_generation,
    rewind_brings_back_what_was_settled,
    a_new_group_is_not_given_what_all_others_have_settled,
    a_group_from_a_time_is_given_what_is_kept,
    ;
    claims:
    a_claim_excludes_others_and_a_newer_incarnation_takes_over,
    a_claim_fails_settles_and_buries,
    a_dropped_claim_gives_back_what_it_held,
    a_message_is_buried_once,
    a_claim_gives_nothing_up_by_itself,
    what_is_released_comes_again_in_order_and_at_once,
    the_floor_is_below_all_that_is_not_settled,
    ;
);
