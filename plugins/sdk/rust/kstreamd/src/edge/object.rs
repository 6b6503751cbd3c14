//! Typed objects of other plugins, as far as one may look into them.

use std::ffi::CStr;
use std::fmt;
use std::marker::PhantomData;

use super::record::bytes_at;
use super::serde::Attempt;
use crate::abi::*;

/// A typed object of a plugin, borrowed with the record that it came in.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    raw: *const kst_object,
    life: PhantomData<&'a ()>,
}

impl Object<'_> {
    /// # Safety
    /// `raw` points to an object that lives for as long as the result says.
    pub(super) unsafe fn borrow(raw: *const kst_object) -> Self {
        Object { raw, life: PhantomData }
    }

    pub(super) fn as_raw(&self) -> *const kst_object {
        self.raw
    }

    fn table(&self) -> &'static kst_object_type {
        // SAFETY: an object has a table, and the table is static.
        unsafe { &*(*self.raw).type_ }
    }

    /// Its type: "acme.order/2".
    pub fn type_id(&self) -> &'static str {
        // SAFETY: static and zero-terminated.
        unsafe { CStr::from_ptr(self.table().id) }.to_str().unwrap_or("")
    }

    /// The object as a JSON text.
    pub fn to_json(&self) -> Result<String, String> {
        let attempt = Attempt::new();
        let (mut text, mut size) = (std::ptr::null(), 0);
        // SAFETY: any thread may call this; the text lives in the attempt's memory or in the object.
        let bytes = unsafe {
            let status = (self.table().to_json)(self.raw, attempt.memory(), &mut text, &mut size);
            attempt.check(status)?;
            bytes_at(text.cast(), size)
        };
        String::from_utf8(bytes.to_vec()).map_err(|_| format!("the JSON text of a {} is no UTF-8", self.type_id()))
    }

    /// The object as the bytes that a `bytes` serde writes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let to_bytes = match self.table().to_bytes {
            Some(function) => function,
            None => return self.to_json().map(String::into_bytes),
        };
        let attempt = Attempt::new();
        let (mut bytes, mut size) = (std::ptr::null(), 0);
        // SAFETY: as in to_json.
        unsafe {
            let status = to_bytes(self.raw, attempt.memory(), &mut bytes, &mut size);
            attempt.check(status)?;
            Ok(bytes_at(bytes, size).to_vec())
        }
    }

    /// One more owner of it, for what outlives the record.
    #[allow(clippy::should_implement_trait)] // ToOwned is for references
    pub fn to_owned(&self) -> OwnedObject {
        // SAFETY: any thread may call this, and the object lives.
        unsafe { (self.table().retain)(self.raw) };
        OwnedObject { raw: self.raw }
    }
}

impl PartialEq for Object<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.type_id())
    }
}

/// An owner of a typed object.
pub struct OwnedObject {
    raw: *const kst_object,
}

// SAFETY: objects are never changed once they were handed over, and all their functions may be called from any thread.
unsafe impl Send for OwnedObject {}
// SAFETY: as above.
unsafe impl Sync for OwnedObject {}

impl OwnedObject {
    /// The object, as long as this owner lives.
    pub fn get(&self) -> Object<'_> {
        Object { raw: self.raw, life: PhantomData }
    }
}

impl Clone for OwnedObject {
    fn clone(&self) -> Self {
        self.get().to_owned()
    }
}

impl Drop for OwnedObject {
    fn drop(&mut self) {
        // SAFETY: this owner's one release.
        unsafe { (self.get().table().release)(self.raw) };
    }
}

impl PartialEq for OwnedObject {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl fmt::Debug for OwnedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
