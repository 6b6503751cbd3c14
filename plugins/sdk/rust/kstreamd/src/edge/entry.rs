//! The plugin as the host reads it, made once when the host asks.

use std::ffi::CString;
use std::mem::size_of;
use std::os::raw::c_char;
use std::sync::Mutex;

use super::guard::catch;
use super::{instance, serde as serdes};
use crate::abi::*;
use crate::{Processor, Serde, StoreKind};

/// A text for as long as the process lives.
fn forever(text: &str) -> *const c_char {
    CString::new(text).unwrap_or_else(|_| panic!("'{text}' has a zero byte in it")).into_raw()
}

/// A NULL-terminated list for as long as the process lives.
fn list<T>(items: Vec<*const T>) -> *const *const T {
    let ended: Vec<*const T> = items.into_iter().chain([std::ptr::null()]).collect();
    Box::leak(ended.into_boxed_slice()).as_ptr()
}

/// The descriptor of a processor type.
pub fn processor<P: Processor>() -> &'static kst_processor_type {
    let stores: Vec<kst_store_need> = P::STORES
        .iter()
        .map(|need| kst_store_need {
            purpose: forever(need.purpose),
            kind: match need.kind {
                StoreKind::Any => KST_STORE_ANY,
                StoreKind::KeyValue => KST_STORE_KEY_VALUE,
                StoreKind::Window => KST_STORE_WINDOW,
                StoreKind::Session => KST_STORE_SESSION,
                StoreKind::Versioned => KST_STORE_VERSIONED,
            },
            reserved: 0,
        })
        .collect();
    let outputs: Vec<*const c_char> = P::OUTPUTS.iter().map(|name| forever(name)).collect();
    Box::leak(Box::new(kst_processor_type {
        struct_size: size_of::<kst_processor_type>() as u32,
        name: forever(P::NAME),
        description: forever(P::DESCRIPTION),
        config_schema: P::CONFIG_SCHEMA.map_or(std::ptr::null(), forever),
        outputs: if outputs.is_empty() { std::ptr::null() } else { list(outputs) },
        store_count: stores.len() as u32,
        stores: Box::leak(stores.into_boxed_slice()).as_ptr(),
        deterministic: u32::from(P::DETERMINISTIC),
        max_in_flight: P::MAX_IN_FLIGHT,
        completion_timeout_ms: P::COMPLETION_TIMEOUT_MS,
        check: Some(instance::check::<P>),
        create: instance::create::<P>,
        init: Some(instance::init::<P>),
        process: instance::process::<P>,
        punctuate: Some(instance::punctuate::<P>),
        close: instance::close::<P>,
    }))
}

/// The descriptor of a serde.
pub fn serde<S: Serde>() -> &'static kst_serde_type {
    Box::leak(Box::new(kst_serde_type {
        struct_size: size_of::<kst_serde_type>() as u32,
        name: forever(S::NAME),
        description: forever(S::DESCRIPTION),
        read: serdes::read::<S>,
        write: serdes::write::<S>,
    }))
}

/// What a plugin is made of.
pub struct Parts {
    /// The plugin's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its processors, from `processor`.
    pub processors: Vec<&'static kst_processor_type>,
    /// Its serdes, from `serde`.
    pub serdes: Vec<&'static kst_serde_type>,
}

/// The plugin of this crate; `plugin!` has the one instance.
pub struct Plugin(Mutex<Option<&'static kst_plugin>>);

// SAFETY: the descriptor is written once, under the lock, and its pointers are to data that nobody changes.
unsafe impl Sync for Plugin {}

impl Plugin {
    /// Not described yet.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Plugin(Mutex::new(None))
    }

    /// Describes the plugin when it is asked for the first time. NULL: it refuses this host.
    pub fn enter(&self, host: &'static kst_host, parts: impl FnOnce() -> Parts) -> *const kst_plugin {
        if host.abi_major != KST_ABI_MAJOR || (host.struct_size as usize) < size_of::<kst_host>() {
            return std::ptr::null();
        }
        let made = catch(|| {
            let mut plugin = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
            let made: &'static kst_plugin = plugin.get_or_insert_with(|| describe(parts()));
            made as *const kst_plugin
        });
        // The panic's message is on standard error.
        made.unwrap_or(std::ptr::null())
    }
}

fn describe(parts: Parts) -> &'static kst_plugin {
    let processors = parts.processors.into_iter().map(|p| p as *const _).collect();
    let serdes = parts.serdes.into_iter().map(|s| s as *const _).collect();
    Box::leak(Box::new(kst_plugin {
        magic: KST_PLUGIN_MAGIC,
        abi_major: KST_ABI_MAJOR,
        abi_minor: KST_ABI_MINOR,
        struct_size: size_of::<kst_plugin>() as u32,
        name: forever(parts.name),
        version: forever(parts.version),
        processors: list(processors),
        serdes: list(serdes),
    }))
}
