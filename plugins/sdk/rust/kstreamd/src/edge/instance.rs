//! C's functions of a processor type over the trait.

use std::cell::Cell;
use std::ffi::CString;
use std::os::raw::{c_char, c_void};

use super::context::{Collected, Context, Extensions, Node, Setup};
use super::guard::catch;
use super::handles::Gate;
use super::record::{bytes_at, Record};
use crate::abi::*;
use crate::{Error, Problems, Processor, Schedule};

struct Instance<P> {
    node: Node,
    collected: Collected,
    processor: P,
}

/// Runs one call on an instance.
///
/// # Safety
/// `instance` came from create of the same P, and is used by nobody else during the call.
unsafe fn call<P: Processor>(
    instance: *mut c_void,
    batch: &[Record<'_>],
    done: Option<&mut usize>,
    body: impl FnOnce(&mut P, &mut Context<'_>) -> Result<(), Error>,
) -> kst_status {
    // SAFETY: the caller's word.
    let instance = unsafe { &mut *instance.cast::<Instance<P>>() };
    let mut context = Context::new(&instance.node, batch, &mut instance.collected);
    let result = catch(|| body(&mut instance.processor, &mut context));
    context.conclude(result, done)
}

/// # Safety
/// This and the functions below: as the ABI says of them.
pub unsafe extern "C" fn check<P: Processor>(
    config: *const c_char,
    size: usize,
    sink: *mut c_void,
    report: kst_problem_sink,
) {
    // SAFETY: borrowed for the call.
    let config = unsafe { bytes_at(config.cast(), size) };
    let found = catch(|| {
        let mut problems = Problems::default();
        match std::str::from_utf8(config) {
            Ok(config) => P::check(config, &mut problems),
            Err(_) => problems.error("", "the configuration is no UTF-8", ""),
        }
        problems
    });
    let problems = found.unwrap_or_else(|panic| {
        let mut problems = Problems::default();
        problems.error("", format!("the processor's check {panic}"), "this is a bug of the plugin");
        problems
    });
    // Zero bytes within would cut a text short; nothing else can go wrong with it.
    let text = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
    for problem in problems.0 {
        let (pointer, message, hint) = (text(&problem.pointer), text(&problem.message), text(&problem.hint));
        let raw = kst_problem {
            struct_size: std::mem::size_of::<kst_problem>() as u32,
            severity: problem.severity,
            pointer: pointer.as_ptr(),
            line: 0,
            column: 0,
            message: message.as_ptr(),
            hint: if problem.hint.is_empty() { std::ptr::null() } else { hint.as_ptr() },
        };
        // SAFETY: the sink copies what it needs.
        unsafe { report(sink, &raw) };
    }
}

pub unsafe extern "C" fn create<P: Processor>(
    host: *const kst_host,
    context: *mut kst_context,
    config: *const c_char,
    size: usize,
    instance: *mut *mut c_void,
) -> kst_status {
    // SAFETY: the host's table lives as long as the process; the configuration is borrowed for the call.
    let (host, config) = unsafe { (&*host, bytes_at(config.cast(), size)) };
    let node = Node { host, context, extensions: Extensions::of(host), gate: Gate::new(), refused: Cell::new(false) };
    let mut setup = Setup { node: &node };
    let made = catch(|| {
        let config = std::str::from_utf8(config).map_err(|_| "the configuration is no UTF-8".to_string())?;
        P::create(config, &mut setup)
    });
    match made.unwrap_or_else(Err) {
        Ok(processor) => {
            let made = Box::new(Instance { node, collected: Collected::new(), processor });
            // SAFETY: the host's place for the result; close takes it back.
            unsafe { *instance = Box::into_raw(made).cast() };
            KST_OK
        }
        Err(message) => {
            // What the host refused it has explained itself, better than we could.
            if !node.refused.get() {
                node.say(&message);
            }
            node.gate.shut();
            KST_FATAL
        }
    }
}

pub unsafe extern "C" fn init<P: Processor>(instance: *mut c_void) -> kst_status {
    // SAFETY: the ABI's promise about instances.
    unsafe { call::<P>(instance, &[], None, |processor, context| processor.init(context)) }
}

pub unsafe extern "C" fn process<P: Processor>(
    instance: *mut c_void,
    records: *const kst_record,
    count: usize,
    done: *mut usize,
) -> kst_status {
    // SAFETY: the ABI's promises about instances and batches; `done` is the host's place for an index.
    unsafe {
        let batch = Record::slice(records, count);
        call::<P>(instance, batch, Some(&mut *done), |processor, context| processor.process_batch(batch, context))
    }
}

pub unsafe extern "C" fn punctuate<P: Processor>(instance: *mut c_void, schedule: u64, timestamp: i64) -> kst_status {
    // SAFETY: the ABI's promise about instances.
    unsafe {
        call::<P>(instance, &[], None, |processor, context| processor.punctuate(Schedule(schedule), timestamp, context))
    }
}

pub unsafe extern "C" fn close<P: Processor>(instance: *mut c_void) {
    // SAFETY: made by create, closed once.
    let Instance { node, processor, .. } = *unsafe { Box::from_raw(instance.cast::<Instance<P>>()) };
    node.gate.begin_closing(); // what is held from here on is dropped, and must not fail
                               // A destructor that panics is the plugin's bug, and there is nobody left to tell; standard error has it.
    let _ = catch(move || drop(processor));
    node.gate.shut();
}
