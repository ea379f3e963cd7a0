//! Where the server loads the module.
//!
//! There is no unload entry: a server refuses to unload a module that has data types, before it would ask.

use std::ffi::{CStr, c_char, c_int};

use redis_module::raw;

use super::argument::bytes_of;
use super::command::{self, Registration};
use super::context::{Context, Level, log_anywhere};
use super::database;
use super::detached;
use super::guard::{guard, install_panic_hook};
use super::info::{self, InfoSource};
use super::memory::{self, MemoryWatch};
use super::parameter::{self, Parameter};
use super::persisted::{self, Persisted};
use super::replication;

/// What the server is told of the module, and who registers what it has.
pub struct Module {
    /// Its name, the prefix of its parameters and its INFO section.
    pub name: &'static CStr,
    /// `MODULE LIST` shows it: 10000 × major + 100 × minor + patch.
    pub version: i32,
    /// Registers everything with the server that loads the module, or says why not.
    pub load: fn(&Loader<'_>) -> Result<(), String>,
}

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
    RedisModule_ACLCheckKeyPermissions, RedisModule_Alloc, RedisModule_BlockClient, RedisModule_Call, RedisModule_CallReplyInteger,
    RedisModule_CallReplyStringPtr, RedisModule_CallReplyType, RedisModule_CloseKey, RedisModule_CreateCommand,
    RedisModule_CreateDataType, RedisModule_CreateString, RedisModule_CreateTimer, RedisModule_DbSize,
    RedisModule_DefragAlloc, RedisModule_DefragCursorGet, RedisModule_DefragCursorSet, RedisModule_DefragShouldStop,
    RedisModule_DeleteKey, RedisModule_DigestAddStringBuffer, RedisModule_DigestEndSequence, RedisModule_EmitAOF,
    RedisModule_Free, RedisModule_FreeCallReply, RedisModule_FreeModuleUser, RedisModule_FreeServerInfo,
    RedisModule_FreeString, RedisModule_GetAbsExpire, RedisModule_GetBlockedClientPrivateData, RedisModule_GetClientId, RedisModule_GetCommand,
    RedisModule_GetContextFlags, RedisModule_GetCurrentUserName, RedisModule_GetDetachedThreadSafeContext,
    RedisModule_GetLRU, RedisModule_GetModuleUserFromUserName, RedisModule_GetSelectedDb, RedisModule_GetServerInfo,
    RedisModule_GetServerVersion, RedisModule_HoldString, RedisModule_InfoAddFieldCString,
    RedisModule_InfoAddFieldULongLong, RedisModule_InfoAddSection, RedisModule_InfoBeginDictField,
    RedisModule_InfoEndDictField, RedisModule_KeyType, RedisModule_LoadConfigs, RedisModule_LoadStringBuffer,
    RedisModule_Log, RedisModule_LogIOError, RedisModule_MallocSize, RedisModule_Milliseconds,
    RedisModule_ModuleTypeGetType, RedisModule_ModuleTypeGetValue, RedisModule_ModuleTypeSetValue,
    RedisModule_NotifyKeyspaceEvent, RedisModule_OpenKey, RedisModule_RegisterInfoFunc,
    RedisModule_RegisterStringConfig, RedisModule_Replicate, RedisModule_ReplicateVerbatim, RedisModule_ReplyWithArray,
    RedisModule_ReplyWithBool, RedisModule_ReplyWithDouble, RedisModule_ReplyWithError, RedisModule_ReplyWithLongLong,
    RedisModule_ReplyWithMap, RedisModule_ReplyWithNull, RedisModule_ReplyWithSimpleString,
    RedisModule_ReplyWithStringBuffer, RedisModule_SaveStringBuffer, RedisModule_Scan, RedisModule_ScanCursorCreate,
    RedisModule_ScanCursorDestroy, RedisModule_ScanCursorRestart, RedisModule_SelectDb,
    RedisModule_ServerInfoGetFieldC, RedisModule_ServerInfoGetFieldUnsigned, RedisModule_SetAbsExpire,
    RedisModule_SetCommandInfo, RedisModule_SetModuleOptions, RedisModule_SignalModifiedKey, RedisModule_StopTimer,
    RedisModule_StringPtrLen, RedisModule_SubscribeToKeyspaceEvents, RedisModule_SubscribeToServerEvent,
    RedisModule_UnblockClient, RedisModule_ValueLength, RedisModule_WrongArity,
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
    pub fn commands(&self, family: &CStr, registrations: &'static [Registration]) -> Result<(), String> {
        // SAFETY: the context is that of the module's load.
        let category = unsafe { command::add_category(self.raw, family) }.then_some(family);
        for registration in registrations {
            // SAFETY: as above.
            unsafe { command::register(self.raw, registration, category)? };
        }
        Ok(())
    }

    /// Registers a command that is another module's by right; false when the server has one of the name already.
    pub fn command_unless_taken(&self, registration: &'static Registration) -> bool {
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

    /// Has `W` look at how much memory is used, and the parameters act. The last thing of a load: a server that refuses
    /// one closes the library and would call back into what is no longer there.
    pub fn begin<'a, W: MemoryWatch>(&self, parameters: impl Iterator<Item = &'a dyn Parameter>) -> Result<(), String> {
        // SAFETY: the context is that of the module's load.
        if !unsafe { memory::watch::<W>(self.raw) } {
            return Err("cannot watch the server's memory".to_owned());
        }
        // SAFETY: as above.
        unsafe {
            replication::watch(self.raw);
            database::watch(self.raw);
            W::configured(&Context::new(self.raw));
        }
        parameter::begin(parameters);
        Ok(())
    }

    /// Registers the INFO section.
    pub fn info<S: InfoSource>(&self) -> Result<(), String> {
        // SAFETY: the context is that of the module's load.
        let status = unsafe { api!(RedisModule_RegisterInfoFunc)(self.raw, Some(info::entry::<S>)) };
        if status == 0 { Ok(()) } else { Err("cannot register the INFO section".to_owned()) }
    }
}

/// The server's entry, by the name it looks for: `entry_point!(MODULE)` once in the crate, for a [`Module`].
macro_rules! entry_point {
    ($module:expr) => {
        /// The server's entry.
        ///
        /// # Safety
        /// Called by the server, once, with its load context and the module's load arguments.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn RedisModule_OnLoad(
            context: *mut redis_module::raw::RedisModuleCtx,
            argv: *mut *mut redis_module::raw::RedisModuleString,
            argc: std::ffi::c_int,
        ) -> std::ffi::c_int {
            // SAFETY: the server's promise.
            unsafe { $crate::ffi::on_load(&$module, context, argv, argc) }
        }
    };
}
pub(crate) use entry_point;

/// Where the server loads `module`.
///
/// # Safety
/// Called by the server, once, with its load context and the module's load arguments.
pub unsafe fn on_load(
    module: &Module,
    context: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // SAFETY: the server's promise. This fills in the server's functions, the allocator among them, and comes before
    // anything that allocates.
    let named = unsafe {
        let name = module.name.as_ptr().cast::<c_char>();
        raw::Export_RedisModule_Init(context, name, module.version, raw::REDISMODULE_APIVER_1 as c_int)
    };
    let name = module.name.to_string_lossy();
    if named != raw::REDISMODULE_OK as c_int {
        log_anywhere(Level::Warning, &format!("{name}: not loaded: another module has the name '{name}'"));
        return named;
    }
    guard(
        || raw::REDISMODULE_ERR as c_int,
        || {
            // SAFETY: the server's promise.
            match unsafe { load(module, context, argv, argc) } {
                Ok(()) => raw::REDISMODULE_OK as c_int,
                Err(problem) => {
                    log_anywhere(Level::Warning, &format!("{name}: not loaded: {problem}"));
                    raw::REDISMODULE_ERR as c_int
                }
            }
        },
    )
}

/// # Safety
/// As [`on_load`].
unsafe fn load(
    module: &Module,
    context: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> Result<(), String> {
    refuse_old_servers()?;
    install_panic_hook();
    // SAFETY: the context is that of the load; the arguments outlive this call.
    let arguments = unsafe {
        let more = if is_valkey(context) { HANDLES_ATOMIC_SLOT_MIGRATION } else { 0 };
        api!(RedisModule_SetModuleOptions)(context, (OPTIONS | more).cast_signed());
        detached::make(context);
        let count = usize::try_from(argc).unwrap_or(0);
        (0..count).map(|place| bytes_of(*argv.add(place))).collect()
    };
    (module.load)(&Loader { raw: context, arguments })
}

/// Short reads end in a refusal instead of the server's end; WATCH is told of real changes only; a replica may load
/// beside serving, as the types keep nothing outside their keys.
const OPTIONS: u32 = raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS
    | raw::REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED
    | raw::REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD;

/// Valkey's `VALKEYMODULE_OPTIONS_HANDLE_ATOMIC_SLOT_MIGRATION` (9.0): without it, the whole cluster moves no slot as a
/// whole. It may, as the types keep nothing outside their keys. Redis asks no module, and may mean something else by the
/// bit.
const HANDLES_ATOMIC_SLOT_MIGRATION: u32 = 1 << 5;

/// Whether the server says that it is Valkey.
///
/// # Safety
/// `context` is that of the module's load.
unsafe fn is_valkey(context: *mut raw::RedisModuleCtx) -> bool {
    // SAFETY: the caller's promise; the data is freed once, after the field was looked for.
    unsafe {
        let info = api!(RedisModule_GetServerInfo)(context, c"server".as_ptr());
        let version = api!(RedisModule_ServerInfoGetFieldC)(info, c"valkey_version".as_ptr());
        let found = !version.is_null();
        api!(RedisModule_FreeServerInfo)(context, info);
        found
    }
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
