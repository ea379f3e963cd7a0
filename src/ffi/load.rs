//! Where the server loads the module.
//!
//! There is no unload entry: a server refuses to unload a module that has data types, before it would ask.

use std::ffi::{CStr, c_char, c_int};

use redis_module::raw;

use super::argument::bytes_of;
use super::audience;
use super::command::{self, Registration};
use super::context::{Level, log_anywhere};
use super::guard::{guard, install_panic_hook};
use super::info::{self, InfoSource};
use super::parameter::{self, Parameter};
use super::persisted::{self, Persisted};

/// The module's name, the prefix of its parameters and its INFO section.
const NAME: &CStr = c"liq";
/// `MODULE LIST` shows it: 10000 × major + 100 × minor + patch.
const VERSION: c_int = 100;
/// Redis 7.0.0, as the server encodes it.
const OLDEST_SERVER: c_int = 0x0007_0000;

macro_rules! required_functions {
    ($($name:ident),+ $(,)?) => {
        /// The first function that the module cannot do without and the server lacks.
        fn missing_function() -> Option<&'static str> {
            [$((stringify!($name), has_api!($name))),+].into_iter().find(|(_, present)| !present).map(|(name, _)| name)
        }
    };
}

required_functions! {
    RedisModule_ACLCheckKeyPermissions, RedisModule_Alloc, RedisModule_Call, RedisModule_CallReplyStringPtr,
    RedisModule_CallReplyType, RedisModule_CloseKey, RedisModule_CreateCommand, RedisModule_CreateDataType,
    RedisModule_CreateString, RedisModule_DefragAlloc, RedisModule_DeleteKey, RedisModule_DigestAddStringBuffer,
    RedisModule_DigestEndSequence, RedisModule_EmitAOF, RedisModule_Free, RedisModule_FreeCallReply,
    RedisModule_FreeModuleUser, RedisModule_FreeServerInfo, RedisModule_FreeString, RedisModule_GetAbsExpire,
    RedisModule_GetClientId, RedisModule_GetCommand, RedisModule_GetContextFlags, RedisModule_GetCurrentUserName,
    RedisModule_GetModuleUserFromUserName, RedisModule_GetServerInfo, RedisModule_GetServerVersion,
    RedisModule_InfoAddFieldCString, RedisModule_InfoAddFieldULongLong, RedisModule_InfoAddSection,
    RedisModule_InfoBeginDictField, RedisModule_InfoEndDictField, RedisModule_KeyType, RedisModule_LoadConfigs,
    RedisModule_LoadStringBuffer, RedisModule_Log, RedisModule_LogIOError, RedisModule_MallocSize,
    RedisModule_Milliseconds, RedisModule_ModuleTypeGetType, RedisModule_ModuleTypeGetValue,
    RedisModule_ModuleTypeSetValue, RedisModule_NotifyKeyspaceEvent, RedisModule_OpenKey,
    RedisModule_RegisterInfoFunc, RedisModule_RegisterStringConfig, RedisModule_Replicate,
    RedisModule_ReplicateVerbatim, RedisModule_ReplyWithArray, RedisModule_ReplyWithBool, RedisModule_ReplyWithDouble,
    RedisModule_ReplyWithError, RedisModule_ReplyWithLongLong, RedisModule_ReplyWithMap, RedisModule_ReplyWithNull,
    RedisModule_ReplyWithSimpleString, RedisModule_ReplyWithStringBuffer, RedisModule_SaveStringBuffer,
    RedisModule_ServerInfoGetFieldUnsigned, RedisModule_SetAbsExpire, RedisModule_SetCommandInfo,
    RedisModule_SetModuleOptions, RedisModule_SignalModifiedKey, RedisModule_StringPtrLen,
    RedisModule_SubscribeToServerEvent, RedisModule_WrongArity,
}

/// The server while it loads the module.
pub struct Loader<'call> {
    raw: *mut raw::RedisModuleCtx,
    arguments: Vec<&'call [u8]>,
}

impl<'call> Loader<'call> {
    /// The words behind the library's path in `loadmodule`.
    pub fn arguments(&self) -> &[&'call [u8]] {
        &self.arguments
    }

    /// Registers a data type.
    pub fn data_type<T: Persisted>(&self) -> Result<(), String> {
        // SAFETY: the context is that of the module's load.
        let done = unsafe { persisted::register::<T>(self.raw) };
        if done { Ok(()) } else { Err(format!("cannot register the data type {}", T::TYPE_NAME.to_string_lossy())) }
    }

    /// Registers the commands of one family, with an access category of the family's name where that is possible.
    pub fn commands(&self, family: &CStr, registrations: &[Registration]) -> Result<(), String> {
        // SAFETY: the context is that of the module's load.
        let category = unsafe { command::add_category(self.raw, family) }.then_some(family);
        for registration in registrations {
            // SAFETY: as above.
            unsafe { command::register(self.raw, registration, category)? };
        }
        Ok(())
    }

    /// Registers a command that is another module's by right; false when the server has one of the name already.
    pub fn command_unless_taken(&self, registration: &Registration) -> bool {
        // SAFETY: the context is that of the module's load.
        unsafe { command::register(self.raw, registration, None) }.is_ok()
    }

    /// Registers a configuration parameter with its default in canonical form.
    pub fn parameter<P: Parameter>(&self, parameter: &'static P, default: &str) -> Result<(), String> {
        // SAFETY: the context is that of the module's load.
        unsafe { parameter::register(self.raw, parameter, default) }
    }

    /// Applies the registered parameters' defaults and what the server's configuration says of them.
    pub fn apply_parameters(&self) -> Result<(), String> {
        // SAFETY: the context is that of the module's load.
        let status = unsafe { api!(RedisModule_LoadConfigs)(self.raw) };
        if status == 0 { Ok(()) } else { Err("a liq.* parameter of the server's configuration is refused".to_owned()) }
    }

    /// Registers the INFO section.
    pub fn info<S: InfoSource>(&self) -> Result<(), String> {
        // SAFETY: the context is that of the module's load.
        let status = unsafe { api!(RedisModule_RegisterInfoFunc)(self.raw, Some(info::entry::<S>)) };
        if status == 0 { Ok(()) } else { Err("cannot register the INFO section".to_owned()) }
    }
}

/// The server's entry.
///
/// # Safety
/// Called by the server, once, with its load context and the module's load arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn RedisModule_OnLoad(
    context: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // SAFETY: the server's promise. This fills in the server's functions, the allocator among them, and comes before
    // anything that allocates.
    let named = unsafe {
        let name = NAME.as_ptr().cast::<c_char>();
        raw::Export_RedisModule_Init(context, name, VERSION, raw::REDISMODULE_APIVER_1 as c_int)
    };
    if named != raw::REDISMODULE_OK as c_int {
        log_anywhere(Level::Warning, "liq: not loaded: another module has the name 'liq'");
        return named;
    }
    guard(
        || raw::REDISMODULE_ERR as c_int,
        || {
            // SAFETY: the server's promise.
            match unsafe { load(context, argv, argc) } {
                Ok(()) => raw::REDISMODULE_OK as c_int,
                Err(problem) => {
                    log_anywhere(Level::Warning, &format!("liq: not loaded: {problem}"));
                    raw::REDISMODULE_ERR as c_int
                }
            }
        },
    )
}

/// # Safety
/// As [`RedisModule_OnLoad`].
unsafe fn load(
    context: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> Result<(), String> {
    refuse_old_servers()?;
    install_panic_hook();
    // Short reads end in a refusal instead of the server's end; WATCH is told of real changes only; a replica may load
    // beside serving, as the types keep nothing outside their keys.
    let options = raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS
        | raw::REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED
        | raw::REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD;
    // SAFETY: the context is that of the load; the arguments outlive this call.
    let arguments = unsafe {
        api!(RedisModule_SetModuleOptions)(context, options.cast_signed());
        audience::watch(context);
        let count = usize::try_from(argc).unwrap_or(0);
        (0..count).map(|place| bytes_of(*argv.add(place))).collect()
    };
    crate::load(&Loader { raw: context, arguments })
}

fn refuse_old_servers() -> Result<(), String> {
    // SAFETY: read only after the server wrote it; the function has no requirement.
    let version = unsafe { raw::RedisModule_GetServerVersion.map_or(0, |version| version()) };
    if version < OLDEST_SERVER {
        let (major, minor, patch) = (version >> 16, version >> 8 & 0xff, version & 0xff);
        return Err(format!("needs Redis 7.0 or Valkey 8.0 at least, this is {major}.{minor}.{patch}"));
    }
    missing_function().map_or(Ok(()), |name| Err(format!("the server lacks {name}")))
}
