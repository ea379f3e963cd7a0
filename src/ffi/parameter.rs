//! Configuration parameters, all of them texts that the module parses.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use redis_module::raw;

use super::argument::bytes_of;
use super::context::c_string;
use super::guard::guard;

/// One parameter; its full name is `liq.` and its name.
pub trait Parameter: Sync + 'static {
    /// Small letters, words joined by `-`.
    fn name(&self) -> &'static CStr;

    /// Whether it can be set only while the module is loaded.
    fn is_load_only(&self) -> bool {
        false
    }

    /// The value in its canonical form.
    fn show(&self) -> String;

    /// Parses and takes a value, or says what is wrong with it and changes nothing. Nothing is started: the load that
    /// brings the value may still be refused, and the server then closes the library.
    fn take(&self, text: &[u8]) -> Result<(), String>;

    /// Starts, or ends, what the value that was taken is for: at the end of the load, and at every change after it.
    fn act(&self) {}
}

/// Whether the module is loaded.
static ACTS: AtomicBool = AtomicBool::new(false);

/// Has `parameters` act on what they took, and from now on whenever they take another.
pub(super) fn begin<'a>(parameters: impl Iterator<Item = &'a dyn Parameter>) {
    ACTS.store(true, Ordering::Relaxed);
    parameters.for_each(Parameter::act);
}

/// The text last handed to the server, which copies it at once and leaves the freeing to the module.
static SHOWN: AtomicPtr<raw::RedisModuleString> = AtomicPtr::new(ptr::null_mut());

/// Registers a parameter whose value is `default` until the server sets another.
///
/// # Safety
/// `context` is that of the module's load.
pub(super) unsafe fn register<P: Parameter>(
    context: *mut raw::RedisModuleCtx,
    parameter: &'static P,
    default: &str,
) -> Result<(), String> {
    let load_only = parameter.is_load_only();
    let flags = if load_only { raw::REDISMODULE_CONFIG_IMMUTABLE } else { raw::REDISMODULE_CONFIG_DEFAULT };
    let default = c_string(default);
    let private: *const P = parameter;
    // SAFETY: the caller's promise; name and default are C strings that the server copies, and the private pointer, to a
    // static, is only ever read, as a `P`.
    let status = unsafe {
        let register = api!(RedisModule_RegisterStringConfig);
        let (name, private) = (parameter.name().as_ptr(), private.cast_mut().cast());
        register(context, name, default.as_ptr(), flags, Some(get::<P>), Some(set::<P>), None, private)
    };
    if status == 0 {
        Ok(())
    } else {
        Err(format!("cannot register the parameter {}", parameter.name().to_string_lossy()))
    }
}

/// # Safety
/// `private` is what [`register`] passed for a `P`.
unsafe fn parameter_of<P: Parameter>(private: *mut c_void) -> &'static P {
    // SAFETY: the caller's promise: a reference to a static.
    unsafe { &*private.cast_const().cast() }
}

fn server_string(text: &[u8]) -> *mut raw::RedisModuleString {
    // SAFETY: a string may be made without a context; the bytes are copied.
    unsafe { api!(RedisModule_CreateString)(ptr::null_mut(), text.as_ptr().cast(), text.len()) }
}

unsafe extern "C" fn get<P: Parameter>(_name: *const c_char, private: *mut c_void) -> *mut raw::RedisModuleString {
    guard(ptr::null_mut, || {
        // SAFETY: the server passes back what `register` gave it.
        let parameter = unsafe { parameter_of::<P>(private) };
        let shown = server_string(parameter.show().as_bytes());
        let previous = SHOWN.swap(shown, Ordering::Relaxed);
        if !previous.is_null() {
            // SAFETY: made by `server_string`, copied by the server since, and freed once.
            unsafe { api!(RedisModule_FreeString)(ptr::null_mut(), previous) };
        }
        shown
    })
}

unsafe extern "C" fn set<P: Parameter>(
    _name: *const c_char,
    value: *mut raw::RedisModuleString,
    private: *mut c_void,
    error: *mut *mut raw::RedisModuleString,
) -> c_int {
    guard(
        || raw::REDISMODULE_ERR as c_int,
        || {
            // SAFETY: the server passes back what `register` gave it, and a string that lives for this call.
            let (parameter, value) = unsafe { (parameter_of::<P>(private), bytes_of(value)) };
            let Err(problem) = parameter.take(value) else {
                if ACTS.load(Ordering::Relaxed) {
                    parameter.act();
                }
                return raw::REDISMODULE_OK as c_int;
            };
            // SAFETY: the server lends a place for one string, which it frees.
            unsafe { *error = server_string(problem.as_bytes()) };
            raw::REDISMODULE_ERR as c_int
        },
    )
}
