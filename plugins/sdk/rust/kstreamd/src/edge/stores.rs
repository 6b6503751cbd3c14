//! Key-value stores of the node's task, and what is common to all kinds of stores.
//!
//! What they return lives until the call into the processor returns, 'c; what a visitor sees, until it returns. A store is
//! lent the context while it is used: nothing can be written while a scan runs.

use std::any::Any;
use std::os::raw::{c_int, c_void};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};

use super::context::{need, Context};
use super::record::{raw_value, read_value};
use crate::abi::*;
use crate::{Error, Value};

/// A row of a key-value store, to be written or as a scan shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// Never null.
    pub key: Value<'a>,
    /// Null in a write: delete the row.
    pub value: Value<'a>,
    /// ms; of the value, in timestamped stores (the default), else ignored and 0.
    pub timestamp: i64,
}

/// What a store has for a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stored<'c> {
    /// The value.
    pub value: Value<'c>,
    /// ms; in timestamped stores, else 0.
    pub timestamp: i64,
}

fn raw_row(row: &Row<'_>) -> kst_store_row {
    kst_store_row { key: raw_value(&row.key), value: raw_value(&row.value), timestamp: row.timestamp }
}

fn key_only(key: &Value<'_>) -> kst_store_row {
    raw_row(&Row { key: *key, value: Value::Null, timestamp: 0 })
}

/// # Safety
/// The value is valid for 'c.
pub(super) unsafe fn stored<'c>(value: &kst_value, timestamp: i64) -> Option<Stored<'c>> {
    if value.type_ == KST_NULL {
        return None;
    }
    // SAFETY: the caller's word.
    Some(Stored { value: unsafe { read_value(value) }, timestamp })
}

/// # Safety
/// The values of all rows are valid for 'c.
unsafe fn all_stored<'c>(rows: &[kst_store_row]) -> Vec<Option<Stored<'c>>> {
    // SAFETY: the caller's word.
    rows.iter().map(|row| unsafe { stored(&row.value, row.timestamp) }).collect()
}

/// A visitor on its way through the host. A panic of it travels beside the host's frames, never through them.
pub struct Visit<'v, V: ?Sized> {
    visitor: &'v mut V,
    panic: Option<Box<dyn Any + Send>>,
}

impl<'v, V: ?Sized> Visit<'v, V> {
    pub fn new(visitor: &'v mut V) -> Self {
        Visit { visitor, panic: None }
    }

    pub fn pointer(&mut self) -> *mut c_void {
        (self as *mut Self).cast()
    }

    /// 0 to go on, 1 to end the scan of this range. After a panic nothing more is shown.
    pub fn show(&mut self, show: impl FnOnce(&mut V) -> bool) -> c_int {
        if self.panic.is_some() {
            return 1;
        }
        match catch_unwind(AssertUnwindSafe(|| show(&mut *self.visitor))) {
            Ok(go_on) => c_int::from(!go_on),
            Err(panic) => {
                self.panic = Some(panic);
                1
            }
        }
    }

    pub fn end(self) {
        if let Some(panic) = self.panic {
            resume_unwind(panic);
        }
    }
}

type RowVisitor<'v> = dyn FnMut(usize, Row<'_>) -> bool + 'v;

unsafe extern "C" fn visit_row(visitor: *mut c_void, range: usize, row: *const kst_store_row) -> c_int {
    // SAFETY: the Visit that the scan was started with, and a row that is borrowed until this returns.
    unsafe {
        let row = &*row;
        let shown = Row { key: read_value(&row.key), value: read_value(&row.value), timestamp: row.timestamp };
        (*visitor.cast::<Visit<'_, RowVisitor<'_>>>()).show(|visitor| visitor(range, shown))
    }
}

/// A store of the types `key_value` and `timestamped`.
pub struct KeyValueStore<'x, 'c> {
    pub(super) context: &'x mut Context<'c>,
    pub(super) store: u32,
}

impl<'c> KeyValueStore<'_, 'c> {
    fn table(&self) -> Result<&'static kst_store_extension, Error> {
        need(self.context.node.extensions.store, KST_STORE_EXTENSION)
    }

    /// The row of a key.
    pub fn get(&mut self, key: Value<'_>) -> Result<Option<Stored<'c>>, Error> {
        let mut row = key_only(&key);
        // SAFETY: one row; its value stays valid until the call into the processor returns.
        unsafe {
            let status = (self.table()?.get_many)(self.context.node.context, self.store, &mut row, 1);
            self.context.take(status)?;
            Ok(stored(&row.value, row.timestamp))
        }
    }

    /// The rows of many keys, in their order.
    pub fn get_many(&mut self, keys: &[Value<'_>]) -> Result<Vec<Option<Stored<'c>>>, Error> {
        let mut rows: Vec<kst_store_row> = keys.iter().map(key_only).collect();
        // SAFETY: as in get.
        unsafe {
            let status = (self.table()?.get_many)(self.context.node.context, self.store, rows.as_mut_ptr(), rows.len());
            self.context.take(status)?;
            Ok(all_stored(&rows))
        }
    }

    /// Writes a row; a null value deletes it. `timestamp`, in ms, is that of the record it comes from.
    pub fn put(&mut self, key: Value<'_>, value: Value<'_>, timestamp: i64) -> Result<(), Error> {
        self.put_many(&[Row { key, value, timestamp }])
    }

    /// Writes rows in order, the last of equal keys counts.
    pub fn put_many(&mut self, rows: &[Row<'_>]) -> Result<(), Error> {
        let rows: Vec<kst_store_row> = rows.iter().map(raw_row).collect();
        // SAFETY: the rows are borrowed for the call; the host copies.
        let status =
            unsafe { (self.table()?.put_many)(self.context.node.context, self.store, rows.as_ptr(), rows.len()) };
        self.context.take(status)
    }

    /// Writes, in order, each row whose key has no row yet; gives what was there before.
    pub fn put_if_absent(&mut self, rows: &[Row<'_>]) -> Result<Vec<Option<Stored<'c>>>, Error> {
        let mut rows: Vec<kst_store_row> = rows.iter().map(raw_row).collect();
        // SAFETY: as in get.
        unsafe {
            let status = (self.table()?.put_if_absent_many)(
                self.context.node.context,
                self.store,
                rows.as_mut_ptr(),
                rows.len(),
            );
            self.context.take(status)?;
            Ok(all_stored(&rows))
        }
    }

    /// Deletes the rows of keys, in order; gives what was there before.
    pub fn delete(&mut self, keys: &[Value<'_>]) -> Result<Vec<Option<Stored<'c>>>, Error> {
        let mut rows: Vec<kst_store_row> = keys.iter().map(key_only).collect();
        // SAFETY: as in get.
        unsafe {
            let status =
                (self.table()?.delete_many)(self.context.node.context, self.store, rows.as_mut_ptr(), rows.len());
            self.context.take(status)?;
            Ok(all_stored(&rows))
        }
    }

    /// Shows the rows with keys `from` to `to` (inclusive; null is an open end) in the order of their serialized bytes,
    /// or backwards, until the visitor says false.
    pub fn range(
        &mut self,
        from: Value<'_>,
        to: Value<'_>,
        reverse: bool,
        mut visitor: impl FnMut(Row<'_>) -> bool,
    ) -> Result<(), Error> {
        let range = kst_key_range { from: raw_value(&from), to: raw_value(&to) };
        self.scan(&[range], reverse, &mut |_, row| visitor(row))
    }

    /// The same for many ranges, one after the other; the visitor is told the index of each row's range, and ends the scan
    /// of that one by saying false.
    pub fn ranges(
        &mut self,
        ranges: &[(Value<'_>, Value<'_>)],
        reverse: bool,
        mut visitor: impl FnMut(usize, Row<'_>) -> bool,
    ) -> Result<(), Error> {
        let ranges: Vec<kst_key_range> =
            ranges.iter().map(|(from, to)| kst_key_range { from: raw_value(from), to: raw_value(to) }).collect();
        self.scan(&ranges, reverse, &mut visitor)
    }

    fn scan(&mut self, ranges: &[kst_key_range], reverse: bool, visitor: &mut RowVisitor<'_>) -> Result<(), Error> {
        let table = self.table()?;
        let mut visit = Visit::new(visitor);
        // SAFETY: the visit outlives the call, and visit_row is made for it.
        let status = unsafe {
            (table.scan)(
                self.context.node.context,
                self.store,
                ranges.as_ptr(),
                ranges.len(),
                c_int::from(reverse),
                visit.pointer(),
                visit_row,
            )
        };
        visit.end();
        self.context.take(status)
    }

    /// Shows the rows whose serialized keys begin with these bytes (a string or bytes, past the serde).
    pub fn prefix(
        &mut self,
        prefix: Value<'_>,
        reverse: bool,
        mut visitor: impl FnMut(Row<'_>) -> bool,
    ) -> Result<(), Error> {
        let table = self.table()?;
        let raw = raw_value(&prefix);
        let visitor: &mut RowVisitor<'_> = &mut |_, row| visitor(row);
        let mut visit = Visit::new(visitor);
        // SAFETY: as in scan.
        let status = unsafe {
            (table.prefix_scan)(
                self.context.node.context,
                self.store,
                &raw,
                1,
                c_int::from(reverse),
                visit.pointer(),
                visit_row,
            )
        };
        visit.end();
        self.context.take(status)
    }

    /// An estimate of the committed rows.
    pub fn approximate_rows(&self) -> u64 {
        // SAFETY: during a call into the processor.
        self.context
            .node
            .extensions
            .store
            .map_or(0, |table| unsafe { (table.approximate_rows)(self.context.node.context, self.store) })
    }
}
