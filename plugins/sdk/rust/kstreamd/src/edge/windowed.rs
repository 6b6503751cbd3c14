//! Window and session stores of the node's task: see stores.rs.

use std::os::raw::{c_int, c_void};

use super::context::{need, Context};
use super::record::{raw_value, read_value};
use super::stores::{stored, Stored, Visit};
use crate::abi::*;
use crate::{Error, Value};

type WindowVisitor<'v> = dyn FnMut(usize, WindowRow<'_>) -> bool + 'v;
type SessionVisitor<'v> = dyn FnMut(usize, SessionRow<'_>) -> bool + 'v;

unsafe extern "C" fn visit_window(visitor: *mut c_void, range: usize, row: *const kst_window_row) -> c_int {
    // SAFETY: as in visit_row.
    unsafe {
        let row = &*row;
        let shown = WindowRow {
            key: read_value(&row.key),
            value: read_value(&row.value),
            timestamp: row.timestamp,
            start: row.start,
            end: row.end,
        };
        (*visitor.cast::<Visit<'_, WindowVisitor<'_>>>()).show(|visitor| visitor(range, shown))
    }
}

unsafe extern "C" fn visit_session(visitor: *mut c_void, range: usize, row: *const kst_session_row) -> c_int {
    // SAFETY: as in visit_row.
    unsafe {
        let row = &*row;
        let shown = SessionRow {
            key: read_value(&row.key),
            value: read_value(&row.value),
            start: row.start,
            end: row.end,
            timestamp: row.timestamp,
        };
        (*visitor.cast::<Visit<'_, SessionVisitor<'_>>>()).show(|visitor| visitor(range, shown))
    }
}

/// A row of a window store. `start` is inclusive, `end` (set by the host) exclusive, both in ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowRow<'a> {
    /// Never null.
    pub key: Value<'a>,
    /// Null in a write: delete the row.
    pub value: Value<'a>,
    /// ms; of the value; 0 in a write: the start.
    pub timestamp: i64,
    /// The window's start.
    pub start: i64,
    /// The window's end; ignored in a write.
    pub end: i64,
}

/// Keys `from` to `to` (inclusive; null is an open end) with windows that start in `start_from` to `start_to` (ms,
/// inclusive).
#[derive(Clone, Copy, Debug)]
pub struct WindowRange<'a> {
    /// The first key.
    pub from: Value<'a>,
    /// The last key.
    pub to: Value<'a>,
    /// The earliest start.
    pub start_from: i64,
    /// The latest start.
    pub start_to: i64,
}

/// A store of the type `window`.
pub struct WindowStore<'x, 'c> {
    pub(super) context: &'x mut Context<'c>,
    pub(super) store: u32,
}

impl<'c> WindowStore<'_, 'c> {
    fn table(&self) -> Result<&'static kst_window_store_extension, Error> {
        need(self.context.node.extensions.window, KST_WINDOW_STORE_EXTENSION)
    }

    fn raw(row: &WindowRow<'_>) -> kst_window_row {
        kst_window_row {
            key: raw_value(&row.key),
            value: raw_value(&row.value),
            timestamp: row.timestamp,
            start: row.start,
            end: row.end,
        }
    }

    /// The row of a key and a window's start; with duplicates the first.
    pub fn get(&mut self, key: Value<'_>, start: i64) -> Result<Option<Stored<'c>>, Error> {
        Ok(self.get_many(&[(key, start)])?.pop().flatten())
    }

    /// The rows of many keys and starts, in their order.
    pub fn get_many(&mut self, keys: &[(Value<'_>, i64)]) -> Result<Vec<Option<Stored<'c>>>, Error> {
        let row =
            |key: Value<'_>, start| Self::raw(&WindowRow { key, value: Value::Null, timestamp: 0, start, end: 0 });
        let mut rows: Vec<kst_window_row> = keys.iter().map(|(key, start)| row(*key, *start)).collect();
        // SAFETY: as for key-value stores.
        unsafe {
            let status = (self.table()?.get_many)(self.context.node.context, self.store, rows.as_mut_ptr(), rows.len());
            self.context.take(status)?;
            Ok(rows.iter().map(|row| stored(&row.value, row.timestamp)).collect())
        }
    }

    /// Writes rows in order.
    pub fn put_many(&mut self, rows: &[WindowRow<'_>]) -> Result<(), Error> {
        let rows: Vec<kst_window_row> = rows.iter().map(Self::raw).collect();
        // SAFETY: as for key-value stores.
        let status =
            unsafe { (self.table()?.put_many)(self.context.node.context, self.store, rows.as_ptr(), rows.len()) };
        self.context.take(status)
    }

    /// Shows the rows of each range: for one key by start, for several by key and start; or backwards. The visitor is told
    /// the index of each row's range, and ends the scan of that one by saying false.
    pub fn scan(
        &mut self,
        ranges: &[WindowRange<'_>],
        reverse: bool,
        mut visitor: impl FnMut(usize, WindowRow<'_>) -> bool,
    ) -> Result<(), Error> {
        let table = self.table()?;
        let ranges: Vec<kst_window_range> = ranges
            .iter()
            .map(|range| kst_window_range {
                from: raw_value(&range.from),
                to: raw_value(&range.to),
                start_from: range.start_from,
                start_to: range.start_to,
            })
            .collect();
        let visitor: &mut WindowVisitor<'_> = &mut visitor;
        let mut visit = Visit::new(visitor);
        // SAFETY: as for key-value stores.
        let status = unsafe {
            (table.scan)(
                self.context.node.context,
                self.store,
                ranges.as_ptr(),
                ranges.len(),
                c_int::from(reverse),
                visit.pointer(),
                visit_window,
            )
        };
        visit.end();
        self.context.take(status)
    }
}

/// A row of a session store; `start` and `end` are inclusive, in ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionRow<'a> {
    /// Never null.
    pub key: Value<'a>,
    /// Null in a write: delete the session.
    pub value: Value<'a>,
    /// The session's start.
    pub start: i64,
    /// The session's end.
    pub end: i64,
    /// ms; in a write: of the changelog's record, as a rule that of the record at hand, 0: the end. 0 in what is read.
    pub timestamp: i64,
}

/// Keys `from` to `to` (inclusive; null is an open end) with sessions that end at or after `earliest_end` and start at or
/// before `latest_start` (ms).
#[derive(Clone, Copy, Debug)]
pub struct SessionRange<'a> {
    /// The first key.
    pub from: Value<'a>,
    /// The last key.
    pub to: Value<'a>,
    /// The earliest end.
    pub earliest_end: i64,
    /// The latest start.
    pub latest_start: i64,
}

/// A store of the type `session`.
pub struct SessionStore<'x, 'c> {
    pub(super) context: &'x mut Context<'c>,
    pub(super) store: u32,
}

impl<'c> SessionStore<'_, 'c> {
    fn table(&self) -> Result<&'static kst_session_store_extension, Error> {
        need(self.context.node.extensions.session, KST_SESSION_STORE_EXTENSION)
    }

    fn raw(row: &SessionRow<'_>) -> kst_session_row {
        kst_session_row {
            key: raw_value(&row.key),
            value: raw_value(&row.value),
            start: row.start,
            end: row.end,
            timestamp: row.timestamp,
        }
    }

    /// The value of a session.
    pub fn get(&mut self, key: Value<'_>, start: i64, end: i64) -> Result<Option<Value<'c>>, Error> {
        Ok(self.get_many(&[(key, start, end)])?.pop().flatten())
    }

    /// The values of many sessions, in their order.
    pub fn get_many(&mut self, keys: &[(Value<'_>, i64, i64)]) -> Result<Vec<Option<Value<'c>>>, Error> {
        let row =
            |key: Value<'_>, start, end| Self::raw(&SessionRow { key, value: Value::Null, start, end, timestamp: 0 });
        let mut rows: Vec<kst_session_row> = keys.iter().map(|(key, start, end)| row(*key, *start, *end)).collect();
        // SAFETY: as for key-value stores.
        unsafe {
            let status = (self.table()?.get_many)(self.context.node.context, self.store, rows.as_mut_ptr(), rows.len());
            self.context.take(status)?;
            Ok(rows.iter().map(|row| stored(&row.value, 0).map(|found| found.value)).collect())
        }
    }

    /// Writes sessions in order.
    pub fn put_many(&mut self, rows: &[SessionRow<'_>]) -> Result<(), Error> {
        let rows: Vec<kst_session_row> = rows.iter().map(Self::raw).collect();
        // SAFETY: as for key-value stores.
        let status =
            unsafe { (self.table()?.put_many)(self.context.node.context, self.store, rows.as_ptr(), rows.len()) };
        self.context.take(status)
    }

    /// Shows the sessions of each range: for one key by end, then start; for several by key, end, start; or backwards. The
    /// visitor is told the index of each row's range, and ends the scan of that one by saying false.
    pub fn scan(
        &mut self,
        ranges: &[SessionRange<'_>],
        reverse: bool,
        mut visitor: impl FnMut(usize, SessionRow<'_>) -> bool,
    ) -> Result<(), Error> {
        let table = self.table()?;
        let ranges: Vec<kst_session_range> = ranges
            .iter()
            .map(|range| kst_session_range {
                from: raw_value(&range.from),
                to: raw_value(&range.to),
                earliest_end: range.earliest_end,
                latest_start: range.latest_start,
            })
            .collect();
        let visitor: &mut SessionVisitor<'_> = &mut visitor;
        let mut visit = Visit::new(visitor);
        // SAFETY: as for key-value stores.
        let status = unsafe {
            (table.scan)(
                self.context.node.context,
                self.store,
                ranges.as_ptr(),
                ranges.len(),
                c_int::from(reverse),
                visit.pointer(),
                visit_session,
            )
        };
        visit.end();
        self.context.take(status)
    }
}
