//! Ctrl-C and its kin: the first asks to finish what is under way, the second ends at once.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use crate::failure::{Exit, Failure};

/// A shell or `timeout` may send one signal to the process and once more to its group: what comes
/// so soon after the first is no second wish.
const BOUNCE: Duration = Duration::from_millis(300);

/// Whether the process was asked to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals(Arc<AtomicBool>);

impl Signals {
    /// Begins to listen for SIGINT, SIGTERM and SIGHUP.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let cannot = |error| Failure::failed(format!("cannot listen for Ctrl-C: {error}"));
        let runtime = Builder::new_current_thread().enable_io().build().map_err(cannot)?;
        let signals = Signals::default();
        let ours = signals.clone();
        let (mut interrupt, mut terminate, mut hangup) = {
            let _inside = runtime.enter();
            let listen = |kind| signal(kind).map_err(cannot);
            (
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
            )
        };
        let thread = thread::Builder::new().name("squall-signals".into());
        let listening = thread.spawn(move || {
            runtime.block_on(async {
                let mut first: Option<Instant> = None;
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                    match first {
                        Some(at) if at.elapsed() > BOUNCE => {
                            process::exit(i32::from(Exit::Interrupted.code()));
                        }
                        Some(_) => {}
                        None => first = Some(Instant::now()),
                    }
                    ours.0.store(true, Relaxed);
                }
            });
        });
        listening.map_err(cannot)?;
        Ok(signals)
    }

    /// Whether the process was asked to end.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Relaxed)
    }
}
