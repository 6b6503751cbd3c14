//! What a processor may ask of its task.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::raw::{c_char, c_void};
use std::sync::Arc;

use super::handles::{Gate, Level, Logger, Metric};
use super::held::Held;
use super::record::{bytes_at, Record};
use super::stores::KeyValueStore;
use super::versioned::VersionedStore;
use super::windowed::{SessionStore, WindowStore};
use crate::abi::*;
use crate::error::Why;
use crate::{Clock, Error, OwnedRecord, Schedule};

/// The host's tables of functions; what it does not have is None.
#[derive(Clone, Copy)]
pub struct Extensions {
    pub store: Option<&'static kst_store_extension>,
    pub window: Option<&'static kst_window_store_extension>,
    pub session: Option<&'static kst_session_store_extension>,
    pub versioned: Option<&'static kst_versioned_store_extension>,
    pub schedule: Option<&'static kst_schedule_extension>,
    pub held: Option<&'static kst_async_extension>,
    pub task: Option<&'static kst_task_extension>,
    pub log: Option<&'static kst_log_extension>,
    pub metrics: Option<&'static kst_metrics_extension>,
}

impl Extensions {
    pub fn of(host: &kst_host) -> Self {
        /// # Safety
        /// T is the table of that id and revision.
        unsafe fn find<T>(host: &kst_host, id: &str, revision: u32) -> Option<&'static T> {
            let id = CString::new(id).ok()?;
            // SAFETY: any thread may ask. Tables live as long as the process and begin with their size.
            unsafe {
                let table = (host.extension)(id.as_ptr(), revision);
                let whole = !table.is_null() && *table.cast::<u32>() as usize >= std::mem::size_of::<T>();
                whole.then(|| &*table.cast::<T>())
            }
        }
        // SAFETY: ids, revisions and types belong together.
        unsafe {
            Extensions {
                store: find(host, KST_STORE_EXTENSION, KST_STORE_REVISION),
                window: find(host, KST_WINDOW_STORE_EXTENSION, KST_WINDOW_STORE_REVISION),
                session: find(host, KST_SESSION_STORE_EXTENSION, KST_SESSION_STORE_REVISION),
                versioned: find(host, KST_VERSIONED_STORE_EXTENSION, KST_VERSIONED_STORE_REVISION),
                schedule: find(host, KST_SCHEDULE_EXTENSION, KST_SCHEDULE_REVISION),
                held: find(host, KST_ASYNC_EXTENSION, KST_ASYNC_REVISION),
                task: find(host, KST_TASK_EXTENSION, KST_TASK_REVISION),
                log: find(host, KST_LOG_EXTENSION, KST_LOG_REVISION),
                metrics: find(host, KST_METRICS_EXTENSION, KST_METRICS_REVISION),
            }
        }
    }
}

/// A table that is there, or an error that says what is missing.
pub fn need<T>(table: Option<&'static T>, id: &str) -> Result<&'static T, Error> {
    table.ok_or_else(|| Error::fatal(format!("this kstreamd has no {id} (revision 1): install a newer one")))
}

/// One of a processor's outputs, or one child node, as records are forwarded to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output(pub(super) u32);

impl Output {
    /// The output at a position of [`crate::Processor::OUTPUTS`]; 0 is also the one unnamed output.
    pub const fn nth(position: u32) -> Self {
        Output(position)
    }
}

/// What is known of the node at any time.
pub struct Node {
    pub(super) host: &'static kst_host,
    pub(super) context: *mut kst_context,
    pub(super) extensions: Extensions,
    pub(super) gate: Arc<Gate>,
    /// Whether the host has refused something, and said why, outside of a Context.
    pub(super) refused: Cell<bool>,
}

impl Node {
    fn name_of(
        &self,
        which: fn(&kst_task_extension) -> unsafe extern "C" fn(*mut kst_context) -> *const c_char,
    ) -> &str {
        // SAFETY: zero-terminated, valid as long as the context, and a Node is lent out for single calls only.
        let name = self.extensions.task.map(|table| unsafe { CStr::from_ptr(which(table)(self.context)) });
        name.and_then(|name| name.to_str().ok()).unwrap_or("")
    }

    /// The topology's name.
    pub fn application_id(&self) -> &str {
        self.name_of(|table| table.application_id)
    }

    /// The task: "lines-0".
    pub fn task_id(&self) -> &str {
        self.name_of(|table| table.task_id)
    }

    /// The node's name in the topology.
    pub fn node_name(&self) -> &str {
        self.name_of(|table| table.node_name)
    }

    /// The wall clock in ms since 1970; a manual one in tests.
    pub fn wall_time(&self) -> i64 {
        // SAFETY: allowed in create and later.
        self.extensions.task.map_or(0, |table| unsafe { (table.wall_time)(self.context) })
    }

    /// The output of a name, or a child node of this name, which then gets the records alone. The error lists what there
    /// is.
    pub fn output(&self, name: &str) -> Result<Output, Error> {
        let mut number = 0;
        // SAFETY: the name is borrowed for the call.
        match unsafe { (self.host.output)(self.context, name.as_ptr().cast(), name.len(), &mut number) } {
            KST_OK => Ok(Output(number)),
            status => {
                self.refused.set(true);
                Err(Error::host(status))
            }
        }
    }

    /// One line to the daemon's log.
    pub fn log(&self, level: Level, message: &str) {
        self.logger().log(level, message);
    }

    /// The log for use by other threads.
    pub fn logger(&self) -> Logger {
        Logger { context: self.context, table: self.extensions.log, gate: self.gate.clone() }
    }
}

/// What there is while an instance is created.
pub struct Setup<'s> {
    pub(super) node: &'s Node,
}

impl Deref for Setup<'_> {
    type Target = Node;
    fn deref(&self) -> &Node {
        self.node
    }
}

impl Setup<'_> {
    /// A counter, shown as `kstreamd_plugin_NAME_total`. NAME is `[a-z][a-z0-9_]*`, with its unit; `help` is one line.
    pub fn counter(&mut self, name: &str, help: &str) -> Result<Metric, String> {
        self.metric(KST_COUNTER, name, help)
    }

    /// A gauge: a value that is set. Shown as `kstreamd_plugin_NAME`.
    pub fn gauge(&mut self, name: &str, help: &str) -> Result<Metric, String> {
        self.metric(KST_GAUGE, name, help)
    }

    /// A histogram, with buckets made for seconds from 0.0001 to 100.
    pub fn histogram(&mut self, name: &str, help: &str) -> Result<Metric, String> {
        self.metric(KST_HISTOGRAM, name, help)
    }

    fn metric(&mut self, kind: u32, name: &str, help: &str) -> Result<Metric, String> {
        let table = need(self.node.extensions.metrics, KST_METRICS_EXTENSION).map_err(|e| e.to_string())?;
        let text =
            |text: &str| CString::new(text).map_err(|_| format!("the metric '{name}' has a zero byte in a text"));
        let mut metric = std::ptr::null_mut();
        // SAFETY: the texts are zero-terminated, and borrowed for the call.
        let status =
            unsafe { (table.make)(self.node.context, kind, text(name)?.as_ptr(), text(help)?.as_ptr(), &mut metric) };
        if status != KST_OK {
            self.node.refused.set(true);
            return Err(format!("the host refused the metric '{name}'"));
        }
        Ok(Metric { metric, table, gate: self.node.gate.clone() })
    }
}

/// How many records of one output wait.
const COLLECT_AT_MOST: usize = 1024;

/// Outputs of a batch that wait to be forwarded together.
pub type Collected = Vec<(u32, Vec<kst_record>)>;

/// What a processor may ask of its task during a call. What it lends lives as long as the call, 'c.
pub struct Context<'c> {
    pub(super) node: &'c Node,
    pub(super) batch: &'c [Record<'c>],
    at: Option<usize>,
    pub(super) status: kst_status, // the first of the host's that was not KST_OK
    collected: &'c mut Collected,
    // Neither shared nor sent: the host takes these calls from the thread it called on.
    here: PhantomData<*mut ()>,
}

impl Deref for Context<'_> {
    type Target = Node;
    fn deref(&self) -> &Node {
        self.node
    }
}

impl<'c> Context<'c> {
    pub(super) fn new(node: &'c Node, batch: &'c [Record<'c>], collected: &'c mut Collected) -> Self {
        for (_, records) in collected.iter_mut() {
            records.clear();
        }
        let at = if batch.len() == 1 { Some(0) } else { None };
        Context { node, batch, at, status: KST_OK, collected, here: PhantomData }
    }

    /// For processors of batches: what follows is about the record of this index, an error too.
    pub fn processing(&mut self, index: usize) {
        self.at = Some(index);
    }

    /// Hands a record to all children of output 0. Those of a batch are handed on together, once it is done; a result
    /// never depends on that.
    pub fn forward(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.forward_to(Output(0), record)
    }

    /// Hands a record to all children of an output, or to one child: see [`Node::output`].
    pub fn forward_to(&mut self, output: Output, record: &Record<'_>) -> Result<(), Error> {
        let mut raw = *record.raw();
        if let (true, Some(from)) = (raw.origin.is_null(), self.current()) {
            raw.origin = from.origin;
        }
        if self.batch.len() < 2 {
            return self.hand_on(output.0, &[raw]);
        }
        if self.is_foreign(&raw) {
            let status = self.flush();
            self.take(status)?;
            return self.hand_on(output.0, &[raw]);
        }
        let kept = self.keep(raw);
        let waiting = match self.collected.iter_mut().find(|(number, _)| *number == output.0) {
            Some((_, records)) => {
                records.push(kept);
                records.len()
            }
            None => {
                self.collected.push((output.0, vec![kept]));
                1
            }
        };
        if waiting < COLLECT_AT_MOST {
            return Ok(());
        }
        let status = self.flush();
        self.take(status)
    }

    fn hand_on(&mut self, output: u32, records: &[kst_record]) -> Result<(), Error> {
        let status = self.hand_on_raw(output, records);
        self.take(status)
    }

    fn hand_on_raw(&self, output: u32, records: &[kst_record]) -> kst_status {
        // SAFETY: the records are borrowed for the call.
        unsafe { (self.node.host.forward)(self.node.context, output, records.as_ptr(), records.len()) }
    }

    /// Forwards what was collected.
    fn flush(&mut self) -> kst_status {
        let mut collected = std::mem::take(self.collected);
        let mut status = KST_OK;
        for (output, records) in &mut collected {
            if status == KST_OK && !records.is_empty() {
                status = self.hand_on_raw(*output, records);
            }
            records.clear();
        }
        *self.collected = collected; // its memory serves the next batch
        status
    }

    /// The record that is being processed, where it is known.
    fn current(&self) -> Option<&'c kst_record> {
        self.at.and_then(|at| self.batch.get(at)).map(Record::raw)
    }

    /// Whether it has something that cannot be copied, and may be gone before the batch is done.
    fn is_foreign(&self, raw: &kst_record) -> bool {
        let foreign = |value: &kst_value, whole: fn(&kst_record) -> &kst_value| {
            // SAFETY: every kind fills the 8 bytes of the union; they are compared as bits.
            let same = |other: &kst_value| unsafe { other.type_ == value.type_ && other.u.integer == value.u.integer };
            value.type_ >= KST_OBJECT && !self.current().map_or(false, |from| same(whole(from)))
        };
        foreign(&raw.key, |record| &record.key) || foreign(&raw.value, |record| &record.value)
    }

    /// The record with everything it borrows in memory that lives until the call returns. What is the current record's is
    /// not copied.
    fn keep(&self, mut raw: kst_record) -> kst_record {
        let from = self.current();
        let keep = |value: kst_value, whole: fn(&kst_record) -> &kst_value| {
            if !matches!(value.type_, KST_STRING | KST_BYTES | KST_JSON) || value.size == 0 {
                return value;
            }
            // SAFETY: the tag of each says that its union holds data. An address alone proves nothing: behind one with
            // fewer bytes there may be somebody else's.
            let same = |other: &kst_value| unsafe {
                other.type_ == value.type_ && other.u.data == value.u.data && other.size >= value.size
            };
            if from.map_or(false, |from| same(whole(from))) {
                return value;
            }
            // SAFETY: the tag says so.
            let data = unsafe { self.copy_raw(value.u.data.cast(), value.size as usize) };
            kst_value { u: kst_value_content { data: data.cast() }, ..value }
        };
        raw.key = keep(raw.key, |record| &record.key);
        raw.value = keep(raw.value, |record| &record.value);
        let same = |from: &kst_record| from.headers == raw.headers && from.header_count >= raw.header_count;
        if raw.header_count > 0 && !from.map_or(false, same) {
            raw.headers = self.keep_headers(&raw);
        }
        raw
    }

    fn keep_headers(&self, raw: &kst_record) -> *const kst_header {
        let count = raw.header_count as usize;
        // SAFETY: the record is valid while it is forwarded, and scratch gives room that is aligned to 16.
        unsafe {
            let to = self.scratch(count * std::mem::size_of::<kst_header>()).cast::<kst_header>();
            for (index, header) in Record::from_raw(*raw).headers().iter().enumerate() {
                let mut copy = *header.raw();
                copy.name = self.copy_raw(copy.name.cast(), copy.name_size as usize).cast();
                if !copy.value.is_null() {
                    copy.value = self.copy_raw(copy.value, copy.value_size as usize);
                }
                to.add(index).write(copy);
            }
            to
        }
    }

    fn scratch(&self, size: usize) -> *mut c_void {
        // SAFETY: during a call into the processor; never NULL.
        unsafe { (self.node.host.scratch)(self.node.context, size.max(1)) }
    }

    /// # Safety
    /// There are `size` bytes at `data`.
    unsafe fn copy_raw(&self, data: *const c_void, size: usize) -> *const c_void {
        let to = self.scratch(size).cast::<u8>();
        // SAFETY: fresh memory of this size; and the caller's word.
        unsafe { to.copy_from_nonoverlapping(bytes_at(data, size).as_ptr(), size) };
        to.cast()
    }

    /// Counts records as dropped for a reason: `[a-z_]+`, at most 63 letters. Simply do not forward them.
    pub fn drop_many(&mut self, reason: &str, count: usize) {
        with_reason(reason, |reason| {
            // SAFETY: zero-terminated, borrowed for the call.
            unsafe { (self.node.host.drop)(self.node.context, reason, count) };
        });
    }

    /// Counts the record as dropped for a reason.
    pub fn drop(&mut self, reason: &str) {
        self.drop_many(reason, 1);
    }

    /// Holds one record of the batch at hand, to be finished later from any thread: only for types with
    /// [`crate::Processor::MAX_IN_FLIGHT`], which do not forward while they process.
    pub fn hold(&mut self, record: &Record<'_>) -> Result<Held, Error> {
        let table = need(self.node.extensions.held, KST_ASYNC_EXTENSION)?;
        let copy = OwnedRecord::copy_of(record).map_err(Error::record)?;
        let mut token = kst_token { processor: 0, record: 0 };
        let mut held = std::ptr::null();
        // SAFETY: the host recognises a record that is not of the batch.
        let status = unsafe { (table.hold)(self.node.context, record.raw(), &mut token, &mut held) };
        self.take(status)?;
        Ok(Held::new(token, table, copy, self.node.gate.clone()))
    }

    /// The key-value store at a position of the node's `stores`.
    pub fn key_value(&mut self, store: u32) -> KeyValueStore<'_, 'c> {
        KeyValueStore { context: self, store }
    }

    /// The window store at a position of the node's `stores`.
    pub fn window(&mut self, store: u32) -> WindowStore<'_, 'c> {
        WindowStore { context: self, store }
    }

    /// The session store at a position of the node's `stores`.
    pub fn session(&mut self, store: u32) -> SessionStore<'_, 'c> {
        SessionStore { context: self, store }
    }

    /// The versioned store at a position of the node's `stores`.
    pub fn versioned(&mut self, store: u32) -> VersionedStore<'_, 'c> {
        VersionedStore { context: self, store }
    }

    /// Asks for a punctuation every `interval` ms (1 or more). `start`: the first time, in ms since 1970 (0 or more); where
    /// the wall clock is past it, the first time in steps of the interval that is not. None: stream time counts from 0, so
    /// that it fires with the first record, and the wall clock fires one interval from now.
    pub fn schedule(&mut self, clock: Clock, interval: i64, start: Option<i64>) -> Result<Schedule, Error> {
        let table = need(self.node.extensions.schedule, KST_SCHEDULE_EXTENSION)?;
        let kind = match clock {
            Clock::StreamTime => KST_STREAM_TIME,
            Clock::WallClock => KST_WALL_CLOCK,
        };
        let mut number = 0;
        // SAFETY: called on the context's thread.
        let status =
            unsafe { (table.schedule)(self.node.context, kind, interval, start.unwrap_or(KST_NO_START), &mut number) };
        self.take(status)?;
        Ok(Schedule(number))
    }

    /// Ends a schedule, also from within its own punctuation.
    pub fn cancel(&mut self, schedule: Schedule) {
        if let Some(table) = self.node.extensions.schedule {
            // SAFETY: called on the context's thread; a number that is not in use is ignored.
            unsafe { (table.cancel)(self.node.context, schedule.0) };
        }
    }

    /// The greatest record timestamp that the task has taken up, in ms: at a record that is being processed up to and
    /// including that one, however batches are cut; -1 before the first.
    pub fn stream_time(&self) -> i64 {
        if let Some(origin) = self.at.and_then(|at| self.batch.get(at)).and_then(Record::origin) {
            return origin.stream_time();
        }
        // SAFETY: called during init, process or punctuate.
        self.node.extensions.task.map_or(-1, |table| unsafe { (table.stream_time)(self.node.context) })
    }

    /// Asks for a commit soon after this batch.
    pub fn request_commit(&mut self) {
        if let Some(table) = self.node.extensions.task {
            // SAFETY: as in stream_time.
            unsafe { (table.request_commit)(self.node.context) };
        }
    }

    /// A status of the host as a result, remembered.
    pub(super) fn take(&mut self, status: kst_status) -> Result<(), Error> {
        if status == KST_OK {
            return Ok(());
        }
        if self.status == KST_OK {
            self.status = status;
        }
        Err(Error::host(status))
    }

    /// What the call answers to the host: `done` is set to the record that failed.
    pub(super) fn conclude(
        mut self,
        result: Result<Result<(), Error>, String>,
        done: Option<&mut usize>,
    ) -> kst_status {
        let (status, message) = match result.unwrap_or_else(|panic| Err(Error::record(panic))) {
            _ if self.status != KST_OK => (self.status, String::new()), // the host knows why
            Ok(()) => (self.flush(), String::new()),
            Err(Error(Why::Record(message))) => (KST_RECORD_ERROR, message),
            Err(Error(Why::Fatal(message))) => (KST_FATAL, message),
            Err(Error(Why::Host(status))) => (status, String::new()),
        };
        if status != KST_RECORD_ERROR {
            return self.answer(status, &message);
        }
        match (done, self.at) {
            (Some(done), Some(at)) if at < self.batch.len() => {
                *done = at;
                match self.flush() {
                    KST_OK => self.answer(status, &message),
                    failed => failed,
                }
            }
            (Some(_), _) => self.answer(
                KST_FATAL,
                &format!(
                    "a processor of batches failed without saying at which record (Context::processing): {message}"
                ),
            ),
            (None, _) => self.answer(KST_FATAL, &message),
        }
    }

    fn answer(&self, status: kst_status, message: &str) -> kst_status {
        if !message.is_empty() {
            self.node.say(message);
        }
        status
    }
}

impl Node {
    /// Why the status that is about to be returned is not KST_OK.
    pub(super) fn say(&self, message: &str) {
        // SAFETY: the message is borrowed for the call.
        unsafe { (self.host.fail)(self.context, message.as_ptr().cast(), message.len()) };
    }
}

/// Gives `body` the reason of a drop, zero-terminated, without memory from the heap.
pub fn with_reason<R>(reason: &str, body: impl FnOnce(*const c_char) -> R) -> R {
    let well_formed = !reason.is_empty() && reason.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut text = [0u8; 64];
    assert!(well_formed && reason.len() < text.len(), "'{reason}' is no reason to drop: [a-z_]+, at most 63 letters");
    text[..reason.len()].copy_from_slice(reason.as_bytes());
    body(text.as_ptr().cast())
}
