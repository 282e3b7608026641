//! The wake-up rule and the credits under the model checker, which goes
//! through every order in which two threads can see each other's steps.

use std::collections::VecDeque;

use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
};

use super::{credits::Credits, gate::Gate};

/// A task reduced to its gate, its inbox and a count of wake-ups to come.
struct Task {
    gate: Gate,
    inbox: Mutex<VecDeque<u32>>,
    wakes: AtomicU32,
}

impl Task {
    fn new() -> Arc<Self> {
        Arc::new(Task {
            gate: Gate::new(),
            inbox: Mutex::new(VecDeque::new()),
            wakes: AtomicU32::new(1), // as a new task is queued
        })
    }

    fn push(&self, item: u32) {
        self.inbox.lock().unwrap().push_back(item);
        if self.gate.notify() {
            self.wakes.fetch_add(1, SeqCst);
        }
    }

    /// Takes one wake-up, if there is one, and a turn. Gives how many items it took.
    fn turn(&self) -> usize {
        let wakes = self.wakes.load(SeqCst);
        if wakes == 0 {
            return 0;
        }
        self.wakes.fetch_sub(1, SeqCst);
        self.gate.begin();
        let taken = std::mem::take(&mut *self.inbox.lock().unwrap()).len();
        if self.gate.finish() {
            self.wakes.fetch_add(1, SeqCst);
        }
        taken
    }
}

#[test]
fn loom_a_task_never_sleeps_on_work() {
    loom::model(|| {
        let task = Task::new();
        let pushers: Vec<_> = (0..2)
            .map(|item| {
                let task = task.clone();
                thread::spawn(move || task.push(item))
            })
            .collect();
        let mut taken = task.turn() + task.turn();
        for pusher in pushers {
            pusher.join().unwrap();
        }
        // Nobody pushes any more: what is left must have a wake-up coming.
        while task.wakes.load(SeqCst) > 0 {
            taken += task.turn();
        }
        assert_eq!(taken, 2);
    });
}

#[test]
fn loom_a_blocked_sender_is_woken() {
    loom::model(|| {
        let credits = Arc::new(Credits::new(1, 100));
        let woken = Arc::new(AtomicU32::new(0));
        assert!(credits.take(10));
        let receiver = {
            let (credits, woken) = (credits.clone(), woken.clone());
            thread::spawn(move || {
                if credits.give(10) {
                    woken.fetch_add(1, SeqCst);
                }
            })
        };
        let sent = credits.take(10);
        receiver.join().unwrap();
        assert!(sent || woken.load(SeqCst) == 1, "blocked and never woken");
    });
}
