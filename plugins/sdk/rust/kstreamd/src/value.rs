use crate::edge::record::Record;
use crate::{Header, Object, Opaque, OwnedObject};

/// A key or a value. It borrows what it shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Absent: a null key, a tombstone, a JSON null.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of 32 bits.
    Int32(i32),
    /// An integer of 64 bits.
    Int64(i64),
    /// A float of 64 bits.
    Float64(f64),
    /// A text.
    String(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// One JSON text: an object, a list or a scalar.
    Json(&'a str),
    /// A typed object of another plugin.
    Object(Object<'a>),
    /// Something that cannot be looked into: a kind of value that is newer than this crate, or a text that is not UTF-8.
    /// It may be passed on.
    Opaque(Opaque<'a>),
}

impl<'a> Value<'a> {
    /// The name of its kind, for messages: "string", "int64".
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int32(_) => "int32",
            Value::Int64(_) => "int64",
            Value::Float64(_) => "float64",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Json(_) => "json",
            Value::Object(_) => "object",
            Value::Opaque(_) => "opaque",
        }
    }

    /// Whether it is absent.
    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer of an int32 or int64.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int32(number) => Some(i64::from(*number)),
            Value::Int64(number) => Some(*number),
            _ => None,
        }
    }

    /// The bytes of bytes, of a string or of a JSON text.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::String(text) | Value::Json(text) => Some(text.as_bytes()),
            _ => None,
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::String(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Value::Bytes(bytes)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Int64(number)
    }
}

/// A value with memory of its own, for what outlives the call that showed it.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValue {
    /// See [`Value::Null`]; the others correspond likewise.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of 32 bits.
    Int32(i32),
    /// An integer of 64 bits.
    Int64(i64),
    /// A float of 64 bits.
    Float64(f64),
    /// A text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// One JSON text.
    Json(String),
    /// A typed object of another plugin, of which this is one more owner.
    Object(OwnedObject),
}

impl OwnedValue {
    /// A copy. None for what is opaque: nobody here knows how far it goes.
    pub fn copy_of(value: &Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Null => OwnedValue::Null,
            Value::Bool(v) => OwnedValue::Bool(*v),
            Value::Int32(v) => OwnedValue::Int32(*v),
            Value::Int64(v) => OwnedValue::Int64(*v),
            Value::Float64(v) => OwnedValue::Float64(*v),
            Value::String(v) => OwnedValue::String(v.to_string()),
            Value::Bytes(v) => OwnedValue::Bytes(v.to_vec()),
            Value::Json(v) => OwnedValue::Json(v.to_string()),
            Value::Object(v) => OwnedValue::Object(v.to_owned()),
            Value::Opaque(_) => return None,
        })
    }

    /// The value, as long as this lives.
    pub fn get(&self) -> Value<'_> {
        match self {
            OwnedValue::Null => Value::Null,
            OwnedValue::Bool(v) => Value::Bool(*v),
            OwnedValue::Int32(v) => Value::Int32(*v),
            OwnedValue::Int64(v) => Value::Int64(*v),
            OwnedValue::Float64(v) => Value::Float64(*v),
            OwnedValue::String(v) => Value::String(v),
            OwnedValue::Bytes(v) => Value::Bytes(v),
            OwnedValue::Json(v) => Value::Json(v),
            OwnedValue::Object(v) => Value::Object(v.get()),
        }
    }
}

impl From<&str> for OwnedValue {
    fn from(text: &str) -> Self {
        OwnedValue::String(text.to_string())
    }
}

impl From<i64> for OwnedValue {
    fn from(number: i64) -> Self {
        OwnedValue::Int64(number)
    }
}

/// A record with memory of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedRecord {
    /// The key.
    pub key: OwnedValue,
    /// The value.
    pub value: OwnedValue,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// Names and values, in order; a value may be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl OwnedRecord {
    /// A copy. What cannot be copied (see [`OwnedValue::copy_of`]; a header's name that is not UTF-8) is named in the
    /// error.
    pub fn copy_of(record: &Record<'_>) -> Result<Self, String> {
        let copy = |what: &str, value: Value<'_>| {
            OwnedValue::copy_of(&value).ok_or_else(|| {
                format!("the {what} cannot be kept: it is of a kind that this plugin does not know, or no UTF-8")
            })
        };
        let mut headers = Vec::with_capacity(record.headers().len());
        for header in record.headers() {
            let name = header.name().ok_or("a header's name is no UTF-8")?;
            headers.push((name.to_string(), header.value().map(<[u8]>::to_vec)));
        }
        Ok(OwnedRecord {
            key: copy("key", record.key())?,
            value: copy("value", record.value())?,
            timestamp: record.timestamp(),
            headers,
        })
    }

    /// Its headers, to be lent to [`Record::with_headers`].
    pub fn header_list(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| Header::new(name, value.as_deref())).collect()
    }
}
