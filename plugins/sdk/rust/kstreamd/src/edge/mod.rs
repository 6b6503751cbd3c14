//! The one module with unsafe code: everything that touches the C ABI, from both sides.
//!
//! What its safety rests on:
//! - The host keeps to the ABI: pointers it passes are valid for as long as plugin.h and the headers of the extensions
//!   say, and calls on one instance come one at a time.
//! - Borrowed memory carries a lifetime. What is borrowed for a call into the processor has the lifetime of that call's
//!   [`context::Context`] or [`record::Record`], which a processor's function is generic over, so that nothing of it can
//!   be kept in the processor.
//! - What may be used from any thread until close has returned (metrics, the log) goes through a gate that close shuts
//!   ([`handles::Gate`]). A held record is a copy, and its token is plain numbers.
//! - No panic leaves a function that the host calls: each runs its body in [`guard::catch`].
pub mod context;
pub mod entry;
pub mod fake_host;
pub mod fake_stores;
pub mod fake_task;
pub mod fake_versions;
pub mod guard;
pub mod handles;
pub mod held;
pub mod instance;
pub mod object;
pub mod record;
pub mod serde;
pub mod stores;
pub mod versioned;
pub mod windowed;
