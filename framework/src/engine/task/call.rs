//! A call of a batch bolt that is under way.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::FutureExt;

use super::panic_text;
use crate::{
    component::BatchBolt, engine::now_ns, error::Result, output::Output, tuple::TupleBatch,
};

/// What a finished call gives back.
pub(super) struct Returned {
    pub(super) bolt: Box<dyn BatchBolt>,
    pub(super) out: Output,
    pub(super) batch: TupleBatch,
    /// The outer error is the text of a panic.
    pub(super) result: Result<Result<()>, String>,
}

/// A call under way. It owns the bolt, the batch and the output until it ends;
/// dropping it fails the batch's rows.
pub(super) struct Call {
    future: Pin<Box<dyn Future<Output = Returned>>>,
    pub(super) started_ns: u64,
    /// The edges and bytes of the deliveries that the batch was put together from.
    pub(super) deliveries: Vec<(u32, u64)>,
}

impl Call {
    pub(super) fn new(
        mut bolt: Box<dyn BatchBolt>,
        mut out: Output,
        mut batch: TupleBatch,
        deliveries: Vec<(u32, u64)>,
    ) -> Self {
        let future = Box::pin(async move {
            out.anchor.begin(std::mem::take(&mut batch.origins));
            let result = AssertUnwindSafe(async { bolt.execute(&batch, &mut out).await })
                .catch_unwind()
                .await
                .map_err(|panic| panic_text(&*panic));
            Returned { bolt, out, batch, result }
        });
        Call { future, started_ns: now_ns(), deliveries }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Returned> {
        self.future.as_mut().poll(cx)
    }
}
