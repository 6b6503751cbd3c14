//! Records that are finished later, from any thread.

use std::sync::Arc;

use super::context::{with_reason, Output};
use super::handles::Gate;
use super::record::Record;
use crate::abi::*;
use crate::edge::record::Header;
use crate::OwnedRecord;

/// A record that a processor holds, to be sent to another thread and finished there, once: by `complete`, `fail` or
/// `discard`. One that is dropped unfinished fails.
///
/// Each of these says whether the record was still waited for: it is not after an abort, a time-out, or when the task was
/// closed. That is no error; the record comes again where it must.
pub struct Held {
    token: kst_token,
    table: &'static kst_async_extension,
    record: OwnedRecord,
    gate: Arc<Gate>,
    finished: bool,
}

impl Held {
    pub(super) fn new(
        token: kst_token,
        table: &'static kst_async_extension,
        record: OwnedRecord,
        gate: Arc<Gate>,
    ) -> Self {
        Held { token, table, record, gate, finished: false }
    }

    /// The record, without its origin.
    pub fn record(&self) -> &OwnedRecord {
        &self.record
    }

    /// Finishes the record with one that has another value, and the key, timestamp and headers it came with.
    pub fn complete_with_value(self, value: crate::Value<'_>) -> bool {
        let record = self.record.clone();
        let headers: Vec<Header<'_>> = record.header_list();
        self.complete(&[Record::new(record.key.get(), value, record.timestamp).with_headers(&headers)])
    }

    /// Finishes the record with these for output 0, perhaps none. The host copies them, and gives them the held record's
    /// origin.
    pub fn complete(self, records: &[Record<'_>]) -> bool {
        let raw: Vec<kst_record> = records.iter().map(|record| *record.raw()).collect();
        self.complete_raw(None, &raw)
    }

    /// Finishes the record with records for several outputs.
    pub fn complete_to(self, records: &[(Output, Record<'_>)]) -> bool {
        let raw: Vec<kst_record> = records.iter().map(|(_, record)| *record.raw()).collect();
        let outputs: Vec<u32> = records.iter().map(|(output, _)| output.0).collect();
        self.complete_raw(Some(&outputs), &raw)
    }

    fn complete_raw(mut self, outputs: Option<&[u32]>, records: &[kst_record]) -> bool {
        self.finished = true;
        let outputs = outputs.map_or(std::ptr::null(), <[u32]>::as_ptr);
        // SAFETY: any thread; there is an output for each record; all is borrowed for the call. A token is completed once,
        // since this takes self.
        unsafe { (self.table.complete)(self.token, outputs, records.as_ptr(), records.len()) == KST_OK }
    }

    /// The record could not be processed: the topology's `on_error` decides what follows.
    pub fn fail(mut self, message: &str) -> bool {
        self.finished = true;
        self.fail_raw(message)
    }

    fn fail_raw(&self, message: &str) -> bool {
        // SAFETY: as in complete_raw.
        unsafe { (self.table.fail)(self.token, message.as_ptr().cast(), message.len()) == KST_OK }
    }

    /// Drops the record for a reason: see [`crate::Context::drop`].
    pub fn discard(mut self, reason: &str) -> bool {
        with_reason(reason, |reason| {
            self.finished = true;
            // SAFETY: as in complete_raw; zero-terminated.
            unsafe { (self.table.drop)(self.token, reason) == KST_OK }
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let panicked = if std::thread::panicking() { ": its thread panicked" } else { "" };
        let message = format!("the processor let go of the record that it held without finishing it{panicked}");
        // At its end a processor drops what it holds, as it should: the records are not lost, and must not fail.
        self.gate.pass_while_open(|| {
            self.fail_raw(&message);
        });
    }
}
