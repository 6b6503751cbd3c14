//! Where panics stop.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Runs `body`; a panic becomes its message.
///
/// Whatever `body` changed may be half done after a panic. Callers either give the instance up, or it is the processor's
/// own state while processing a record, of which the trait's documentation speaks.
pub fn catch<R>(body: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(text_of)
}

pub fn text_of(payload: Box<dyn Any + Send>) -> String {
    let text = if let Some(text) = payload.downcast_ref::<&str>() {
        Some((*text).to_string())
    } else {
        payload.downcast_ref::<String>().cloned()
    };
    match text {
        Some(text) => format!("panicked: {text}"),
        None => {
            // Its destructor is foreign code, which might panic in turn.
            std::mem::forget(payload);
            "panicked with something that is no text".to_string()
        }
    }
}
