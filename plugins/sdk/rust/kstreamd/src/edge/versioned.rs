//! Versioned stores of the node's task: see stores.rs.

use std::os::raw::{c_int, c_void};

use super::context::{need, Context};
use super::record::{raw_value, read_value};
use super::stores::Visit;
use crate::abi::*;
use crate::{Error, Value};

/// Until when the latest version of a key is valid, and as of when it is looked up.
pub const LATEST: i64 = i64::MAX;

/// What a key has, or had, from one time on until another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Version<'a> {
    /// Never null.
    pub value: Value<'a>,
    /// ms, inclusive: the version's timestamp.
    pub from: i64,
    /// ms, exclusive: the timestamp of the next version, or LATEST.
    pub to: i64,
}

/// The versions of one key that were valid at any time `from` to `to` (ms, inclusive).
#[derive(Clone, Copy, Debug)]
pub struct VersionRange<'a> {
    /// The key.
    pub key: Value<'a>,
    /// The earliest time.
    pub from: i64,
    /// The latest time.
    pub to: i64,
}

type VersionVisitor<'v> = dyn FnMut(usize, Version<'_>) -> bool + 'v;

unsafe extern "C" fn visit_version(visitor: *mut c_void, range: usize, row: *const kst_version_row) -> c_int {
    // SAFETY: as in visit_row.
    unsafe {
        let row = &*row;
        let shown = Version { value: read_value(&row.value), from: row.timestamp, to: row.valid_to };
        (*visitor.cast::<Visit<'_, VersionVisitor<'_>>>()).show(|visitor| visitor(range, shown))
    }
}

/// # Safety
/// The value is valid for 'c.
unsafe fn version<'c>(row: &kst_version_row) -> Option<Version<'c>> {
    if row.value.type_ == KST_NULL {
        return None;
    }
    // SAFETY: the caller's word.
    Some(Version { value: unsafe { read_value(&row.value) }, from: row.timestamp, to: row.valid_to })
}

fn raw(key: &Value<'_>, value: &Value<'_>, timestamp: i64) -> kst_version_row {
    kst_version_row { key: raw_value(key), value: raw_value(value), timestamp, valid_to: 0 }
}

/// A store of the type `versioned`.
pub struct VersionedStore<'x, 'c> {
    pub(super) context: &'x mut Context<'c>,
    pub(super) store: u32,
}

impl<'c> VersionedStore<'_, 'c> {
    fn table(&self) -> Result<&'static kst_versioned_store_extension, Error> {
        need(self.context.node.extensions.versioned, KST_VERSIONED_STORE_EXTENSION)
    }

    /// What was valid of a key at a time; LATEST: its latest version.
    pub fn get(&mut self, key: Value<'_>, as_of: i64) -> Result<Option<Version<'c>>, Error> {
        Ok(self.get_many(&[(key, as_of)])?.pop().flatten())
    }

    /// The same for many keys and times, in their order.
    pub fn get_many(&mut self, keys: &[(Value<'_>, i64)]) -> Result<Vec<Option<Version<'c>>>, Error> {
        let mut rows: Vec<_> = keys.iter().map(|(key, as_of)| raw(key, &Value::Null, *as_of)).collect();
        // SAFETY: as for key-value stores.
        unsafe {
            let status = (self.table()?.get_many)(self.context.node.context, self.store, rows.as_mut_ptr(), rows.len());
            self.context.take(status)?;
            Ok(rows.iter().map(|row| version(row)).collect())
        }
    }

    /// Puts versions (key, value, timestamp) in order; a null value is a deletion. Until when each is valid; None: it was too
    /// old to be put.
    pub fn put_many(&mut self, versions: &[(Value<'_>, Value<'_>, i64)]) -> Result<Vec<Option<i64>>, Error> {
        let mut rows: Vec<_> = versions.iter().map(|(key, value, timestamp)| raw(key, value, *timestamp)).collect();
        // SAFETY: as for key-value stores.
        let status =
            unsafe { (self.table()?.put_many)(self.context.node.context, self.store, rows.as_mut_ptr(), rows.len()) };
        self.context.take(status)?;
        Ok(rows.iter().map(|row| Some(row.valid_to).filter(|end| *end != i64::MIN)).collect())
    }

    /// Deletes from times on, in order, and gives what was valid then.
    pub fn delete_many(&mut self, keys: &[(Value<'_>, i64)]) -> Result<Vec<Option<Version<'c>>>, Error> {
        let mut rows: Vec<_> = keys.iter().map(|(key, timestamp)| raw(key, &Value::Null, *timestamp)).collect();
        // SAFETY: as for key-value stores.
        unsafe {
            let status =
                (self.table()?.delete_many)(self.context.node.context, self.store, rows.as_mut_ptr(), rows.len());
            self.context.take(status)?;
            Ok(rows.iter().map(|row| version(row)).collect())
        }
    }

    /// Shows the versions of each range by time, or the latest first. The visitor is told the index of each version's range,
    /// and ends the scan of that one by saying false.
    pub fn scan(
        &mut self,
        ranges: &[VersionRange<'_>],
        reverse: bool,
        mut visitor: impl FnMut(usize, Version<'_>) -> bool,
    ) -> Result<(), Error> {
        let table = self.table()?;
        let ranges: Vec<kst_version_range> = ranges
            .iter()
            .map(|range| kst_version_range { key: raw_value(&range.key), from: range.from, to: range.to })
            .collect();
        let visitor: &mut VersionVisitor<'_> = &mut visitor;
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
                visit_version,
            )
        };
        visit.end();
        self.context.take(status)
    }
}
