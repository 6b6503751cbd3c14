use std::fmt;

/// Why a call could not do its work, and thereby what follows. Everything that is a [`std::error::Error`] becomes an
/// error of the record by `?`.
///
/// What the host answered to a forward or a store (its transaction was aborted, a record further down failed) comes back
/// as an `Error` too, and is passed on by `?` like any other. The edge remembers it: to swallow it changes nothing.
#[derive(Debug)]
pub struct Error(pub(crate) Why);

#[derive(Debug)]
pub(crate) enum Why {
    /// The record could not be processed: the topology's `on_error` decides.
    Record(String),
    /// The processor cannot go on: its topology stops.
    Fatal(String),
    /// A status of the host, which knows the message.
    Host(crate::abi::kst_status),
}

impl Error {
    /// This record cannot be processed; the topology's `on_error` decides what becomes of it.
    pub fn record(message: impl Into<String>) -> Self {
        Error(Why::Record(message.into()))
    }

    /// The processor cannot go on: its topology stops with this message.
    pub fn fatal(message: impl Into<String>) -> Self {
        Error(Why::Fatal(message.into()))
    }

    pub(crate) fn host(status: crate::abi::kst_status) -> Self {
        Error(Why::Host(status))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Record(message) | Why::Fatal(message) => f.write_str(message),
            Why::Host(status) => write!(f, "the host answered with status {status}"),
        }
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Error::record(error.to_string())
    }
}

/// For `create`, whose errors are texts.
impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}
