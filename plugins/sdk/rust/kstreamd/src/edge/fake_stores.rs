//! The stores of the fake host: sorted maps. Nothing in them ever expires.

use std::collections::BTreeMap;
use std::os::raw::{c_int, c_void};

use super::fake_host::Bed;
use super::record::{raw_value, read_value};
use crate::abi::*;
use crate::{OwnedValue, StoreKind, Value};

pub struct Cell {
    pub key: OwnedValue,
    pub value: OwnedValue,
    pub timestamp: i64,
}

/// Rows by their keys' bytes and, where there are any, their bounds: a window's start; a session's end and start; a
/// version's timestamp.
pub struct Store {
    pub kind: StoreKind,
    pub rows: BTreeMap<(Vec<u8>, i64, i64), Cell>,
}

impl Store {
    pub fn new(kind: StoreKind) -> Self {
        Store { kind: if kind == StoreKind::Any { StoreKind::KeyValue } else { kind }, rows: BTreeMap::new() }
    }
}

/// As the serdes write a key: the order of a store is that of its bytes.
pub fn key_bytes(key: &Value<'_>) -> Option<Vec<u8>> {
    Some(match key {
        Value::Bool(v) => vec![u8::from(*v)],
        Value::Int32(v) => v.to_be_bytes().to_vec(),
        Value::Int64(v) => v.to_be_bytes().to_vec(),
        Value::Float64(v) => v.to_be_bytes().to_vec(),
        Value::Null | Value::Object(_) | Value::Opaque(_) => return None,
        data => data.as_bytes().unwrap_or(&[]).to_vec(),
    })
}

/// One row of any kind of store, as the functions below see it.
struct Place {
    key: kst_value,
    value: kst_value,
    timestamp: i64,
    bounds: (i64, i64),
}

const EMPTY: kst_value = kst_value { type_: KST_NULL, size: 0, u: kst_value_content { integer: 0 } };

impl Bed {
    pub(super) fn is_of(&self, store: u32, kind: StoreKind) -> Result<(), kst_status> {
        match self.state.borrow().stores.get(store as usize).map(|found| found.kind) {
            Some(found) if found == kind => return Ok(()),
            _ => {}
        }
        Err(self.refuse(format!("the node has no store {store} of the kind {kind:?}")))
    }

    /// # Safety
    /// The key is borrowed for the call.
    pub(super) unsafe fn key_of(&self, key: &kst_value) -> Result<(Vec<u8>, OwnedValue), kst_status> {
        // SAFETY: the caller's word.
        let key = unsafe { read_value(key) };
        match (key_bytes(&key), OwnedValue::copy_of(&key)) {
            (Some(bytes), Some(copy)) => Ok((bytes, copy)),
            _ => {
                self.refuse(format!("a key of the kind {} does not fit the store", key.kind()));
                Err(KST_RECORD_ERROR)
            }
        }
    }

    /// A value on loan until the call into the processor returns.
    pub(super) fn lend(&self, value: OwnedValue) -> kst_value {
        let mut state = self.state.borrow_mut();
        state.lent.push(Box::new(value));
        state.lent.last().map_or(EMPTY, |lent| raw_value(&lent.get()))
    }

    /// # Safety
    /// As key_of.
    unsafe fn find(&self, store: u32, place: &mut Place) -> Result<bool, kst_status> {
        // SAFETY: the caller's word.
        let (bytes, _) = unsafe { self.key_of(&place.key)? };
        let found = self.state.borrow().stores[store as usize]
            .rows
            .get(&(bytes, place.bounds.0, place.bounds.1))
            .map(|cell| (cell.value.clone(), cell.timestamp));
        let there = found.is_some();
        let (value, timestamp) = found.unwrap_or((OwnedValue::Null, 0));
        place.value = self.lend(value);
        place.timestamp = timestamp;
        Ok(there)
    }

    /// # Safety
    /// Key and value are borrowed for the call.
    unsafe fn write(&self, store: u32, place: &Place) -> Result<(), kst_status> {
        // SAFETY: the caller's word.
        let (bytes, key) = unsafe { self.key_of(&place.key)? };
        let value = match OwnedValue::copy_of(&unsafe { read_value(&place.value) }) {
            Some(value) => value,
            None => {
                self.refuse("an opaque value does not fit the store");
                return Err(KST_RECORD_ERROR);
            }
        };
        let mut state = self.state.borrow_mut();
        let rows = &mut state.stores[store as usize].rows;
        let at = (bytes, place.bounds.0, place.bounds.1);
        if value == OwnedValue::Null {
            rows.remove(&at);
        } else {
            rows.insert(at, Cell { key, value, timestamp: place.timestamp });
        }
        Ok(())
    }

    /// Shows the rows of a store that `wanted` picks by key and bounds. They are copied first: the visitor may call back.
    fn show(
        &self,
        store: u32,
        reverse: bool,
        wanted: impl Fn(&(Vec<u8>, i64, i64)) -> bool,
        mut visit: impl FnMut(Place) -> c_int,
    ) {
        let mut found: Vec<(OwnedValue, OwnedValue, i64, (i64, i64))> = self.state.borrow().stores[store as usize]
            .rows
            .iter()
            .filter(|(at, _)| wanted(at))
            .map(|(at, cell)| (cell.key.clone(), cell.value.clone(), cell.timestamp, (at.1, at.2)))
            .collect();
        if reverse {
            found.reverse();
        }
        for (key, value, timestamp, bounds) in &found {
            let place = Place {
                key: raw_value(&key.get()),
                value: raw_value(&value.get()),
                timestamp: *timestamp,
                bounds: *bounds,
            };
            if visit(place) != 0 {
                return;
            }
        }
    }

    /// Whether a key lies within a range, of which null is an open end.
    ///
    /// # Safety
    /// As key_of.
    unsafe fn within(&self, from: &kst_value, to: &kst_value) -> Result<impl Fn(&[u8]) -> bool, kst_status> {
        // SAFETY: the caller's word.
        let end = |value: &kst_value| match value.type_ {
            KST_NULL => Ok(None),
            _ => unsafe { self.key_of(value) }.map(|(bytes, _)| Some(bytes)),
        };
        let (from, to) = (end(from)?, end(to)?);
        Ok(move |key: &[u8]| {
            from.as_deref().map_or(true, |from| from <= key) && to.as_deref().map_or(true, |to| key <= to)
        })
    }
}

pub(super) fn status_of(result: Result<(), kst_status>) -> kst_status {
    result.err().unwrap_or(KST_OK)
}

// All functions below: SAFETY. They are called as the ABI says, by the processor under test, with the handle of its bed and
// as many rows or ranges as they say.

pub unsafe extern "C" fn kind(context: *mut kst_context, store: u32) -> u32 {
    let bed = unsafe { Bed::of(context) };
    let kind = bed.state.borrow().stores.get(store as usize).map(|found| found.kind);
    match kind {
        Some(StoreKind::KeyValue) => KST_STORE_KEY_VALUE,
        Some(StoreKind::Window) => KST_STORE_WINDOW,
        Some(StoreKind::Session) => KST_STORE_SESSION,
        Some(StoreKind::Versioned) => KST_STORE_VERSIONED,
        _ => KST_STORE_ANY,
    }
}

pub unsafe extern "C" fn approximate_rows(context: *mut kst_context, store: u32) -> u64 {
    let bed = unsafe { Bed::of(context) };
    let rows = bed.state.borrow().stores.get(store as usize).map_or(0, |found| found.rows.len());
    rows as u64
}

fn key_value_place(row: &kst_store_row) -> Place {
    Place { key: row.key, value: row.value, timestamp: row.timestamp, bounds: (0, 0) }
}

/// Does something with each row of a key-value store, which gets what was there before.
unsafe fn each_row(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_store_row,
    count: usize,
    write: impl Fn(&Bed, &Place, bool) -> Result<(), kst_status>,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of((|| {
        bed.is_of(store, StoreKind::KeyValue)?;
        for row in (0..count).map(|index| unsafe { &mut *rows.add(index) }) {
            let wanted = key_value_place(row);
            let mut before = key_value_place(row);
            let there = unsafe { bed.find(store, &mut before)? };
            write(bed, &wanted, there)?;
            row.value = before.value;
            row.timestamp = before.timestamp;
        }
        Ok(())
    })())
}

pub unsafe extern "C" fn get_many(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_store_row,
    count: usize,
) -> kst_status {
    unsafe { each_row(context, store, rows, count, |_, _, _| Ok(())) }
}

pub unsafe extern "C" fn put_if_absent_many(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_store_row,
    count: usize,
) -> kst_status {
    unsafe {
        each_row(context, store, rows, count, |bed, row, there| if there { Ok(()) } else { bed.write(store, row) })
    }
}

pub unsafe extern "C" fn delete_many(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_store_row,
    count: usize,
) -> kst_status {
    unsafe {
        each_row(context, store, rows, count, |bed, row, _| {
            bed.write(store, &Place { key: row.key, value: EMPTY, timestamp: 0, bounds: row.bounds })
        })
    }
}

pub unsafe extern "C" fn put_many(
    context: *mut kst_context,
    store: u32,
    rows: *const kst_store_row,
    count: usize,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of(bed.is_of(store, StoreKind::KeyValue).and_then(|()| {
        (0..count).try_for_each(|index| unsafe { bed.write(store, &key_value_place(&*rows.add(index))) })
    }))
}

pub unsafe extern "C" fn scan(
    context: *mut kst_context,
    store: u32,
    ranges: *const kst_key_range,
    count: usize,
    reverse: c_int,
    visitor: *mut c_void,
    visit: kst_row_visitor,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of((|| {
        bed.is_of(store, StoreKind::KeyValue)?;
        for index in 0..count {
            let range = unsafe { &*ranges.add(index) };
            let within = unsafe { bed.within(&range.from, &range.to)? };
            bed.show(
                store,
                reverse != 0,
                |at| within(&at.0),
                |place| {
                    let row = kst_store_row { key: place.key, value: place.value, timestamp: place.timestamp };
                    unsafe { visit(visitor, index, &row) }
                },
            );
        }
        Ok(())
    })())
}

pub unsafe extern "C" fn prefix_scan(
    context: *mut kst_context,
    store: u32,
    prefixes: *const kst_value,
    count: usize,
    reverse: c_int,
    visitor: *mut c_void,
    visit: kst_row_visitor,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of((|| {
        bed.is_of(store, StoreKind::KeyValue)?;
        for index in 0..count {
            let (prefix, _) = unsafe { bed.key_of(&*prefixes.add(index))? };
            bed.show(
                store,
                reverse != 0,
                |at| at.0.starts_with(&prefix),
                |place| {
                    let row = kst_store_row { key: place.key, value: place.value, timestamp: place.timestamp };
                    unsafe { visit(visitor, index, &row) }
                },
            );
        }
        Ok(())
    })())
}

fn window_place(row: &kst_window_row) -> Place {
    let timestamp = if row.timestamp == 0 { row.start } else { row.timestamp };
    Place { key: row.key, value: row.value, timestamp, bounds: (row.start, 0) }
}

pub unsafe extern "C" fn window_get_many(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_window_row,
    count: usize,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of((|| {
        bed.is_of(store, StoreKind::Window)?;
        for row in (0..count).map(|index| unsafe { &mut *rows.add(index) }) {
            let mut place = window_place(row);
            unsafe { bed.find(store, &mut place)? };
            row.value = place.value;
            row.timestamp = place.timestamp;
        }
        Ok(())
    })())
}

pub unsafe extern "C" fn window_put_many(
    context: *mut kst_context,
    store: u32,
    rows: *const kst_window_row,
    count: usize,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of(
        bed.is_of(store, StoreKind::Window).and_then(|()| {
            (0..count).try_for_each(|index| unsafe { bed.write(store, &window_place(&*rows.add(index))) })
        }),
    )
}

pub unsafe extern "C" fn window_scan(
    context: *mut kst_context,
    store: u32,
    ranges: *const kst_window_range,
    count: usize,
    reverse: c_int,
    visitor: *mut c_void,
    visit: kst_window_visitor,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of((|| {
        bed.is_of(store, StoreKind::Window)?;
        for index in 0..count {
            let range = unsafe { &*ranges.add(index) };
            let within = unsafe { bed.within(&range.from, &range.to)? };
            let wanted =
                |at: &(Vec<u8>, i64, i64)| within(&at.0) && (range.start_from..=range.start_to).contains(&at.1);
            bed.show(store, reverse != 0, wanted, |place| {
                let row = kst_window_row {
                    key: place.key,
                    value: place.value,
                    timestamp: place.timestamp,
                    start: place.bounds.0,
                    end: place.bounds.0, // a window's size is the real store's
                };
                unsafe { visit(visitor, index, &row) }
            });
        }
        Ok(())
    })())
}

fn session_place(row: &kst_session_row) -> Place {
    Place { key: row.key, value: row.value, timestamp: 0, bounds: (row.end, row.start) }
}

pub unsafe extern "C" fn session_get_many(
    context: *mut kst_context,
    store: u32,
    rows: *mut kst_session_row,
    count: usize,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of((|| {
        bed.is_of(store, StoreKind::Session)?;
        for row in (0..count).map(|index| unsafe { &mut *rows.add(index) }) {
            let mut place = session_place(row);
            unsafe { bed.find(store, &mut place)? };
            row.value = place.value;
            row.timestamp = 0;
        }
        Ok(())
    })())
}

pub unsafe extern "C" fn session_put_many(
    context: *mut kst_context,
    store: u32,
    rows: *const kst_session_row,
    count: usize,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of(
        bed.is_of(store, StoreKind::Session).and_then(|()| {
            (0..count).try_for_each(|index| unsafe { bed.write(store, &session_place(&*rows.add(index))) })
        }),
    )
}

pub unsafe extern "C" fn session_scan(
    context: *mut kst_context,
    store: u32,
    ranges: *const kst_session_range,
    count: usize,
    reverse: c_int,
    visitor: *mut c_void,
    visit: kst_session_visitor,
) -> kst_status {
    let bed = unsafe { Bed::of(context) };
    status_of((|| {
        bed.is_of(store, StoreKind::Session)?;
        for index in 0..count {
            let range = unsafe { &*ranges.add(index) };
            let within = unsafe { bed.within(&range.from, &range.to)? };
            let wanted =
                |at: &(Vec<u8>, i64, i64)| within(&at.0) && at.1 >= range.earliest_end && at.2 <= range.latest_start;
            bed.show(store, reverse != 0, wanted, |place| {
                let row = kst_session_row {
                    key: place.key,
                    value: place.value,
                    start: place.bounds.1,
                    end: place.bounds.0,
                    timestamp: 0,
                };
                unsafe { visit(visitor, index, &row) }
            });
        }
        Ok(())
    })())
}
