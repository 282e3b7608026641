//! Runs that must not begin.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    message::{Message, Nature},
    process::{Over, Process},
    world::{Shared, World},
};

/// A world in which nothing goes wrong, and some messages in its first queue.
fn peaceful() -> Shared {
    let mut world = World::new(1, false);
    world.faults.on = false;
    for offset in 0..5 {
        let mut message = Message::draw(&mut world.rng, (0, offset), 1, 0);
        message.nature = Nature::Plain;
        world.messages.push(message);
        world.done.push(false);
        world.queues[0].send(offset as usize);
    }
    Arc::new(Mutex::new(world))
}

/// Runs a process until it has worked on everything and is over, or is refused.
fn run(world: &Shared, number: usize) -> Over {
    let mut process = Process::new(world, number, 0);
    let mut parts = Vec::new();
    for _ in 0..100_000 {
        if let Some(over) = process.over() {
            assert_eq!(world.lock().violation, None);
            return over.clone();
        }
        let now = world.lock().now;
        parts.clear();
        process.ready(now, &mut parts);
        let all_done = world.lock().queues.iter().all(|queue| queue.is_done());
        if all_done && process.is_idle() && process.ending.is_none() {
            process.finish(false);
        } else if parts.is_empty() {
            world.lock().now = process.due(now).unwrap_or(now);
        } else {
            let (part, _) = parts[world.lock().rng.usize(..parts.len())];
            process.step(part, now);
        }
    }
    panic!("the run does not end");
}

#[test]
fn a_queue_that_was_rewound_is_not_read_into_the_same_numbers_again() {
    let world = peaceful();
    assert_eq!(run(&world, 0), Over::InOrder);
    assert_eq!(run(&world, 1), Over::InOrder, "nothing has changed");
    world.lock().queues[0].rewind();
    let Over::Refused(reason) = run(&world, 2) else { panic!("it was read again") };
    assert!(reason.contains("rewound") && reason.contains("generation 2"), "{reason}");
}

#[test]
fn a_queue_of_which_nothing_was_read_may_be_another_one() {
    let world = peaceful();
    world.lock().queues.push(Default::default());
    world.lock().plan.sources += 1;
    assert_eq!(run(&world, 0), Over::InOrder);
    let last = world.lock().queues.len() - 1;
    world.lock().queues[last].rewind();
    assert_eq!(run(&world, 1), Over::InOrder);
}

#[test]
fn a_store_without_its_folder_and_a_folder_without_its_store_are_refused() {
    let world = peaceful();
    assert_eq!(run(&world, 0), Over::InOrder);
    let folder = std::mem::take(&mut world.lock().folders[0]);
    let Over::Refused(reason) = run(&world, 1) else { panic!("it began without its states") };
    assert!(reason.contains("squall state rebuild"), "{reason}");
    world.lock().folders[0] = folder;
    world.lock().store = Default::default();
    world.lock().store.record.incarnation = 10;
    let Over::Refused(reason) = run(&world, 2) else { panic!("it began with another store") };
    assert!(reason.contains("has no results of this topology"), "{reason}");
}
