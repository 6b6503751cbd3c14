//! Serdes of a plugin: C's functions over the trait; and memory given along with a call, from both sides.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::os::raw::{c_char, c_void};
use std::slice::from_raw_parts_mut;

use super::guard::catch;
use super::record::{bytes_at, raw_value, read_value};
use crate::abi::*;
use crate::Serde;

/// Where a serde puts what it makes: bytes that live as long as the batch they belong to.
pub struct Memory<'a> {
    raw: &'a kst_memory,
    // Neither shared nor sent: it is used during the call only.
    here: PhantomData<Cell<()>>,
}

impl<'a> Memory<'a> {
    /// `size` bytes, all zero.
    #[allow(clippy::mut_from_ref)] // each call gives other bytes
    pub fn allocate(&self, size: usize) -> &'a mut [u8] {
        if size == 0 {
            return &mut [];
        }
        // SAFETY: the host gives `size` fresh bytes, never NULL, that live for 'a.
        unsafe {
            let data = (self.raw.allocate)(self.raw, size).cast::<u8>();
            data.write_bytes(0, size);
            from_raw_parts_mut(data, size)
        }
    }

    /// A copy of bytes.
    pub fn bytes(&self, bytes: &[u8]) -> &'a [u8] {
        let copy = self.allocate(bytes.len());
        copy.copy_from_slice(bytes);
        copy
    }

    /// A copy of a text.
    pub fn text(&self, text: &str) -> &'a str {
        // SAFETY: the bytes are those of a text.
        unsafe { std::str::from_utf8_unchecked(self.bytes(text.as_bytes())) }
    }
}

fn fail(memory: &kst_memory, message: &str) -> kst_status {
    // SAFETY: the message is borrowed for the call.
    unsafe { (memory.fail)(memory, message.as_ptr().cast(), message.len()) };
    KST_RECORD_ERROR
}

/// `kst_serde_type.read` of S.
///
/// # Safety
/// As the ABI says of it.
pub unsafe extern "C" fn read<S: Serde>(
    bytes: *const c_void,
    size: usize,
    memory: *const kst_memory,
    value: *mut kst_value,
) -> kst_status {
    // SAFETY: the host's promises: bytes and memory are there for the call, and what lives in them for the batch, which
    // is at least as long as the value is used.
    let (bytes, raw) = unsafe { (bytes_at(bytes, size), &*memory) };
    let made = catch(|| S::read(bytes, &Memory { raw, here: PhantomData }).map(|made| raw_value(&made)));
    match made.unwrap_or_else(Err) {
        Ok(made) => {
            // SAFETY: the host's place for the result.
            unsafe { *value = made };
            KST_OK
        }
        Err(message) => fail(raw, &message),
    }
}

/// `kst_serde_type.write` of S.
///
/// # Safety
/// As the ABI says of it.
pub unsafe extern "C" fn write<S: Serde>(
    value: *const kst_value,
    memory: *const kst_memory,
    bytes: *mut *const c_void,
    size: *mut usize,
) -> kst_status {
    // SAFETY: as in read.
    let (value, raw) = unsafe { (read_value(&*value), &*memory) };
    match catch(|| S::write(value, &Memory { raw, here: PhantomData })).unwrap_or_else(Err) {
        Ok(made) => {
            // SAFETY: the host's places for the result.
            unsafe {
                *bytes = made.as_ptr().cast();
                *size = made.len();
            }
            KST_OK
        }
        Err(message) => fail(raw, &message),
    }
}

/// Memory of our own for one call of somebody else's function.
#[repr(C)]
pub struct Attempt {
    face: kst_memory, // first: the face's address is ours
    blocks: RefCell<Vec<Box<[u128]>>>,
    message: RefCell<String>,
}

impl Attempt {
    pub fn new() -> Box<Self> {
        let face = kst_memory { struct_size: std::mem::size_of::<kst_memory>() as u32, allocate, fail: note };
        Box::new(Attempt { face, blocks: RefCell::default(), message: RefCell::default() })
    }

    /// Valid as long as this is.
    pub fn memory(&self) -> *const kst_memory {
        (self as *const Attempt).cast()
    }

    /// The message of a status that is not KST_OK.
    pub fn check(&self, status: kst_status) -> Result<(), String> {
        if status == KST_OK {
            return Ok(());
        }
        Err(self.message.borrow().clone())
    }
}

unsafe extern "C" fn allocate(memory: *const kst_memory, size: usize) -> *mut c_void {
    // SAFETY: the face of an Attempt, see `memory`.
    let attempt = unsafe { &*memory.cast::<Attempt>() };
    let mut block = vec![0u128; size / 16 + 1].into_boxed_slice();
    let data = block.as_mut_ptr();
    attempt.blocks.borrow_mut().push(block);
    data.cast()
}

unsafe extern "C" fn note(memory: *const kst_memory, message: *const c_char, size: usize) {
    // SAFETY: the face of an Attempt, and a message that is borrowed for the call.
    let (attempt, message) = unsafe { (&*memory.cast::<Attempt>(), bytes_at(message.cast(), size)) };
    *attempt.message.borrow_mut() = String::from_utf8_lossy(message).into_owned();
}
