use crate::edge::context::{Context, Setup};
use crate::edge::record::Record;
use crate::edge::serde::Memory;
use crate::{Error, Value};

/// A kind of store, in a [`StoreNeed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Any of the others.
    Any,
    /// `key_value` or `timestamped`.
    KeyValue,
    /// `window`.
    Window,
    /// `session`.
    Session,
    /// `versioned`.
    Versioned,
}

/// A store that a node of the type must name in YAML.
#[derive(Clone, Copy, Debug)]
pub struct StoreNeed {
    /// A few words for messages: "keys seen so far".
    pub purpose: &'static str,
    /// Another kind is refused before the topology starts.
    pub kind: StoreKind,
}

/// Which clock drives a punctuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The greatest timestamp of the records so far: it stands still while no records come.
    StreamTime,
    /// The wall clock; a manual one in tests.
    WallClock,
}

/// A schedule of punctuations, as [`Context::schedule`] gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Schedule(pub(crate) u64);

/// The problems that [`Processor::check`] finds.
#[derive(Debug, Default)]
pub struct Problems(pub(crate) Vec<Problem>);

#[derive(Debug)]
pub(crate) struct Problem {
    pub severity: u32,
    pub pointer: String,
    pub message: String,
    pub hint: String,
}

impl Problems {
    /// Something that keeps the topology from starting. `pointer` is a JSON pointer to the faulty part of the
    /// configuration ("/window/size", "" is the whole); `hint` says what to do, "" says nothing.
    pub fn error(&mut self, pointer: &str, message: impl Into<String>, hint: &str) {
        self.add(crate::abi::KST_PROBLEM_ERROR, pointer, message.into(), hint);
    }

    /// Something that deserves a look.
    pub fn warning(&mut self, pointer: &str, message: impl Into<String>, hint: &str) {
        self.add(crate::abi::KST_PROBLEM_WARNING, pointer, message.into(), hint);
    }

    fn add(&mut self, severity: u32, pointer: &str, message: String, hint: &str) {
        self.0.push(Problem { severity, pointer: pointer.to_string(), message, hint: hint.to_string() });
    }
}

/// A type of processor.
///
/// An instance belongs to one node of one task: create, init, then process and punctuate in turn, drop. Calls come one at
/// a time, from different threads over time. After an abort of its transaction an instance is dropped and a new one made:
/// what it must remember is in its stores.
///
/// A panic is caught at the edge. While a record is processed it counts as an error of that record, and `on_error`
/// decides; anywhere else the topology stops with the panic's message.
pub trait Processor: Sized + Send + 'static {
    /// What YAML's `process:` says: `[a-z0-9_.]+`.
    const NAME: &'static str;
    /// One line.
    const DESCRIPTION: &'static str;
    /// JSON Schema (draft 7) of the configuration, which `kstreamd validate` checks with file and line. None: any object.
    const CONFIG_SCHEMA: Option<&'static str> = None;
    /// Names of the outputs, children say `from: node.NAME`; empty: one unnamed output.
    const OUTPUTS: &'static [&'static str] = &[];
    /// The stores that a node must name, in this order.
    const STORES: &'static [StoreNeed] = &[];
    /// Whether the same input always gives the same output.
    const DETERMINISTIC: bool = true;
    /// How many records it may hold at a time (see [`Context::hold`]); 0: it finishes each within process.
    const MAX_IN_FLIGHT: u32 = 0;
    /// How long, in ms, a record may be held before it fails; 0: 30,000.
    const COMPLETION_TIMEOUT_MS: u32 = 0;

    /// Checks a configuration that fits the schema, without side effects, reporting every problem.
    fn check(_config: &str, _problems: &mut Problems) {}

    /// Makes an instance. `config` is a JSON object. Stores cannot be used yet. The error is shown to the operator.
    fn create(config: &str, setup: &mut Setup<'_>) -> Result<Self, String>;

    /// Called once, when all nodes of the task exist and its stores are restored: the place to schedule punctuations and
    /// to look into stores. May not forward.
    fn init(&mut self, _context: &mut Context<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// Processes one record.
    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error>;

    /// Processes one or more records in order. Overridden by processors whose work is cheaper for many at once; these call
    /// [`Context::processing`] before each record they turn to, so that an error is put down to the right one.
    fn process_batch(&mut self, records: &[Record<'_>], context: &mut Context<'_>) -> Result<(), Error> {
        for (index, record) in records.iter().enumerate() {
            context.processing(index);
            self.process(record, context)?;
        }
        Ok(())
    }

    /// A schedule is due. `timestamp` is the stream time or wall clock that made it so, in ms. An error stops the
    /// topology: there is no record to put it down to.
    fn punctuate(&mut self, _schedule: Schedule, _timestamp: i64, _context: &mut Context<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// A named conversion between the bytes of a topic or store and a value, used in YAML like the built-in ones. Without
/// state; called from any thread, by several at once. Nulls never get here.
pub trait Serde: 'static {
    /// What YAML says: `[a-z][a-z0-9_]*`, none of the built-in names.
    const NAME: &'static str;
    /// One line.
    const DESCRIPTION: &'static str;

    /// Bytes to a value, which may borrow from the bytes or from `memory`.
    fn read<'a>(bytes: &'a [u8], memory: &Memory<'a>) -> Result<Value<'a>, String>;

    /// A value to bytes, which may be borrowed from the value or from `memory`. The error for a kind of value that it
    /// cannot write says what it takes.
    fn write<'a>(value: Value<'a>, memory: &Memory<'a>) -> Result<&'a [u8], String>;
}
