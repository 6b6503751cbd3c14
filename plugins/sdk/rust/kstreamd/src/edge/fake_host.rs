//! The host's side of the ABI in miniature: what `testing::Task` gives to a processor in a daemon's place.
//!
//! A Bed stands behind every kst_context here. Its functions are called by the thread that runs the task, but for the log,
//! metrics and completions.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::mem::size_of;
use std::os::raw::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::fake_stores as stores;
use super::fake_versions as versions;
use super::record::{bytes_at, Record};
use crate::abi::*;
use crate::{Clock, OwnedRecord, OwnedValue};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What became of a held record.
pub enum Completion {
    Done(Vec<(u32, OwnedRecord)>),
    Failed(String),
    Dropped(String),
}

/// The held records of one task that are under way, and those that came back.
#[derive(Default)]
pub struct Inbox {
    pub state: Mutex<InboxState>,
    pub arrived: Condvar,
}

#[derive(Default)]
pub struct InboxState {
    pub waited_for: BTreeSet<u64>,
    pub back: BTreeMap<u64, Completion>,
}

static INBOXES: Mutex<Vec<(u64, Arc<Inbox>)>> = Mutex::new(Vec::new());
static LAST_INBOX: AtomicU64 = AtomicU64::new(0);

/// Where the completions of a number, never used before, go from now on.
pub fn open_inbox() -> (u64, Arc<Inbox>) {
    let number = LAST_INBOX.fetch_add(1, Ordering::Relaxed) + 1;
    let inbox = Arc::new(Inbox::default());
    lock(&INBOXES).push((number, inbox.clone()));
    (number, inbox)
}

pub fn close_inbox(number: u64) {
    lock(&INBOXES).retain(|(known, _)| *known != number);
}

pub struct DueSchedule {
    pub clock: Clock,
    pub interval: i64,
    pub next: i64,
}

/// A metric and everything that was recorded by it.
pub struct FakeMetric {
    pub kind: u32,
    pub recorded: Mutex<Vec<f64>>,
}

#[derive(Default)]
pub struct State {
    pub message: String,
    pub forwarded: BTreeMap<u32, Vec<OwnedRecord>>,
    pub dropped: BTreeMap<String, usize>,
    pub stores: Vec<stores::Store>,
    pub schedules: BTreeMap<u64, DueSchedule>,
    pub last_schedule: u64,
    pub stream_time: i64,
    pub wall_time: i64,
    pub commit_requested: bool,
    /// The records of the batch at hand: their addresses, to recognise what is held.
    pub batch: (usize, usize),
    pub held: Vec<(u64, OwnedValue)>,
    pub last_held: u64,
    /// Lent to the processor until its call returns.
    pub scratch: Vec<Box<[u128]>>,
    #[allow(clippy::vec_box)] // they are lent: their addresses stay
    pub lent: Vec<Box<OwnedValue>>,
}

pub struct Bed {
    pub outputs: &'static [&'static str],
    pub name: &'static str,
    pub may_hold: bool,
    pub number: u64,
    pub inbox: Arc<Inbox>,
    pub log: Mutex<Vec<String>>,
    pub metrics: Mutex<BTreeMap<String, Box<FakeMetric>>>,
    pub state: RefCell<State>,
}

impl Bed {
    /// # Safety
    /// `context` is the handle of a bed that lives for 'a.
    pub unsafe fn of<'a>(context: *mut kst_context) -> &'a Bed {
        // SAFETY: the caller's word.
        unsafe { &*context.cast::<Bed>() }
    }

    pub fn handle(&self) -> *mut kst_context {
        (self as *const Bed as *mut Bed).cast()
    }

    pub fn refuse(&self, message: impl Into<String>) -> kst_status {
        self.state.borrow_mut().message = message.into();
        KST_FATAL
    }
}

// All functions below: SAFETY. They are called as the ABI says, by the processor under test, with the handle of its bed.

unsafe extern "C" fn forward(
    context: *mut kst_context,
    output: u32,
    records: *const kst_record,
    count: usize,
) -> kst_status {
    let (bed, records) = unsafe { (Bed::of(context), Record::slice(records, count)) };
    if bed.may_hold && bed.state.borrow().batch.1 > 0 {
        return bed.refuse("a processor that holds records completes them; it does not forward during process");
    }
    if output as usize >= bed.outputs.len().max(1) {
        return bed.refuse(format!("there is no output {output}"));
    }
    for record in records {
        match OwnedRecord::copy_of(record) {
            Ok(copy) => bed.state.borrow_mut().forwarded.entry(output).or_default().push(copy),
            Err(why) => return bed.refuse(why),
        }
    }
    KST_OK
}

unsafe extern "C" fn output(
    context: *mut kst_context,
    name: *const c_char,
    size: usize,
    number: *mut u32,
) -> kst_status {
    let (bed, name) = unsafe { (Bed::of(context), bytes_at(name.cast(), size)) };
    match bed.outputs.iter().position(|output| output.as_bytes() == name) {
        Some(found) => {
            unsafe { *number = found as u32 };
            KST_OK
        }
        None => bed.refuse(format!(
            "there is no output '{}'; there are: {}",
            String::from_utf8_lossy(name),
            bed.outputs.join(", ")
        )),
    }
}

unsafe extern "C" fn fail(context: *mut kst_context, message: *const c_char, size: usize) {
    let (bed, message) = unsafe { (Bed::of(context), bytes_at(message.cast(), size)) };
    bed.state.borrow_mut().message = String::from_utf8_lossy(message).into_owned();
}

unsafe extern "C" fn drop_records(context: *mut kst_context, reason: *const c_char, count: usize) {
    let (bed, reason) = unsafe { (Bed::of(context), CStr::from_ptr(reason)) };
    *bed.state.borrow_mut().dropped.entry(reason.to_string_lossy().into_owned()).or_default() += count;
}

unsafe extern "C" fn scratch(context: *mut kst_context, size: usize) -> *mut c_void {
    let bed = unsafe { Bed::of(context) };
    let mut block = vec![0u128; size / 16 + 1].into_boxed_slice();
    let data = block.as_mut_ptr();
    bed.state.borrow_mut().scratch.push(block);
    data.cast()
}

unsafe extern "C" fn schedule(
    context: *mut kst_context,
    kind: u32,
    interval: i64,
    start: i64,
    number: *mut u64,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    if interval < 1 {
        return bed.refuse(format!("a punctuation every {interval} ms: it must be 1 or more"));
    }
    if start < 0 && start != KST_NO_START {
        return bed.refuse(format!("a punctuation that starts at {start} ms: it must be 0 or more"));
    }
    let clock = if kind == KST_STREAM_TIME { Clock::StreamTime } else { Clock::WallClock };
    let mut state = bed.state.borrow_mut();
    let next = match (start, clock) {
        (KST_NO_START, Clock::StreamTime) => 0,
        (KST_NO_START, Clock::WallClock) => state.wall_time + interval,
        (_, Clock::StreamTime) => start,
        // The first time in steps of the interval that is not past.
        (_, Clock::WallClock) => start + ((state.wall_time - start).max(0) + interval - 1) / interval * interval,
    };
    state.last_schedule += 1;
    let made = state.last_schedule;
    state.schedules.insert(made, DueSchedule { clock, interval, next });
    unsafe { *number = made };
    KST_OK
}

unsafe extern "C" fn cancel(context: *mut kst_context, number: u64) {
    unsafe { Bed::of(context) }.state.borrow_mut().schedules.remove(&number);
}

unsafe extern "C" fn hold(
    context: *mut kst_context,
    record: *const kst_record,
    token: *mut kst_token,
    held: *mut *const kst_record,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    if !bed.may_hold {
        return bed.refuse("the type holds no records: its MAX_IN_FLIGHT is 0");
    }
    let (begin, end) = bed.state.borrow().batch;
    if !(begin..end).contains(&(record as usize)) {
        return bed.refuse("it holds a record that is not of the batch at hand");
    }
    let key = OwnedValue::copy_of(&unsafe { Record::from_raw(*record) }.key()).unwrap_or(OwnedValue::Null);
    let mut state = bed.state.borrow_mut();
    state.last_held += 1;
    let number = state.last_held;
    state.held.push((number, key));
    lock(&bed.inbox.state).waited_for.insert(number);
    unsafe {
        *token = kst_token { processor: bed.number, record: number };
        *held = std::ptr::null(); // the crate keeps copies of its own
    }
    KST_OK
}

fn post(token: kst_token, completion: Completion) -> kst_status {
    let found = lock(&INBOXES).iter().find(|(number, _)| *number == token.processor).map(|(_, inbox)| inbox.clone());
    let inbox = match found {
        Some(inbox) => inbox,
        None => return KST_STOP,
    };
    let mut state = lock(&inbox.state);
    if !state.waited_for.remove(&token.record) {
        return KST_STOP;
    }
    state.back.insert(token.record, completion);
    inbox.arrived.notify_all();
    KST_OK
}

unsafe extern "C" fn complete(
    token: kst_token,
    outputs: *const u32,
    records: *const kst_record,
    count: usize,
) -> kst_status {
    let mut copies = Vec::with_capacity(count);
    for (index, record) in unsafe { Record::slice(records, count) }.iter().enumerate() {
        let output = if outputs.is_null() { 0 } else { unsafe { *outputs.add(index) } };
        match OwnedRecord::copy_of(record) {
            Ok(copy) => copies.push((output, copy)),
            Err(why) => return post(token, Completion::Failed(why)),
        }
    }
    post(token, Completion::Done(copies))
}

unsafe extern "C" fn fail_held(token: kst_token, message: *const c_char, size: usize) -> kst_status {
    let message = unsafe { bytes_at(message.cast(), size) };
    post(token, Completion::Failed(String::from_utf8_lossy(message).into_owned()))
}

unsafe extern "C" fn drop_held(token: kst_token, reason: *const c_char) -> kst_status {
    post(token, Completion::Dropped(unsafe { CStr::from_ptr(reason) }.to_string_lossy().into_owned()))
}

unsafe extern "C" fn application_id(_: *mut kst_context) -> *const c_char {
    b"test\0".as_ptr().cast()
}
unsafe extern "C" fn task_id(_: *mut kst_context) -> *const c_char {
    b"test-0\0".as_ptr().cast()
}
unsafe extern "C" fn node_name(_: *mut kst_context) -> *const c_char {
    b"node\0".as_ptr().cast()
}
unsafe extern "C" fn stream_time(context: *mut kst_context) -> i64 {
    unsafe { Bed::of(context) }.state.borrow().stream_time
}
unsafe extern "C" fn wall_time(context: *mut kst_context) -> i64 {
    unsafe { Bed::of(context) }.state.borrow().wall_time
}
unsafe extern "C" fn request_commit(context: *mut kst_context) {
    unsafe { Bed::of(context) }.state.borrow_mut().commit_requested = true;
}

unsafe extern "C" fn write_log(context: *mut kst_context, _: c_int, message: *const c_char, size: usize) {
    let (bed, message) = unsafe { (Bed::of(context), bytes_at(message.cast(), size)) };
    lock(&bed.log).push(String::from_utf8_lossy(message).into_owned());
}

unsafe extern "C" fn make_metric(
    context: *mut kst_context,
    kind: u32,
    name: *const c_char,
    _: *const c_char,
    metric: *mut *mut kst_metric,
) -> kst_status {
    let (bed, name) = unsafe { (Bed::of(context), CStr::from_ptr(name).to_string_lossy().into_owned()) };
    let mut metrics = lock(&bed.metrics);
    let made = metrics.entry(name.clone()).or_insert_with(|| Box::new(FakeMetric { kind, recorded: Mutex::default() }));
    if made.kind != kind {
        return bed.refuse(format!("the metric '{name}' is of another kind already"));
    }
    let address: *const FakeMetric = &**made;
    unsafe { *metric = address as *mut kst_metric };
    KST_OK
}

unsafe extern "C" fn record_metric(metric: *mut kst_metric, value: f64) {
    lock(&unsafe { &*metric.cast::<FakeMetric>() }.recorded).push(value);
}

unsafe extern "C" fn extension(id: *const c_char, revision: u32) -> *const c_void {
    static STORE: kst_store_extension = kst_store_extension {
        struct_size: size_of::<kst_store_extension>() as u32,
        kind: stores::kind,
        get_many: stores::get_many,
        put_many: stores::put_many,
        put_if_absent_many: stores::put_if_absent_many,
        delete_many: stores::delete_many,
        scan: stores::scan,
        prefix_scan: stores::prefix_scan,
        approximate_rows: stores::approximate_rows,
    };
    static WINDOW: kst_window_store_extension = kst_window_store_extension {
        struct_size: size_of::<kst_window_store_extension>() as u32,
        get_many: stores::window_get_many,
        put_many: stores::window_put_many,
        scan: stores::window_scan,
    };
    static SESSION: kst_session_store_extension = kst_session_store_extension {
        struct_size: size_of::<kst_session_store_extension>() as u32,
        get_many: stores::session_get_many,
        put_many: stores::session_put_many,
        scan: stores::session_scan,
    };
    static VERSIONED: kst_versioned_store_extension = kst_versioned_store_extension {
        struct_size: size_of::<kst_versioned_store_extension>() as u32,
        get_many: versions::get_many,
        put_many: versions::put_many,
        delete_many: versions::delete_many,
        scan: versions::scan,
    };
    static SCHEDULE: kst_schedule_extension =
        kst_schedule_extension { struct_size: size_of::<kst_schedule_extension>() as u32, schedule, cancel };
    static HELD: kst_async_extension = kst_async_extension {
        struct_size: size_of::<kst_async_extension>() as u32,
        hold,
        complete,
        fail: fail_held,
        drop: drop_held,
    };
    static TASK: kst_task_extension = kst_task_extension {
        struct_size: size_of::<kst_task_extension>() as u32,
        application_id,
        task_id,
        node_name,
        stream_time,
        wall_time,
        request_commit,
    };
    static LOG: kst_log_extension =
        kst_log_extension { struct_size: size_of::<kst_log_extension>() as u32, write: write_log };
    static METRICS: kst_metrics_extension = kst_metrics_extension {
        struct_size: size_of::<kst_metrics_extension>() as u32,
        make: make_metric,
        record: record_metric,
    };
    fn at<T>(table: &'static T) -> *const c_void {
        (table as *const T).cast()
    }
    if revision != 1 {
        return std::ptr::null();
    }
    match unsafe { CStr::from_ptr(id) }.to_str() {
        Ok(KST_STORE_EXTENSION) => at(&STORE),
        Ok(KST_WINDOW_STORE_EXTENSION) => at(&WINDOW),
        Ok(KST_SESSION_STORE_EXTENSION) => at(&SESSION),
        Ok(KST_VERSIONED_STORE_EXTENSION) => at(&VERSIONED),
        Ok(KST_SCHEDULE_EXTENSION) => at(&SCHEDULE),
        Ok(KST_ASYNC_EXTENSION) => at(&HELD),
        Ok(KST_TASK_EXTENSION) => at(&TASK),
        Ok(KST_LOG_EXTENSION) => at(&LOG),
        Ok(KST_METRICS_EXTENSION) => at(&METRICS),
        _ => std::ptr::null(),
    }
}

pub static HOST: kst_host = kst_host {
    struct_size: size_of::<kst_host>() as u32,
    abi_major: KST_ABI_MAJOR,
    abi_minor: KST_ABI_MINOR,
    forward,
    output,
    fail,
    drop: drop_records,
    scratch,
    extension,
};
