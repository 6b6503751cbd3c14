//! The task that `testing` offers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::os::raw::c_void;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::fake_host::{close_inbox, lock, open_inbox, Bed, Completion, State, HOST};
use super::fake_stores::{key_bytes, Cell, Store};
use super::record::Record;
use crate::abi::*;
use crate::{Clock, OwnedRecord, OwnedValue, Processor, Value};

/// Runs one processor as a daemon's task does with `on_error: skip`, through the same C functions: records go in, what
/// comes out is looked at; both clocks are moved by hand. Records that are held come back in `finish`.
///
/// Stores are maps in memory in which nothing expires, and commits do not exist.
pub struct Task<P: Processor> {
    kind: &'static kst_processor_type,
    bed: Box<Bed>,
    instance: *mut c_void,
    errors: Vec<String>,
    offset: i64,
    stream_time: i64, // at the last record that was run
    life: PhantomData<P>,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl<P: Processor> Task<P> {
    /// Makes and initializes a processor. The error is what it says of its configuration.
    pub fn new(config: &str) -> Result<Self, String> {
        Self::with(config, |_| {})
    }

    /// The same with something done between create and init: stores filled as a restoration would, a clock set.
    pub fn with(config: &str, prepare: impl FnOnce(&mut Self)) -> Result<Self, String> {
        let (number, inbox) = open_inbox();
        let state = State {
            stores: P::STORES.iter().map(|need| Store::new(need.kind)).collect(),
            stream_time: -1,
            ..State::default()
        };
        let bed = Box::new(Bed {
            outputs: P::OUTPUTS,
            name: P::NAME,
            may_hold: P::MAX_IN_FLIGHT > 0,
            number,
            inbox,
            log: Mutex::default(),
            metrics: Mutex::new(BTreeMap::new()),
            state: RefCell::new(state),
        });
        let kind = super::entry::processor::<P>();
        let mut instance = std::ptr::null_mut();
        // SAFETY: as a host does; the bed lives as long as the instance, and its address stays.
        let status = unsafe { (kind.create)(&HOST, bed.handle(), config.as_ptr().cast(), config.len(), &mut instance) };
        if status != KST_OK {
            close_inbox(number);
            let message = bed.state.borrow().message.clone();
            return Err(message);
        }
        let mut task = Task { kind, bed, instance, errors: Vec::new(), offset: 0, stream_time: -1, life: PhantomData };
        prepare(&mut task);
        // SAFETY: once after create.
        let status = unsafe { kind.init.map_or(KST_OK, |init| init(instance)) };
        task.after(status)?;
        Ok(task)
    }

    /// What a call that did not go well said. Whatever was on loan is over.
    fn after(&mut self, status: kst_status) -> Result<(), String> {
        let mut state = self.bed.state.borrow_mut();
        state.scratch.clear();
        state.lent.clear();
        state.batch = (0, 0);
        let message = std::mem::take(&mut state.message);
        match status {
            KST_OK => Ok(()),
            KST_STOP => Err("stopped".to_string()),
            _ => Err(message),
        }
    }

    /// Processes records, as one batch where no schedule on stream time falls due within. Goes on behind each record that
    /// fails; the error has what they said.
    pub fn process(&mut self, records: &[Record<'_>]) -> Result<(), String> {
        let before = self.errors.len();
        let mut begin = 0;
        for end in 1..=records.len() {
            let moved = self.take_up(&records[end - 1]);
            if end == records.len() || moved || end - begin == self.room()? {
                self.run(&records[begin..end])?;
                begin = end;
                self.punctuate(Clock::StreamTime)?;
            }
        }
        if self.errors.len() > before {
            return Err(self.errors[before..].join("; "));
        }
        Ok(())
    }

    /// Moves stream time; says whether a schedule falls due by it.
    fn take_up(&mut self, record: &Record<'_>) -> bool {
        let mut state = self.bed.state.borrow_mut();
        state.stream_time = state.stream_time.max(record.timestamp());
        let now = state.stream_time;
        state.schedules.values().any(|due| due.clock == Clock::StreamTime && due.next <= now)
    }

    /// How many more records the processor may be given at once. Waits when it holds all that it may.
    fn room(&mut self) -> Result<usize, String> {
        if P::MAX_IN_FLIGHT == 0 {
            return Ok(usize::MAX);
        }
        let most = P::MAX_IN_FLIGHT as usize;
        self.wait_until(|held| held < most)?;
        Ok(most - self.bed.state.borrow().held.len())
    }

    fn run(&mut self, mut records: &[Record<'_>]) -> Result<(), String> {
        while !records.is_empty() {
            let (mut raw, origins) = self.with_origins(records);
            for (record, origin) in raw.iter_mut().zip(&origins) {
                record.origin = origin;
            }
            let range = raw.as_ptr_range();
            self.bed.state.borrow_mut().batch = (range.start as usize, range.end as usize);
            let mut done = 0;
            // SAFETY: as a host does; the records and their origins are there until this returns.
            let status = unsafe { (self.kind.process)(self.instance, raw.as_ptr(), raw.len(), &mut done) };
            match self.after(status) {
                Ok(()) => return Ok(()),
                Err(message) if status == KST_RECORD_ERROR => {
                    assert!(done < records.len(), "the processor blames a record that is not in the batch");
                    self.errors.push(message);
                    records = &records[done + 1..];
                }
                Err(message) => return Err(message),
            }
        }
        Ok(())
    }

    fn with_origins(&mut self, records: &[Record<'_>]) -> (Vec<kst_record>, Vec<kst_origin>) {
        const TOPIC: &str = "test";
        let mut origins = Vec::with_capacity(records.len());
        for record in records {
            self.stream_time = self.stream_time.max(record.timestamp());
            origins.push(kst_origin {
                topic: TOPIC.as_ptr().cast(),
                raw_key: std::ptr::null(),
                raw_value: std::ptr::null(),
                topic_size: TOPIC.len() as u32,
                raw_key_size: 0,
                raw_value_size: 0,
                partition: 0,
                offset: self.offset,
                stream_time: self.stream_time,
            });
            self.offset += 1;
        }
        (records.iter().map(|record| *record.raw()).collect(), origins)
    }

    /// Calls punctuate for each schedule of a clock that is due.
    fn punctuate(&mut self, clock: Clock) -> Result<(), String> {
        let due: Vec<u64> = {
            let state = self.bed.state.borrow();
            let now = if clock == Clock::StreamTime { state.stream_time } else { state.wall_time };
            state.schedules.iter().filter(|(_, s)| s.clock == clock && s.next <= now).map(|(n, _)| *n).collect()
        };
        for number in due {
            let now = {
                let mut state = self.bed.state.borrow_mut();
                let now = if clock == Clock::StreamTime { state.stream_time } else { state.wall_time };
                match state.schedules.get_mut(&number) {
                    Some(schedule) => {
                        schedule.next +=
                            (now - schedule.next) / schedule.interval * schedule.interval + schedule.interval
                    }
                    None => continue, // another punctuation has ended it
                }
                now
            };
            // SAFETY: as a host does.
            let status = unsafe { self.kind.punctuate.map_or(KST_OK, |call| call(self.instance, number, now)) };
            self.after(status)?;
        }
        Ok(())
    }

    /// Moves the wall clock, and calls what is due on it.
    pub fn advance_wall_clock(&mut self, ms: i64) -> Result<(), String> {
        self.bed.state.borrow_mut().wall_time += ms;
        self.punctuate(Clock::WallClock)
    }

    /// Sets the wall clock, calling nothing. It begins at 0.
    pub fn set_wall_clock(&mut self, ms: i64) {
        self.bed.state.borrow_mut().wall_time = ms;
    }

    /// Waits until nothing is held any more, and takes in what came back. The error says which records failed, or that one
    /// is not finished after half a minute.
    pub fn finish(&mut self) -> Result<(), String> {
        let before = self.errors.len();
        self.wait_until(|held| held == 0)?;
        if self.errors.len() > before {
            return Err(self.errors[before..].join("; "));
        }
        Ok(())
    }

    fn wait_until(&mut self, enough: impl Fn(usize) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.take_back();
            let held = self.bed.state.borrow().held.len();
            if enough(held) {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("{held} held records are not finished after {} s", PATIENCE.as_secs()));
            }
            let state = lock(&self.bed.inbox.state);
            if state.back.is_empty() {
                drop(self.bed.inbox.arrived.wait_timeout(state, left));
            } else if !self.can_take_back(&state.back) {
                // Something came back, but behind an earlier record of its key.
                drop(self.bed.inbox.arrived.wait_timeout(state, left));
            }
        }
    }

    /// The first held record that came back, and has no earlier one of its key before it.
    fn next_back(&self, back: &BTreeMap<u64, Completion>) -> Option<usize> {
        let state = self.bed.state.borrow();
        let free = |index: &usize| {
            let (number, key) = &state.held[*index];
            back.contains_key(number) && state.held[..*index].iter().all(|(_, earlier)| earlier != key)
        };
        (0..state.held.len()).find(free)
    }

    fn can_take_back(&self, back: &BTreeMap<u64, Completion>) -> bool {
        self.next_back(back).is_some()
    }

    fn take_back(&mut self) {
        let inbox = self.bed.inbox.clone();
        let mut back = lock(&inbox.state);
        while let Some(index) = self.next_back(&back.back) {
            let mut state = self.bed.state.borrow_mut();
            let (number, _) = state.held.remove(index);
            match back.back.remove(&number) {
                Some(Completion::Done(records)) => {
                    for (output, record) in records {
                        state.forwarded.entry(output).or_default().push(record);
                    }
                }
                Some(Completion::Failed(message)) => self.errors.push(message),
                Some(Completion::Dropped(reason)) => *state.dropped.entry(reason).or_default() += 1,
                None => {}
            }
        }
    }

    /// How many records are held.
    pub fn held(&self) -> usize {
        self.bed.state.borrow().held.len()
    }

    /// What went to output 0 since the beginning or the last call.
    pub fn take_output(&mut self) -> Vec<OwnedRecord> {
        self.bed.state.borrow_mut().forwarded.remove(&0).unwrap_or_default()
    }

    /// The same of a named output. Panics when there is none of this name.
    pub fn take_output_of(&mut self, name: &str) -> Vec<OwnedRecord> {
        let number = P::OUTPUTS.iter().position(|output| *output == name);
        let number = number.unwrap_or_else(|| panic!("'{}' has no output '{name}'", self.bed.name));
        self.bed.state.borrow_mut().forwarded.remove(&(number as u32)).unwrap_or_default()
    }

    /// How many records were dropped for a reason.
    pub fn dropped(&self, reason: &str) -> usize {
        self.bed.state.borrow().dropped.get(reason).copied().unwrap_or(0)
    }

    /// What failed records said, in order.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// The lines of the log.
    pub fn log_lines(&self) -> Vec<String> {
        lock(&self.bed.log).clone()
    }

    /// Everything that was recorded by a metric of this name.
    pub fn recorded(&self, metric: &str) -> Vec<f64> {
        lock(&self.bed.metrics).get(metric).map_or_else(Vec::new, |metric| lock(&metric.recorded).clone())
    }

    /// Whether a commit was asked for.
    pub fn commit_requested(&self) -> bool {
        self.bed.state.borrow().commit_requested
    }

    /// The value and timestamp of a row of a key-value store.
    pub fn stored(&self, store: usize, key: Value<'_>) -> Option<(OwnedValue, i64)> {
        let state = self.bed.state.borrow();
        let at = (key_bytes(&key)?, 0, 0);
        state.stores.get(store)?.rows.get(&at).map(|cell| (cell.value.clone(), cell.timestamp))
    }

    /// Writes a row of a key-value store, as if it had been there. Panics for a key that no store could have.
    pub fn put(&mut self, store: usize, key: Value<'_>, value: Value<'_>, timestamp: i64) {
        let at = (key_bytes(&key).expect("a key is data or a number"), 0, 0);
        let owned = |value| OwnedValue::copy_of(&value).expect("no opaque value");
        let cell = Cell { key: owned(key), value: owned(value), timestamp };
        self.bed.state.borrow_mut().stores[store].rows.insert(at, cell);
    }

    /// How many rows a store has.
    pub fn rows(&self, store: usize) -> usize {
        self.bed.state.borrow().stores.get(store).map_or(0, |found| found.rows.len())
    }

    /// The problems that the processor's check finds in a configuration: pointer and message of each.
    pub fn check(config: &str) -> Vec<(String, String)> {
        let mut problems = crate::Problems::default();
        P::check(config, &mut problems);
        problems.0.into_iter().map(|problem| (problem.pointer, problem.message)).collect()
    }
}

impl<P: Processor> Drop for Task<P> {
    fn drop(&mut self) {
        close_inbox(self.bed.number); // what is completed from here on is ignored
                                      // SAFETY: once, the last call.
        unsafe { (self.kind.close)(self.instance) };
    }
}
