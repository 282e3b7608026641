//! An alarm that wakes a spout at a moment, to within some microseconds.

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

#[cfg(target_os = "linux")]
pub(crate) use linux::Alarm;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Alarm;

/// Linux: a timerfd in the arbiter's reactor, because the runtime's own
/// timers count whole milliseconds.
#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use super::{Context, Duration, Instant, Poll};

    #[derive(Debug)]
    pub(crate) struct Alarm {
        timer: AsyncFd<OwnedFd>,
        armed: bool,
    }

    impl Alarm {
        /// Must be called inside the arbiter's runtime.
        pub(crate) fn new() -> std::io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            // Deprecated for types that may close their descriptor early; an
            // `OwnedFd` keeps its own until it is dropped, so this is sound.
            #[allow(deprecated)]
            let timer = AsyncFd::new(timer)?;
            Ok(Alarm { timer, armed: false })
        }

        /// Rings at this moment instead of any set before.
        pub(crate) fn set(&mut self, at: Instant) -> std::io::Result<()> {
            // Zero would disarm the timer.
            let wait = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            let value = Timespec {
                tv_sec: wait.as_secs().min(i64::MAX as u64) as i64,
                tv_nsec: wait.subsec_nanos().into(),
            };
            let once =
                Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            self.armed = true;
            Ok(())
        }

        pub(crate) fn is_set(&self) -> bool {
            self.armed
        }

        /// Ready when it has rung; otherwise the context is woken when it does.
        pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            if !self.armed {
                return Poll::Ready(());
            }
            loop {
                let mut guard = match self.timer.poll_read_ready(cx) {
                    Poll::Ready(Ok(guard)) => guard,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                };
                let mut count = [0; 8];
                match rustix::io::read(self.timer.get_ref(), &mut count) {
                    Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                    _ => {
                        self.armed = false;
                        guard.clear_ready();
                        return Poll::Ready(());
                    }
                }
            }
        }
    }
}

/// Elsewhere: the runtime's timer, to within a millisecond.
#[cfg(not(target_os = "linux"))]
mod portable {
    use std::pin::Pin;

    use super::{Context, Duration, Instant, Poll};

    #[derive(Debug)]
    pub(crate) struct Alarm {
        sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    }

    impl Alarm {
        pub(crate) fn new() -> std::io::Result<Self> {
            Ok(Alarm { sleep: None })
        }

        pub(crate) fn set(&mut self, at: Instant) -> std::io::Result<()> {
            let wait = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            self.sleep = Some(Box::pin(tokio::time::sleep(wait)));
            Ok(())
        }

        pub(crate) fn is_set(&self) -> bool {
            self.sleep.is_some()
        }

        pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            let Some(sleep) = &mut self.sleep else { return Poll::Ready(()) };
            match sleep.as_mut().poll(cx) {
                Poll::Ready(()) => {
                    self.sleep = None;
                    Poll::Ready(())
                }
                Poll::Pending => Poll::Pending,
            }
        }
    }
}
