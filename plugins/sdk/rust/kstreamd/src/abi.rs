//! ABI 1.0 as C declares it (include/kstreamd/abi): one struct for each struct there, field by field. The C headers say
//! what every field and function means. A test compares sizes, offsets and constants with those of the headers.
//!
//! Authors of processors need nothing from here.
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_int, c_void};

// ---- record.h

pub type kst_status = i32;
pub const KST_OK: kst_status = 0;
pub const KST_RECORD_ERROR: kst_status = 1;
pub const KST_STOP: kst_status = 2;
pub const KST_FATAL: kst_status = 3;

#[repr(C)]
pub struct kst_memory {
    pub struct_size: u32,
    pub allocate: unsafe extern "C" fn(*const kst_memory, usize) -> *mut c_void,
    pub fail: unsafe extern "C" fn(*const kst_memory, *const c_char, usize),
}

pub type kst_type = u32;
pub const KST_NULL: kst_type = 0;
pub const KST_BOOL: kst_type = 1;
pub const KST_INT32: kst_type = 2;
pub const KST_INT64: kst_type = 3;
pub const KST_FLOAT64: kst_type = 4;
pub const KST_STRING: kst_type = 5;
pub const KST_BYTES: kst_type = 6;
pub const KST_JSON: kst_type = 7;
pub const KST_OBJECT: kst_type = 8;
pub const KST_WINDOWED: kst_type = 9;
pub const KST_CHANGE: kst_type = 10;

#[repr(C)]
#[derive(Clone, Copy)]
pub union kst_windowed_key {
    pub integer: i64,
    pub real: f64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_windowed {
    pub start: i64,
    pub end: i64,
    pub key_type: kst_type,
    pub key_size: u32,
    pub key: kst_windowed_key,
}

#[repr(C)]
pub struct kst_object_type {
    pub struct_size: u32,
    pub id: *const c_char,
    pub to_json:
        unsafe extern "C" fn(*const kst_object, *const kst_memory, *mut *const c_char, *mut usize) -> kst_status,
    pub to_bytes: Option<
        unsafe extern "C" fn(*const kst_object, *const kst_memory, *mut *const c_void, *mut usize) -> kst_status,
    >,
    pub retain: unsafe extern "C" fn(*const kst_object),
    pub release: unsafe extern "C" fn(*const kst_object),
}

#[repr(C)]
pub struct kst_object {
    pub type_: *const kst_object_type,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union kst_value_content {
    pub integer: i64,
    pub real: f64,
    pub data: *const c_char,
    pub object: *const kst_object,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_value {
    pub type_: kst_type,
    pub size: u32,
    pub u: kst_value_content,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_header {
    pub name: *const c_char,
    pub value: *const c_void,
    pub name_size: u32,
    pub value_size: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_origin {
    pub topic: *const c_char,
    pub raw_key: *const c_void,
    pub raw_value: *const c_void,
    pub topic_size: u32,
    pub raw_key_size: u32,
    pub raw_value_size: u32,
    pub partition: i32,
    pub offset: i64,
    pub stream_time: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_record {
    pub key: kst_value,
    pub value: kst_value,
    pub timestamp: i64,
    pub headers: *const kst_header,
    pub origin: *const kst_origin,
    pub header_count: u32,
    pub input: u32,
}

// ---- serde.h

#[repr(C)]
pub struct kst_serde_type {
    pub struct_size: u32,
    pub name: *const c_char,
    pub description: *const c_char,
    pub read: unsafe extern "C" fn(*const c_void, usize, *const kst_memory, *mut kst_value) -> kst_status,
    pub write: unsafe extern "C" fn(*const kst_value, *const kst_memory, *mut *const c_void, *mut usize) -> kst_status,
}

// ---- plugin.h

pub const KST_PLUGIN_MAGIC: u32 = 0x6b73_7472;
pub const KST_ABI_MAJOR: u16 = 1;
pub const KST_ABI_MINOR: u16 = 0;

#[repr(C)]
pub struct kst_context {
    opaque: [u8; 0],
}

#[repr(C)]
pub struct kst_host {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub forward: unsafe extern "C" fn(*mut kst_context, u32, *const kst_record, usize) -> kst_status,
    pub output: unsafe extern "C" fn(*mut kst_context, *const c_char, usize, *mut u32) -> kst_status,
    pub fail: unsafe extern "C" fn(*mut kst_context, *const c_char, usize),
    pub drop: unsafe extern "C" fn(*mut kst_context, *const c_char, usize),
    pub scratch: unsafe extern "C" fn(*mut kst_context, usize) -> *mut c_void,
    pub extension: unsafe extern "C" fn(*const c_char, u32) -> *const c_void,
}

pub const KST_PROBLEM_ERROR: u32 = 0;
pub const KST_PROBLEM_WARNING: u32 = 1;

#[repr(C)]
pub struct kst_problem {
    pub struct_size: u32,
    pub severity: u32,
    pub pointer: *const c_char,
    pub line: u32,
    pub column: u32,
    pub message: *const c_char,
    pub hint: *const c_char,
}

pub type kst_problem_sink = unsafe extern "C" fn(*mut c_void, *const kst_problem);

pub const KST_STORE_ANY: u32 = 0;
pub const KST_STORE_KEY_VALUE: u32 = 1;
pub const KST_STORE_WINDOW: u32 = 2;
pub const KST_STORE_SESSION: u32 = 3;
pub const KST_STORE_VERSIONED: u32 = 4;

#[repr(C)]
pub struct kst_store_need {
    pub purpose: *const c_char,
    pub kind: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct kst_processor_type {
    pub struct_size: u32,
    pub name: *const c_char,
    pub description: *const c_char,
    pub config_schema: *const c_char,
    pub outputs: *const *const c_char,
    pub stores: *const kst_store_need,
    pub store_count: u32,
    pub deterministic: u32,
    pub max_in_flight: u32,
    pub completion_timeout_ms: u32,
    pub check: Option<unsafe extern "C" fn(*const c_char, usize, *mut c_void, kst_problem_sink)>,
    pub create:
        unsafe extern "C" fn(*const kst_host, *mut kst_context, *const c_char, usize, *mut *mut c_void) -> kst_status,
    pub init: Option<unsafe extern "C" fn(*mut c_void) -> kst_status>,
    pub process: unsafe extern "C" fn(*mut c_void, *const kst_record, usize, *mut usize) -> kst_status,
    pub punctuate: Option<unsafe extern "C" fn(*mut c_void, u64, i64) -> kst_status>,
    pub close: unsafe extern "C" fn(*mut c_void),
}

#[repr(C)]
pub struct kst_plugin {
    pub magic: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub struct_size: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub processors: *const *const kst_processor_type,
    pub serdes: *const *const kst_serde_type,
}

// ---- store.h

pub const KST_STORE_EXTENSION: &str = "kstreamd.store";
pub const KST_STORE_REVISION: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_store_row {
    pub key: kst_value,
    pub value: kst_value,
    pub timestamp: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_key_range {
    pub from: kst_value,
    pub to: kst_value,
}

pub type kst_row_visitor = unsafe extern "C" fn(*mut c_void, usize, *const kst_store_row) -> c_int;

#[repr(C)]
pub struct kst_store_extension {
    pub struct_size: u32,
    pub kind: unsafe extern "C" fn(*mut kst_context, u32) -> u32,
    pub get_many: unsafe extern "C" fn(*mut kst_context, u32, *mut kst_store_row, usize) -> kst_status,
    pub put_many: unsafe extern "C" fn(*mut kst_context, u32, *const kst_store_row, usize) -> kst_status,
    pub put_if_absent_many: unsafe extern "C" fn(*mut kst_context, u32, *mut kst_store_row, usize) -> kst_status,
    pub delete_many: unsafe extern "C" fn(*mut kst_context, u32, *mut kst_store_row, usize) -> kst_status,
    pub scan: unsafe extern "C" fn(
        *mut kst_context,
        u32,
        *const kst_key_range,
        usize,
        c_int,
        *mut c_void,
        kst_row_visitor,
    ) -> kst_status,
    pub prefix_scan: unsafe extern "C" fn(
        *mut kst_context,
        u32,
        *const kst_value,
        usize,
        c_int,
        *mut c_void,
        kst_row_visitor,
    ) -> kst_status,
    pub approximate_rows: unsafe extern "C" fn(*mut kst_context, u32) -> u64,
}

// ---- window_store.h

pub const KST_WINDOW_STORE_EXTENSION: &str = "kstreamd.window_store";
pub const KST_WINDOW_STORE_REVISION: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_window_row {
    pub key: kst_value,
    pub value: kst_value,
    pub timestamp: i64,
    pub start: i64,
    pub end: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_window_range {
    pub from: kst_value,
    pub to: kst_value,
    pub start_from: i64,
    pub start_to: i64,
}

pub type kst_window_visitor = unsafe extern "C" fn(*mut c_void, usize, *const kst_window_row) -> c_int;

#[repr(C)]
pub struct kst_window_store_extension {
    pub struct_size: u32,
    pub get_many: unsafe extern "C" fn(*mut kst_context, u32, *mut kst_window_row, usize) -> kst_status,
    pub put_many: unsafe extern "C" fn(*mut kst_context, u32, *const kst_window_row, usize) -> kst_status,
    pub scan: unsafe extern "C" fn(
        *mut kst_context,
        u32,
        *const kst_window_range,
        usize,
        c_int,
        *mut c_void,
        kst_window_visitor,
    ) -> kst_status,
}

// ---- versioned_store.h

pub const KST_VERSIONED_STORE_EXTENSION: &str = "kstreamd.versioned_store";
pub const KST_VERSIONED_STORE_REVISION: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_version_row {
    pub key: kst_value,
    pub value: kst_value,
    pub timestamp: i64,
    pub valid_to: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_version_range {
    pub key: kst_value,
    pub from: i64,
    pub to: i64,
}

pub type kst_version_visitor = unsafe extern "C" fn(*mut c_void, usize, *const kst_version_row) -> c_int;

#[repr(C)]
pub struct kst_versioned_store_extension {
    pub struct_size: u32,
    pub get_many: unsafe extern "C" fn(*mut kst_context, u32, *mut kst_version_row, usize) -> kst_status,
    pub put_many: unsafe extern "C" fn(*mut kst_context, u32, *mut kst_version_row, usize) -> kst_status,
    pub delete_many: unsafe extern "C" fn(*mut kst_context, u32, *mut kst_version_row, usize) -> kst_status,
    pub scan: unsafe extern "C" fn(
        *mut kst_context,
        u32,
        *const kst_version_range,
        usize,
        c_int,
        *mut c_void,
        kst_version_visitor,
    ) -> kst_status,
}

// ---- session_store.h

pub const KST_SESSION_STORE_EXTENSION: &str = "kstreamd.session_store";
pub const KST_SESSION_STORE_REVISION: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_session_row {
    pub key: kst_value,
    pub value: kst_value,
    pub start: i64,
    pub end: i64,
    pub timestamp: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_session_range {
    pub from: kst_value,
    pub to: kst_value,
    pub earliest_end: i64,
    pub latest_start: i64,
}

pub type kst_session_visitor = unsafe extern "C" fn(*mut c_void, usize, *const kst_session_row) -> c_int;

#[repr(C)]
pub struct kst_session_store_extension {
    pub struct_size: u32,
    pub get_many: unsafe extern "C" fn(*mut kst_context, u32, *mut kst_session_row, usize) -> kst_status,
    pub put_many: unsafe extern "C" fn(*mut kst_context, u32, *const kst_session_row, usize) -> kst_status,
    pub scan: unsafe extern "C" fn(
        *mut kst_context,
        u32,
        *const kst_session_range,
        usize,
        c_int,
        *mut c_void,
        kst_session_visitor,
    ) -> kst_status,
}

// ---- schedule.h

pub const KST_SCHEDULE_EXTENSION: &str = "kstreamd.schedule";
pub const KST_SCHEDULE_REVISION: u32 = 1;
pub const KST_STREAM_TIME: u32 = 0;
pub const KST_WALL_CLOCK: u32 = 1;
pub const KST_NO_START: i64 = i64::MIN;

#[repr(C)]
pub struct kst_schedule_extension {
    pub struct_size: u32,
    pub schedule: unsafe extern "C" fn(*mut kst_context, u32, i64, i64, *mut u64) -> kst_status,
    pub cancel: unsafe extern "C" fn(*mut kst_context, u64),
}

// ---- async.h

pub const KST_ASYNC_EXTENSION: &str = "kstreamd.async";
pub const KST_ASYNC_REVISION: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kst_token {
    pub processor: u64,
    pub record: u64,
}

#[repr(C)]
pub struct kst_async_extension {
    pub struct_size: u32,
    pub hold:
        unsafe extern "C" fn(*mut kst_context, *const kst_record, *mut kst_token, *mut *const kst_record) -> kst_status,
    pub complete: unsafe extern "C" fn(kst_token, *const u32, *const kst_record, usize) -> kst_status,
    pub fail: unsafe extern "C" fn(kst_token, *const c_char, usize) -> kst_status,
    pub drop: unsafe extern "C" fn(kst_token, *const c_char) -> kst_status,
}

// ---- task.h

pub const KST_TASK_EXTENSION: &str = "kstreamd.task";
pub const KST_TASK_REVISION: u32 = 1;

#[repr(C)]
pub struct kst_task_extension {
    pub struct_size: u32,
    pub application_id: unsafe extern "C" fn(*mut kst_context) -> *const c_char,
    pub task_id: unsafe extern "C" fn(*mut kst_context) -> *const c_char,
    pub node_name: unsafe extern "C" fn(*mut kst_context) -> *const c_char,
    pub stream_time: unsafe extern "C" fn(*mut kst_context) -> i64,
    pub wall_time: unsafe extern "C" fn(*mut kst_context) -> i64,
    pub request_commit: unsafe extern "C" fn(*mut kst_context),
}

// ---- log.h

pub const KST_LOG_EXTENSION: &str = "kstreamd.log";
pub const KST_LOG_REVISION: u32 = 1;
pub const KST_LOG_DEBUG: c_int = 0;
pub const KST_LOG_INFO: c_int = 1;
pub const KST_LOG_WARN: c_int = 2;
pub const KST_LOG_ERROR: c_int = 3;

#[repr(C)]
pub struct kst_log_extension {
    pub struct_size: u32,
    pub write: unsafe extern "C" fn(*mut kst_context, c_int, *const c_char, usize),
}

// ---- metrics.h

pub const KST_METRICS_EXTENSION: &str = "kstreamd.metrics";
pub const KST_METRICS_REVISION: u32 = 1;
pub const KST_COUNTER: u32 = 0;
pub const KST_GAUGE: u32 = 1;
pub const KST_HISTOGRAM: u32 = 2;

#[repr(C)]
pub struct kst_metric {
    opaque: [u8; 0],
}

#[repr(C)]
pub struct kst_metrics_extension {
    pub struct_size: u32,
    pub make:
        unsafe extern "C" fn(*mut kst_context, u32, *const c_char, *const c_char, *mut *mut kst_metric) -> kst_status,
    pub record: unsafe extern "C" fn(*mut kst_metric, f64),
}
