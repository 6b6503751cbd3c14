//! The mirror in src/abi.rs against plugins/abi/layout.txt, which another test holds against the C headers.
use std::collections::BTreeSet;
use std::mem::{size_of, MaybeUninit};
use std::ptr::addr_of;

use kstreamd::abi::*;

fn size_behind<T>(_: *const T) -> usize {
    size_of::<T>()
}

/// Lines as in layout.txt: a struct with its size, its fields with offset and size; `type_` is C's `type`.
macro_rules! structs {
    ($lines:ident: $($name:ident { $($field:ident),* })*) => {$(
        $lines.insert(format!("{} {}", stringify!($name), size_of::<$name>()));
        let place = MaybeUninit::<$name>::uninit();
        let begin = place.as_ptr();
        $({
            // SAFETY: the address of a field within memory of the struct's size; nothing is read.
            let field = unsafe { addr_of!((*begin).$field) };
            let name = stringify!($field).trim_end_matches('_');
            $lines.insert(format!(
                "{}.{} {} {}", stringify!($name), name, field as usize - begin as usize, size_behind(field)));
        })*
    )*};
}

macro_rules! constants {
    ($lines:ident: $($name:ident)*) => {$( $lines.insert(format!("{} {:?}", stringify!($name), $name)); )*};
}

#[test]
fn is_that_of_the_headers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../abi/layout.txt");
    let text = std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{path}: {why}"));
    let headers: BTreeSet<String> = text.lines().map(str::to_string).collect();
    let mut ours = BTreeSet::new();
    ours.insert("KST_PLUGIN_ENTRY \"kst_plugin_entry\"".to_string()); // here a function of this name
    structs! { ours:
        kst_token { processor, record }
        kst_async_extension { struct_size, hold, complete, fail, drop }
        kst_log_extension { struct_size, write }
        kst_metrics_extension { struct_size, make, record }
        kst_host { struct_size, abi_major, abi_minor, forward, output, fail, drop, scratch, extension }
        kst_problem { struct_size, severity, pointer, line, column, message, hint }
        kst_store_need { purpose, kind, reserved }
        kst_processor_type { struct_size, name, description, config_schema, outputs, stores, store_count, deterministic, max_in_flight, completion_timeout_ms, check, create, init, process, punctuate, close }
        kst_plugin { magic, abi_major, abi_minor, struct_size, name, version, processors, serdes }
        kst_memory { struct_size, allocate, fail }
        kst_object_type { struct_size, id, to_json, to_bytes, retain, release }
        kst_object { type_ }
        kst_value { type_, size, u }
        kst_windowed { start, end, key_type, key_size, key }
        kst_header { name, value, name_size, value_size }
        kst_origin { topic, raw_key, raw_value, topic_size, raw_key_size, raw_value_size, partition, offset, stream_time }
        kst_record { key, value, timestamp, headers, origin, header_count, input }
        kst_schedule_extension { struct_size, schedule, cancel }
        kst_serde_type { struct_size, name, description, read, write }
        kst_version_row { key, value, timestamp, valid_to }
        kst_version_range { key, from, to }
        kst_versioned_store_extension { struct_size, get_many, put_many, delete_many, scan }
        kst_session_row { key, value, start, end, timestamp }
        kst_session_range { from, to, earliest_end, latest_start }
        kst_session_store_extension { struct_size, get_many, put_many, scan }
        kst_store_row { key, value, timestamp }
        kst_key_range { from, to }
        kst_store_extension { struct_size, kind, get_many, put_many, put_if_absent_many, delete_many, scan, prefix_scan, approximate_rows }
        kst_task_extension { struct_size, application_id, task_id, node_name, stream_time, wall_time, request_commit }
        kst_window_row { key, value, timestamp, start, end }
        kst_window_range { from, to, start_from, start_to }
        kst_window_store_extension { struct_size, get_many, put_many, scan }
    }
    constants! { ours:
        KST_ASYNC_REVISION KST_ASYNC_EXTENSION KST_LOG_REVISION KST_LOG_DEBUG KST_LOG_INFO KST_LOG_WARN
        KST_LOG_ERROR KST_LOG_EXTENSION KST_METRICS_REVISION KST_COUNTER KST_GAUGE KST_HISTOGRAM
        KST_METRICS_EXTENSION KST_PLUGIN_MAGIC KST_ABI_MAJOR KST_ABI_MINOR KST_PROBLEM_ERROR KST_PROBLEM_WARNING
        KST_STORE_ANY KST_STORE_KEY_VALUE KST_STORE_WINDOW KST_STORE_SESSION KST_STORE_VERSIONED KST_OK KST_RECORD_ERROR KST_STOP
        KST_FATAL KST_NULL KST_BOOL KST_INT32 KST_INT64 KST_FLOAT64 KST_STRING KST_BYTES KST_JSON KST_OBJECT
        KST_WINDOWED KST_CHANGE
        KST_SCHEDULE_REVISION KST_NO_START KST_STREAM_TIME KST_WALL_CLOCK KST_SCHEDULE_EXTENSION
        KST_SESSION_STORE_REVISION KST_SESSION_STORE_EXTENSION KST_STORE_REVISION KST_STORE_EXTENSION
        KST_VERSIONED_STORE_REVISION KST_VERSIONED_STORE_EXTENSION
        KST_TASK_REVISION KST_TASK_EXTENSION KST_WINDOW_STORE_REVISION KST_WINDOW_STORE_EXTENSION
    }
    let missing: Vec<_> = headers.difference(&ours).collect();
    let wrong: Vec<_> = ours.difference(&headers).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "of the headers, not here: {missing:#?}\nhere: {wrong:#?}");
}
