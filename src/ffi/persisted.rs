//! The callbacks of a data type, written once for every type of the module.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use redis_module::raw;

use super::allocator;
use super::context::{Level, c_string};
use super::defragmentation::Defragmentation;
use super::guard::guard;

/// What the server knows of a data type, and how many values of it live.
#[derive(Default)]
pub struct TypeSlot {
    handle: AtomicPtr<raw::RedisModuleType>,
    live: AtomicU64,
    came: AtomicU64,
}

impl TypeSlot {
    /// A type not yet registered.
    pub const fn new() -> Self {
        Self { handle: AtomicPtr::new(ptr::null_mut()), live: AtomicU64::new(0), came: AtomicU64::new(0) }
    }

    pub(super) fn handle(&self) -> *mut raw::RedisModuleType {
        self.handle.load(Ordering::Relaxed)
    }

    /// How many values exist, in all databases and on their way to being freed.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// How many values came whole, as another server or key had them: loaded, restored, moved or copied.
    pub fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }
}

/// A value that the server keeps, saves, copies and frees.
pub trait Persisted: Sized {
    /// Exactly nine characters.
    const TYPE_NAME: &'static CStr;
    /// The newest layout that `encode` writes, which `decode` and every older one read.
    const ENCODING_VERSION: u8;
    /// The internal command `key blob` that stores a value while an append-only file is loaded.
    const LOAD_COMMAND: &'static CStr;

    /// Where the registration is kept.
    fn slot() -> &'static TypeSlot;

    /// The value as bytes: the same bytes for the same value.
    fn encode(&self) -> Vec<u8>;

    /// What the load command carries behind the key: the layout's version and the bytes.
    fn encode_versioned(&self) -> Vec<u8> {
        let mut blob = vec![Self::ENCODING_VERSION];
        blob.extend(self.encode());
        blob
    }

    /// The inverse of `encode_versioned`. The bytes are hostile.
    fn decode_versioned(blob: &[u8]) -> Result<Self, String> {
        let (version, bytes) = blob.split_first().ok_or("empty")?;
        decode(c_int::from(*version), bytes)
    }

    /// The inverse of `encode`, for every version so far. The bytes are hostile.
    fn decode(version: u8, bytes: &[u8]) -> Result<Self, String>;

    /// A copy that shares nothing.
    fn duplicate(&self) -> Self;

    /// Tells every buffer behind the value: where its allocation starts, null where that is not known, and its capacity
    /// in bytes. The allocator is asked about the starts, so they must be true.
    fn measure(&self, measure: &mut dyn FnMut(*const u8, usize));

    /// Shows every buffer behind the value to `step`, in the same order every time.
    fn relocate(&mut self, step: &mut Defragmentation<'_>);

    /// About how many allocations freeing takes; many are freed by another thread.
    fn free_effort(&self) -> usize;
}

/// Boxes a value for the server, which frees it with [`free`].
pub(super) fn into_raw<T: Persisted>(value: Box<T>) -> *mut c_void {
    T::slot().live.fetch_add(1, Ordering::Relaxed);
    Box::into_raw(value).cast()
}

/// Registers `T`; false when the server refuses.
///
/// # Safety
/// `context` is that of the module's load.
pub(super) unsafe fn register<T: Persisted>(context: *mut raw::RedisModuleCtx) -> bool {
    let mut methods = raw::RedisModuleTypeMethods {
        version: raw::REDISMODULE_TYPE_METHOD_VERSION.into(),
        rdb_load: Some(rdb_load::<T>),
        rdb_save: Some(rdb_save::<T>),
        aof_rewrite: Some(aof_rewrite::<T>),
        digest: Some(digest::<T>),
        free: Some(free::<T>),
        mem_usage2: Some(mem_usage::<T>),
        free_effort: Some(free_effort::<T>),
        copy: Some(copy::<T>),
        defrag: Some(defrag::<T>),
        // Superseded by mem_usage2, which every supported server asks first.
        mem_usage: None,
        // The types keep nothing outside their keys.
        aux_load: None,
        aux_save: None,
        aux_save2: None,
        aux_save_triggers: 0,
        // A value holds no reference to anything that would have to let go of it before another thread frees it.
        unlink: None,
        unlink2: None,
        // The older forms serve: neither the key nor the database matters.
        free_effort2: None,
        copy2: None,
    };
    let version = c_int::from(T::ENCODING_VERSION);
    // SAFETY: the caller's promise; the server copies the methods, and the name is a C string.
    let handle = unsafe { api!(RedisModule_CreateDataType)(context, T::TYPE_NAME.as_ptr(), version, &raw mut methods) };
    T::slot().handle.store(handle, Ordering::Relaxed);
    if !handle.is_null()
        && let Some(place) = OWN_TYPES.iter().find(|place| place.0.load(Ordering::Relaxed).is_null())
    {
        place.1.store(T::TYPE_NAME.as_ptr().cast_mut(), Ordering::Relaxed);
        place.0.store(handle, Ordering::Relaxed);
    }
    !handle.is_null()
}

/// The types registered, each with its name; nulls behind them.
static OWN_TYPES: [(AtomicPtr<raw::RedisModuleType>, AtomicPtr<c_char>); 8] =
    [const { (AtomicPtr::new(ptr::null_mut()), AtomicPtr::new(ptr::null_mut())) }; 8];

/// Whether a type is one of this module's; null, of a key that holds none of a module's, is not.
pub(super) fn is_own_type(handle: *mut raw::RedisModuleType) -> bool {
    !handle.is_null() && OWN_TYPES.iter().any(|(own, _)| own.load(Ordering::Relaxed) == handle)
}

/// The name of a type, if it is one of this module's.
pub(super) fn own_type_name(handle: *mut raw::RedisModuleType) -> Option<&'static [u8]> {
    let own = OWN_TYPES.iter().find(|(own, _)| !handle.is_null() && own.load(Ordering::Relaxed) == handle)?;
    // SAFETY: stored above, with the handle, from a `&'static CStr`.
    Some(unsafe { CStr::from_ptr(own.1.load(Ordering::Relaxed)) }.to_bytes())
}

/// # Safety
/// `value` is null or was made by `into_raw::<T>` and is not freed during `'a`.
unsafe fn value_of<'a, T: Persisted>(value: *const c_void) -> Option<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { value.cast::<T>().as_ref() }
}

/// The value read, or null: the server then refuses the file or the RESTORE.
unsafe extern "C" fn rdb_load<T: Persisted>(io: *mut raw::RedisModuleIO, version: c_int) -> *mut c_void {
    guard(ptr::null_mut, || {
        let mut len = 0;
        // SAFETY: the server lends `io` for this call. It answers with an allocation of `len` bytes that is ours to free, or
        // with null, as the module declares that it handles short reads.
        let Some(blob) = NonNull::new(unsafe { api!(RedisModule_LoadStringBuffer)(io, &raw mut len) }) else {
            return ptr::null_mut();
        };
        let blob = LoadedBlob { start: blob, len };
        match decode::<T>(version, blob.bytes()) {
            Ok(value) => into_raw(Box::new(value)),
            Err(problem) => {
                // SAFETY: `io` as above.
                unsafe { log_io::<T>(io, &problem) };
                ptr::null_mut()
            }
        }
    })
}

fn decode<T: Persisted>(version: c_int, bytes: &[u8]) -> Result<T, String> {
    T::slot().came.fetch_add(1, Ordering::Relaxed);
    match u8::try_from(version) {
        Ok(version) if version <= T::ENCODING_VERSION => T::decode(version, bytes),
        _ => Err(format!("layout {version} is newer than this module knows ({})", T::ENCODING_VERSION)),
    }
}

/// A string read from a file, in the server's allocator.
struct LoadedBlob {
    start: NonNull<c_char>,
    len: usize,
}

impl LoadedBlob {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the server allocated and filled `len` bytes, which this struct owns.
        unsafe { slice::from_raw_parts(self.start.as_ptr().cast(), self.len) }
    }
}

impl Drop for LoadedBlob {
    fn drop(&mut self) {
        // SAFETY: allocated by the server, freed once.
        unsafe { api!(RedisModule_Free)(self.start.as_ptr().cast()) };
    }
}

/// # Safety
/// `io` is lent by the server for the running call.
unsafe fn log_io<T: Persisted>(io: *mut raw::RedisModuleIO, problem: &str) {
    let line = c_string(&format!("refused a {} value: {problem}", T::TYPE_NAME.to_string_lossy()));
    // SAFETY: the caller's promise; the format takes one C string.
    unsafe { api!(RedisModule_LogIOError)(io, Level::Warning.name().as_ptr(), c"%s".as_ptr(), line.as_ptr()) };
}

unsafe extern "C" fn rdb_save<T: Persisted>(io: *mut raw::RedisModuleIO, value: *mut c_void) {
    guard(
        || (),
        || {
            // SAFETY: the server gives a value of this type.
            let blob = unsafe { value_of::<T>(value) }.map(T::encode).unwrap_or_default();
            // SAFETY: the server lends `io` for this call and copies the bytes.
            unsafe { api!(RedisModule_SaveStringBuffer)(io, blob.as_ptr().cast(), blob.len()) };
        },
    );
}

unsafe extern "C" fn aof_rewrite<T: Persisted>(
    io: *mut raw::RedisModuleIO,
    key: *mut raw::RedisModuleString,
    value: *mut c_void,
) {
    guard(
        || (),
        || {
            // SAFETY: the server gives a value of this type.
            let Some(value) = (unsafe { value_of::<T>(value) }) else { return };
            let blob = value.encode_versioned();
            // SAFETY: the server lends `io` and `key` for this call; the format takes a string of the server, then bytes with
            // their length.
            unsafe {
                let emit = api!(RedisModule_EmitAOF);
                emit(io, T::LOAD_COMMAND.as_ptr(), c"sb".as_ptr(), key, blob.as_ptr(), blob.len());
            }
        },
    );
}

unsafe extern "C" fn digest<T: Persisted>(digest: *mut raw::RedisModuleDigest, value: *mut c_void) {
    guard(
        || (),
        || {
            // SAFETY: the server gives a value of this type.
            let blob = unsafe { value_of::<T>(value) }.map(T::encode).unwrap_or_default();
            // SAFETY: the server lends `digest` for this call and reads the bytes during it.
            unsafe {
                api!(RedisModule_DigestAddStringBuffer)(digest, blob.as_ptr().cast(), blob.len());
                api!(RedisModule_DigestEndSequence)(digest);
            }
        },
    );
}

/// Also runs on the server's lazy-free thread.
unsafe extern "C" fn free<T: Persisted>(value: *mut c_void) {
    guard(
        || (),
        || {
            if value.is_null() {
                return;
            }
            T::slot().live.fetch_sub(1, Ordering::Relaxed);
            // SAFETY: made by `into_raw::<T>`; the server frees a value once.
            drop(unsafe { Box::from_raw(value.cast::<T>()) });
        },
    );
}

unsafe extern "C" fn mem_usage<T: Persisted>(
    _: *mut raw::RedisModuleKeyOptCtx,
    value: *const c_void,
    _samples: usize,
) -> usize {
    guard(
        || 0,
        || {
            // SAFETY: the server gives a value of this type.
            unsafe { value_of::<T>(value).map_or(0, |value| memory_bytes(value)) }
        },
    )
}

/// What a value takes on the heap, itself included, with what the allocator's size classes add.
///
/// # Safety
/// `value` is boxed, and the type tells true starts of its buffers.
pub(super) unsafe fn memory_bytes<T: Persisted>(value: &T) -> usize {
    let mut bytes = usable_size(ptr::from_ref(value).cast(), size_of::<T>());
    value.measure(&mut |start, capacity| bytes += usable_size(start, capacity));
    bytes
}

/// The true size of an allocation of `capacity` bytes.
fn usable_size(start: *const u8, capacity: usize) -> usize {
    if start.is_null() || !allocator::is_servers() {
        return capacity;
    }
    // SAFETY: types tell the starts of their own live allocations, which the server's allocator made.
    unsafe { api!(RedisModule_MallocSize)(start.cast_mut().cast()) }
}

unsafe extern "C" fn free_effort<T: Persisted>(_: *mut raw::RedisModuleString, value: *const c_void) -> usize {
    // SAFETY: the server gives a value of this type.
    guard(|| 1, || unsafe { value_of::<T>(value) }.map_or(1, T::free_effort))
}

unsafe extern "C" fn copy<T: Persisted>(
    _from: *mut raw::RedisModuleString,
    _to: *mut raw::RedisModuleString,
    value: *const c_void,
) -> *mut c_void {
    guard(ptr::null_mut, || {
        T::slot().came.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the server gives a value of this type.
        let value = unsafe { value_of::<T>(value) };
        // A null answer makes COPY fail.
        value.map_or(ptr::null_mut(), |value| into_raw(Box::new(value.duplicate())))
    })
}

/// Moves the value and every buffer behind it, in steps where the server wants steps.
unsafe extern "C" fn defrag<T: Persisted>(
    context: *mut raw::RedisModuleDefragCtx,
    _key: *mut raw::RedisModuleString,
    value: *mut *mut c_void,
) -> c_int {
    guard(
        || 0,
        || {
            if !allocator::is_servers() {
                return 0;
            }
            // SAFETY: the server lends the context, and the place of a value of this type that nobody else uses meanwhile;
            // values are boxed (`into_raw`).
            unsafe {
                let mut step = Defragmentation::resume(context);
                if step.is_due::<T>() {
                    *value = step.moved(*value);
                }
                if let Some(value) = (*value).cast::<T>().as_mut() {
                    value.relocate(&mut step);
                }
                step.pause().into()
            }
        },
    )
}
