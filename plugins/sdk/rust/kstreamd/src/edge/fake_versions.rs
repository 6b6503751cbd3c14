//! The versioned stores of the fake host: a version is a row, a deletion too. Nothing in them ever expires.

use std::os::raw::{c_int, c_void};

use super::fake_host::Bed;
use super::fake_stores::{status_of, Cell};
use super::record::{raw_value, read_value};
use crate::abi::*;
use crate::{OwnedValue, StoreKind};

/// A value, since when and until when it is valid.
type Found = (OwnedValue, i64, i64);

impl Bed {
    /// The versions of a key by time, deletions included.
    ///
    /// # Safety
    /// The key is borrowed for the call.
    unsafe fn versions(&self, store: u32, key: &kst_value) -> Result<Vec<Found>, kst_status> {
        // SAFETY: the caller's word.
        let (bytes, _) = unsafe { self.key_of(key)? };
        let state = self.state.borrow();
        let rows = state.stores[store as usize].rows.range((bytes.clone(), i64::MIN, 0)..=(bytes, i64::MAX, 0));
        let mut found: Vec<Found> = rows.map(|(at, cell)| (cell.value.clone(), at.1, i64::MAX)).collect();
        for index in 1..found.len() {
            found[index - 1].2 = found[index].1;
        }
        Ok(found)
    }

    /// Tells what was valid at the row's timestamp.
    ///
    /// # Safety
    /// As versions.
    unsafe fn tell(&self, store: u32, row: &mut kst_version_row) -> Result<(), kst_status> {
        // SAFETY: the caller's word.
        let mut versions = unsafe { self.versions(store, &row.key)? };
        versions.retain(|found| found.1 <= row.timestamp);
        let (value, from, to) = versions.pop().unwrap_or((OwnedValue::Null, 0, 0));
        let there = value != OwnedValue::Null;
        (row.timestamp, row.valid_to) = if there { (from, to) } else { (0, 0) };
        row.value = self.lend(value);
        Ok(())
    }

    /// Until when what was put is valid.
    ///
    /// # Safety
    /// Key and value are borrowed for the call.
    unsafe fn put_version(&self, store: u32, row: &kst_version_row) -> Result<i64, kst_status> {
        if row.timestamp < 0 || row.timestamp == i64::MAX {
            self.refuse(format!("there is no version of {}", row.timestamp));
            return Err(KST_RECORD_ERROR);
        }
        // SAFETY: the caller's word.
        let (bytes, key) = unsafe { self.key_of(&row.key)? };
        let value = match OwnedValue::copy_of(&unsafe { read_value(&row.value) }) {
            Some(value) => value,
            None => {
                self.refuse("an opaque value does not fit the store");
                return Err(KST_RECORD_ERROR);
            }
        };
        let cell = Cell { key, value, timestamp: row.timestamp };
        self.state.borrow_mut().stores[store as usize].rows.insert((bytes, row.timestamp, 0), cell);
        // SAFETY: the caller's word.
        let versions = unsafe { self.versions(store, &row.key)? };
        Ok(versions.iter().find(|found| found.1 == row.timestamp).map_or(i64::MAX, |found| found.2))
    }
}

// All functions below: SAFETY. As in fake_stores.rs.

unsafe fn each(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_version_row,
    count: usize,
    mut then: impl FnMut(&Bed, &mut kst_version_row) -> Result<(), kst_status>,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of(
        bed.is_of(store, StoreKind::Versioned)
            .and_then(|()| (0..count).try_for_each(|index| then(bed, unsafe { &mut *rows.add(index) }))),
    )
}

pub unsafe extern "C" fn get_many(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_version_row,
    count: usize,
) -> kst_status {
    unsafe { each(context, store, rows, count, |bed, row| bed.tell(store, row)) }
}

pub unsafe extern "C" fn put_many(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_version_row,
    count: usize,
) -> kst_status {
    unsafe {
        each(context, store, rows, count, |bed, row| {
            row.valid_to = bed.put_version(store, row)?;
            Ok(())
        })
    }
}

pub unsafe extern "C" fn delete_many(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_version_row,
    count: usize,
) -> kst_status {
    unsafe {
        each(context, store, rows, count, |bed, row| {
            let mut deletion = *row;
            deletion.value = raw_value(&crate::Value::Null);
            bed.tell(store, row)?;
            bed.put_version(store, &deletion).map(|_| ())
        })
    }
}

pub unsafe extern "C" fn scan(
    context: *mut kst_context,
    store: u32,
    ranges: *const kst_version_range,
    count: usize,
    reverse: c_int,
    visitor: *mut c_void,
    visit: kst_version_visitor,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of((|| {
        bed.is_of(store, StoreKind::Versioned)?;
        for index in 0..count {
            let range = unsafe { &*ranges.add(index) };
            let mut versions = unsafe { bed.versions(store, &range.key)? };
            versions.retain(|(value, from, to)| *value != OwnedValue::Null && *from <= range.to && *to > range.from);
            if reverse != 0 {
                versions.reverse();
            }
            for (value, timestamp, valid_to) in &versions {
                let row = kst_version_row {
                    key: range.key,
                    value: raw_value(&value.get()),
                    timestamp: *timestamp,
                    valid_to: *valid_to,
                };
                if unsafe { visit(visitor, index, &row) } != 0 {
                    break;
                }
            }
        }
        Ok(())
    })())
}
