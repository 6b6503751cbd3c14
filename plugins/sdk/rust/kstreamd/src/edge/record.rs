//! Records and values: C's structs behind types with lifetimes.

use std::fmt;
use std::marker::PhantomData;
use std::os::raw::{c_char, c_void};
use std::slice::from_raw_parts;

use crate::abi::*;
use crate::{Object, Value};

/// `size` bytes at `data`, which may be NULL when there are none.
///
/// # Safety
/// They are readable for 'a.
pub unsafe fn bytes_at<'a>(data: *const c_void, size: usize) -> &'a [u8] {
    if data.is_null() || size == 0 {
        return &[];
    }
    // SAFETY: the caller's word.
    unsafe { from_raw_parts(data.cast(), size) }
}

/// # Safety
/// What the value points to is valid for 'a.
pub unsafe fn read_value<'a>(raw: &kst_value) -> Value<'a> {
    // SAFETY of all: the tag says which field of the union was written, and text and bytes go as far as size says.
    let text = |make: fn(&'a str) -> Value<'a>| {
        let bytes = unsafe { bytes_at::<'a>(raw.u.data.cast(), raw.size as usize) };
        std::str::from_utf8(bytes).map_or(Value::Opaque(Opaque { raw: *raw, life: PhantomData }), make)
    };
    match raw.type_ {
        KST_NULL => Value::Null,
        KST_BOOL => Value::Bool(unsafe { raw.u.integer } != 0),
        KST_INT32 => Value::Int32(unsafe { raw.u.integer } as i32),
        KST_INT64 => Value::Int64(unsafe { raw.u.integer }),
        KST_FLOAT64 => Value::Float64(unsafe { raw.u.real }),
        KST_STRING => text(Value::String),
        KST_BYTES => Value::Bytes(unsafe { bytes_at(raw.u.data.cast(), raw.size as usize) }),
        KST_JSON => text(Value::Json),
        KST_OBJECT => Value::Object(unsafe { Object::borrow(raw.u.object) }),
        _ => Value::Opaque(Opaque { raw: *raw, life: PhantomData }),
    }
}

fn size_of_data(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a key, value or header of 4 GiB or more cannot be passed on")
}

/// The C form of a value; it points to what the value borrows.
pub fn raw_value(value: &Value<'_>) -> kst_value {
    let data = |type_, bytes: &[u8]| kst_value {
        type_,
        size: size_of_data(bytes),
        u: kst_value_content { data: bytes.as_ptr().cast::<c_char>() },
    };
    let integer = |type_, integer| kst_value { type_, size: 0, u: kst_value_content { integer } };
    match value {
        Value::Null => integer(KST_NULL, 0),
        Value::Bool(v) => integer(KST_BOOL, i64::from(*v)),
        Value::Int32(v) => integer(KST_INT32, i64::from(*v)),
        Value::Int64(v) => integer(KST_INT64, *v),
        Value::Float64(v) => kst_value { type_: KST_FLOAT64, size: 0, u: kst_value_content { real: *v } },
        Value::String(v) => data(KST_STRING, v.as_bytes()),
        Value::Bytes(v) => data(KST_BYTES, v),
        Value::Json(v) => data(KST_JSON, v.as_bytes()),
        Value::Object(v) => kst_value { type_: KST_OBJECT, size: 0, u: kst_value_content { object: v.as_raw() } },
        Value::Opaque(v) => v.raw,
    }
}

/// A value that cannot be looked into, only passed on.
#[derive(Clone, Copy)]
pub struct Opaque<'a> {
    raw: kst_value,
    life: PhantomData<&'a ()>,
}

impl Opaque<'_> {
    /// The number of its kind (`KST_...`).
    pub fn kind(&self) -> u32 {
        self.raw.type_
    }
}

impl fmt::Debug for Opaque<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque(kind {})", self.raw.type_)
    }
}

impl PartialEq for Opaque<'_> {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: every kind fills the 8 bytes of the union; they are compared as bits, nothing is followed.
        let bits = |v: &Self| unsafe { (v.raw.type_, v.raw.size, v.raw.u.integer) };
        bits(self) == bits(other)
    }
}

/// One header of a record. Names may repeat; order counts.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Header<'a> {
    raw: kst_header,
    life: PhantomData<&'a ()>,
}

impl<'a> Header<'a> {
    /// A header; None is a null value.
    pub fn new(name: &'a str, value: Option<&'a [u8]>) -> Self {
        let raw = kst_header {
            name: name.as_ptr().cast(),
            value: value.map_or(std::ptr::null(), |v| v.as_ptr().cast()),
            name_size: size_of_data(name.as_bytes()),
            value_size: value.map_or(0, size_of_data),
        };
        Header { raw, life: PhantomData }
    }

    /// Its name; None when it is not UTF-8.
    pub fn name(&self) -> Option<&'a str> {
        std::str::from_utf8(self.name_bytes()).ok()
    }

    /// Its name as it is.
    pub fn name_bytes(&self) -> &'a [u8] {
        // SAFETY: made by new, or the host's, which lends it for 'a.
        unsafe { bytes_at(self.raw.name.cast(), self.raw.name_size as usize) }
    }

    /// Its value; None is null.
    pub fn value(&self) -> Option<&'a [u8]> {
        if self.raw.value.is_null() {
            return None;
        }
        // SAFETY: as in name_bytes.
        Some(unsafe { bytes_at(self.raw.value, self.raw.value_size as usize) })
    }

    /// `value` as the host made it, with the bytes behind it moved: see Context::keep.
    pub(super) fn raw(&self) -> &kst_header {
        &self.raw
    }
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", String::from_utf8_lossy(self.name_bytes()), self.value())
    }
}

/// Where a record came from: the record of a topic that is being processed.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Origin<'a> {
    raw: kst_origin,
    life: PhantomData<&'a ()>,
}

impl<'a> Origin<'a> {
    /// The topic's name.
    pub fn topic(&self) -> &'a str {
        // SAFETY: the host lends it for 'a.
        std::str::from_utf8(unsafe { bytes_at(self.raw.topic.cast(), self.raw.topic_size as usize) }).unwrap_or("")
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.raw.partition
    }

    /// The offset.
    pub fn offset(&self) -> i64 {
        self.raw.offset
    }

    /// The stream time of the task when this record was taken up, in ms, the record itself included.
    pub fn stream_time(&self) -> i64 {
        self.raw.stream_time
    }

    /// The key as the broker delivered it; None is null.
    pub fn raw_key(&self) -> Option<&'a [u8]> {
        // SAFETY: the host lends it for 'a.
        (!self.raw.raw_key.is_null()).then(|| unsafe { bytes_at(self.raw.raw_key, self.raw.raw_key_size as usize) })
    }

    /// The value as the broker delivered it; None is null.
    pub fn raw_value(&self) -> Option<&'a [u8]> {
        let size = self.raw.raw_value_size as usize;
        // SAFETY: the host lends it for 'a.
        (!self.raw.raw_value.is_null()).then(|| unsafe { bytes_at(self.raw.raw_value, size) })
    }
}

/// A record. It borrows everything it shows, and is changed by making another one (`with_...`).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Record<'a> {
    raw: kst_record,
    life: PhantomData<&'a ()>,
}

impl<'a> Record<'a> {
    /// A record without headers. `timestamp` is in ms since 1970-01-01 UTC. What is forwarded while a record is processed
    /// gets that record's origin.
    pub fn new(key: Value<'a>, value: Value<'a>, timestamp: i64) -> Self {
        let raw = kst_record {
            key: raw_value(&key),
            value: raw_value(&value),
            timestamp,
            headers: std::ptr::null(),
            origin: std::ptr::null(),
            header_count: 0,
            input: 0,
        };
        Record { raw, life: PhantomData }
    }

    /// The key.
    pub fn key(&self) -> Value<'a> {
        // SAFETY: what a Record<'a> points to is valid for 'a: so its makers say.
        unsafe { read_value(&self.raw.key) }
    }

    /// The value.
    pub fn value(&self) -> Value<'a> {
        // SAFETY: as in key.
        unsafe { read_value(&self.raw.value) }
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn timestamp(&self) -> i64 {
        self.raw.timestamp
    }

    /// The headers, in order.
    pub fn headers(&self) -> &'a [Header<'a>] {
        if self.raw.header_count == 0 || self.raw.headers.is_null() {
            return &[];
        }
        // SAFETY: a Header is transparent over kst_header; the rest as in key.
        unsafe { from_raw_parts(self.raw.headers.cast(), self.raw.header_count as usize) }
    }

    /// The last header of a name.
    pub fn header(&self, name: &str) -> Option<Header<'a>> {
        self.headers().iter().rev().find(|h| h.name_bytes() == name.as_bytes()).copied()
    }

    /// Where it came from; None for what a punctuation made.
    pub fn origin(&self) -> Option<&'a Origin<'a>> {
        // SAFETY: an Origin is transparent over kst_origin; the rest as in key.
        unsafe { self.raw.origin.cast::<Origin<'a>>().as_ref() }
    }

    /// The same with another key.
    #[must_use]
    pub fn with_key(mut self, key: Value<'a>) -> Self {
        self.raw.key = raw_value(&key);
        self
    }

    /// The same with another value.
    #[must_use]
    pub fn with_value(mut self, value: Value<'a>) -> Self {
        self.raw.value = raw_value(&value);
        self
    }

    /// The same with another timestamp.
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: i64) -> Self {
        self.raw.timestamp = timestamp;
        self
    }

    /// The same with other headers.
    #[must_use]
    pub fn with_headers(mut self, headers: &'a [Header<'a>]) -> Self {
        self.raw.headers = headers.as_ptr().cast();
        self.raw.header_count = u32::try_from(headers.len()).expect("a record has fewer than 2^32 headers");
        self
    }

    /// # Safety
    /// Everything that `raw` points to is valid for 'a.
    pub(super) unsafe fn from_raw(raw: kst_record) -> Self {
        Record { raw, life: PhantomData }
    }

    /// `count` records at `records`, which may be NULL when there are none.
    ///
    /// # Safety
    /// They, and everything they point to, are valid for 'a.
    pub(super) unsafe fn slice<'s>(records: *const kst_record, count: usize) -> &'s [Record<'a>] {
        if records.is_null() || count == 0 {
            return &[];
        }
        // SAFETY: a Record is transparent over kst_record; the rest is the caller's word.
        unsafe { from_raw_parts(records.cast(), count) }
    }

    pub(super) fn raw(&self) -> &kst_record {
        &self.raw
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key())
            .field("value", &self.value())
            .field("timestamp", &self.timestamp())
            .field("headers", &self.headers())
            .finish()
    }
}
