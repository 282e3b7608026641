//! Ctrl-C and its kin: the first asks to finish what is under way, the second ends at once.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use crate::failure::{Exit, Failure};

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
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                    if ours.0.swap(true, Relaxed) {
                        process::exit(i32::from(Exit::Interrupted.code()));
                    }
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
