//! Processors for kstreamd in safe Rust: a thin layer over its C plugin ABI 1.0, without dependencies.
//!
//! A processor is a type that implements [`Processor`]; [`plugin!`] makes the crate (a `cdylib`) a plugin. Panics stop at
//! the edge and become errors of the record; what the ABI asks an author to keep to (threads, lifetimes, completing a
//! record once) is kept by types where it can be. [`testing`] runs a processor without a daemon.
//!
//! ```
//! use kstreamd::{Context, Error, Processor, Record, Setup, Value};
//!
//! struct Shout {
//!     ending: String,
//! }
//!
//! impl Processor for Shout {
//!     const NAME: &'static str = "shout"; // `process: shout` in the topology
//!     const DESCRIPTION: &'static str = "adds something to every text";
//!
//!     fn create(config: &str, _: &mut Setup<'_>) -> Result<Self, String> {
//!         let config = kstreamd::Config::parse(config)?;
//!         Ok(Shout { ending: config.text_or("ending", "!")?.to_string() })
//!     }
//!
//!     fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error> {
//!         let text = match record.value() {
//!             Value::String(text) => text,
//!             Value::Null => {
//!                 context.drop("null_value");
//!                 return Ok(());
//!             }
//!             other => return Err(Error::record(format!("takes texts, not {}", other.kind()))),
//!         };
//!         let louder = format!("{text}{}", self.ending);
//!         context.forward(&record.with_value(Value::String(&louder)))
//!     }
//! }
//!
//! kstreamd::plugin!("shout", "1.0.0", [Shout]);
//!
//! # fn main() {
//! let mut task = kstreamd::testing::Task::<Shout>::new(r#"{"ending": "!!"}"#).unwrap();
//! task.process(&[Record::new(Value::Null, Value::String("hello"), 5)]).unwrap();
//! assert_eq!(task.take_output()[0].value, "hello!!".into());
//! # }
//! ```
#![deny(unsafe_code, unsafe_op_in_unsafe_fn, missing_docs, rust_2018_idioms)]

#[allow(missing_docs)]
pub mod abi;
mod config;
#[allow(unsafe_code)]
mod edge;
mod error;
pub mod json;
mod processor;
mod value;

/// A task in miniature, for unit tests of one processor without a daemon.
pub mod testing {
    pub use crate::edge::fake_task::Task;
}

pub use config::{duration_ms, Config};
pub use edge::context::{Context, Node, Output, Setup};
pub use edge::handles::{Level, Logger, Metric};
pub use edge::held::Held;
pub use edge::object::{Object, OwnedObject};
pub use edge::record::{Header, Opaque, Origin, Record};
pub use edge::serde::Memory;
pub use edge::stores::{KeyValueStore, Row, Stored};
pub use edge::versioned::{Version, VersionRange, VersionedStore, LATEST};
pub use edge::windowed::{SessionRange, SessionRow, SessionStore, WindowRange, WindowRow, WindowStore};
pub use error::Error;
pub use processor::{Clock, Problems, Processor, Schedule, Serde, StoreKind, StoreNeed};
pub use value::{OwnedRecord, OwnedValue, Value};

/// What [`plugin!`] expands to; not for use by hand.
#[doc(hidden)]
pub mod __plugin {
    pub use crate::edge::entry::{processor, serde, Parts, Plugin};
}

/// Makes the crate a plugin: its name, its version, its processors, and its serdes where it has some. Once per crate,
/// whose `crate-type` is `["cdylib"]`.
///
/// ```ignore
/// kstreamd::plugin!("orders", env!("CARGO_PKG_VERSION"), [Enrich, Split]);
/// kstreamd::plugin!("orders", "1.2.0", [Enrich, Split], [OrderSerde]);
/// ```
#[macro_export]
macro_rules! plugin {
    ($name:expr, $version:expr, [$($processor:ty),* $(,)?]) => {
        $crate::plugin!($name, $version, [$($processor),*], []);
    };
    ($name:expr, $version:expr, [$($processor:ty),* $(,)?], [$($serde:ty),* $(,)?]) => {
        #[cfg(panic = "abort")]
        compile_error!("a plugin must not be built with panic = \"abort\": a panic would end the whole daemon");

        /// The one symbol that the daemon looks for.
        #[no_mangle]
        pub extern "C" fn kst_plugin_entry(
            host: &'static $crate::abi::kst_host,
        ) -> *const $crate::abi::kst_plugin {
            static PLUGIN: $crate::__plugin::Plugin = $crate::__plugin::Plugin::new();
            PLUGIN.enter(host, || $crate::__plugin::Parts {
                name: $name,
                version: $version,
                processors: vec![$($crate::__plugin::processor::<$processor>()),*],
                serdes: vec![$($crate::__plugin::serde::<$serde>()),*],
            })
        }
    };
}
