//! What a processor may use from any thread until its close has returned.

use std::os::raw::c_int;
use std::sync::{Arc, PoisonError, RwLock};

use crate::abi::*;

/// How far the instance's life has got.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Phase {
    Open,
    Closing,
    Shut,
}

/// What stands between other threads and an instance that ends. Whoever is inside when it moves on is waited for.
pub struct Gate(RwLock<Phase>);

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::new(Gate(RwLock::new(Phase::Open)))
    }

    fn pass_until(&self, last: Phase, body: impl FnOnce()) {
        let phase = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if *phase <= last {
            body();
        }
    }

    /// Runs `body` unless the host has seen the end of the instance: its destructor is still part of it.
    pub fn pass(&self, body: impl FnOnce()) {
        self.pass_until(Phase::Closing, body);
    }

    /// Runs `body` unless the instance is being closed.
    pub fn pass_while_open(&self, body: impl FnOnce()) {
        self.pass_until(Phase::Open, body);
    }

    fn move_on(&self, to: Phase) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = to;
    }

    pub fn begin_closing(&self) {
        self.move_on(Phase::Closing);
    }

    pub fn shut(&self) {
        self.move_on(Phase::Shut);
    }
}

/// How grave a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever looks for a bug.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    fn raw(self) -> c_int {
        match self {
            Level::Debug => KST_LOG_DEBUG,
            Level::Info => KST_LOG_INFO,
            Level::Warn => KST_LOG_WARN,
            Level::Error => KST_LOG_ERROR,
        }
    }
}

/// The daemon's log, from any thread. Lines written after the processor's end are dropped.
#[derive(Clone)]
pub struct Logger {
    pub(super) context: *mut kst_context,
    pub(super) table: Option<&'static kst_log_extension>,
    pub(super) gate: Arc<Gate>,
}

// SAFETY: the function may be called from any thread until close has returned, which the gate sees to.
unsafe impl Send for Logger {}
// SAFETY: as above.
unsafe impl Sync for Logger {}

impl Logger {
    /// Writes one line; topology, task and node are added.
    pub fn log(&self, level: Level, message: &str) {
        if let Some(table) = self.table {
            // SAFETY: the context is alive inside the gate; the message is borrowed for the call.
            self.gate.pass(|| unsafe {
                (table.write)(self.context, level.raw(), message.as_ptr().cast(), message.len());
            });
        }
    }
}

/// A metric of the processor's own, from any thread. What is recorded after the processor's end is dropped.
#[derive(Clone)]
pub struct Metric {
    pub(super) metric: *mut kst_metric,
    pub(super) table: &'static kst_metrics_extension,
    pub(super) gate: Arc<Gate>,
}

// SAFETY: as for Logger.
unsafe impl Send for Metric {}
// SAFETY: as above.
unsafe impl Sync for Metric {}

impl Metric {
    /// A counter: adds `value` >= 0. A gauge: sets it. A histogram: observes it.
    pub fn record(&self, value: f64) {
        // SAFETY: the metric is valid inside the gate.
        self.gate.pass(|| unsafe { (self.table.record)(self.metric, value) });
    }
}
