//! What COMMAND DOCS and COMMAND GETKEYS tell of a command, in the server's structures.

use std::ffi::{CStr, c_int};
use std::ptr;

use redis_module::raw;

use super::command::CommandInfo;

/// How a command uses its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAccess {
    /// It has none.
    None,
    /// Reads the value.
    Read,
    /// Makes the key and reads nothing.
    Create,
    /// Changes the value, and answers with what it holds.
    Update,
    /// Removes data.
    Clear,
}

impl KeyAccess {
    const fn flags(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Read => raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_ACCESS,
            Self::Create => raw::REDISMODULE_CMD_KEY_OW | raw::REDISMODULE_CMD_KEY_INSERT,
            Self::Update => {
                raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_ACCESS | raw::REDISMODULE_CMD_KEY_UPDATE
            }
            Self::Clear => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_DELETE,
        }
    }
}

/// One argument of a command.
#[derive(Debug, Clone, Copy)]
pub struct ArgSpec {
    name: &'static CStr,
    kind: raw::RedisModuleCommandArgType,
    token: Option<&'static CStr>,
    flags: u32,
    parts: &'static [ArgSpec],
}

impl ArgSpec {
    const fn new(name: &'static CStr, kind: raw::RedisModuleCommandArgType) -> Self {
        Self { name, kind, token: None, flags: raw::REDISMODULE_CMD_ARG_NONE, parts: &[] }
    }

    /// The command's key.
    pub const KEY: Self = Self::new(c"key", raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY);

    /// Any bytes.
    pub const fn text(name: &'static CStr) -> Self {
        Self::new(name, raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING)
    }

    /// A whole number.
    pub const fn integer(name: &'static CStr) -> Self {
        Self::new(name, raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER)
    }

    /// A decimal number.
    pub const fn real(name: &'static CStr) -> Self {
        Self::new(name, raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_DOUBLE)
    }

    /// A word that stands for itself.
    pub const fn word(name: &'static CStr, token: &'static CStr) -> Self {
        Self::new(name, raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN).after(token)
    }

    /// One of several.
    pub const fn one_of(name: &'static CStr, parts: &'static [ArgSpec]) -> Self {
        let spec = Self::new(name, raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF);
        Self { parts, ..spec }
    }

    /// Several in a row.
    pub const fn block(name: &'static CStr, parts: &'static [ArgSpec]) -> Self {
        let spec = Self::new(name, raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK);
        Self { parts, ..spec }
    }

    /// Preceded by the word `token`.
    pub const fn after(self, token: &'static CStr) -> Self {
        Self { token: Some(token), ..self }
    }

    /// May be left out.
    pub const fn optional(self) -> Self {
        Self { flags: self.flags | raw::REDISMODULE_CMD_ARG_OPTIONAL, ..self }
    }

    /// May be repeated.
    pub const fn multiple(self) -> Self {
        Self { flags: self.flags | raw::REDISMODULE_CMD_ARG_MULTIPLE, ..self }
    }
}

/// The server's form of a list of arguments, with the lists inside it. Both live until the server has copied them.
struct RawArgs {
    all: Vec<raw::RedisModuleCommandArg>,
    _inner: Vec<RawArgs>,
}

impl RawArgs {
    fn new(specs: &[ArgSpec]) -> Self {
        let mut inner = Vec::new();
        let mut all: Vec<_> = specs.iter().map(|spec| raw_arg(spec, &mut inner)).collect();
        all.push(raw_arg_named(ptr::null()));
        Self { all, _inner: inner }
    }

    /// The list, ended by an argument without a name; null when it is empty.
    fn as_mut_ptr(&mut self) -> *mut raw::RedisModuleCommandArg {
        if self.all.len() > 1 { self.all.as_mut_ptr() } else { ptr::null_mut() }
    }
}

fn raw_arg(spec: &ArgSpec, inner: &mut Vec<RawArgs>) -> raw::RedisModuleCommandArg {
    let mut parts = RawArgs::new(spec.parts);
    let subargs = parts.as_mut_ptr();
    inner.push(parts);
    let is_key = spec.kind == raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY;
    raw::RedisModuleCommandArg {
        type_: spec.kind,
        key_spec_index: if is_key { 0 } else { -1 },
        token: spec.token.map_or(ptr::null(), CStr::as_ptr),
        flags: spec.flags.cast_signed(),
        subargs,
        ..raw_arg_named(spec.name.as_ptr())
    }
}

fn raw_arg_named(name: *const std::ffi::c_char) -> raw::RedisModuleCommandArg {
    raw::RedisModuleCommandArg {
        name,
        type_: 0,
        key_spec_index: -1,
        token: ptr::null(),
        summary: ptr::null(),
        since: ptr::null(),
        flags: 0,
        deprecated_since: ptr::null(),
        subargs: ptr::null_mut(),
        display_text: ptr::null(),
    }
}

/// One key, the first argument; `begin_search_type` 0 ends the list.
fn raw_key_spec(key: KeyAccess) -> raw::RedisModuleCommandKeySpec {
    let search = if key == KeyAccess::None {
        raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INVALID
    } else {
        raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX
    };
    raw::RedisModuleCommandKeySpec {
        notes: ptr::null(),
        flags: key.flags().into(),
        begin_search_type: search,
        bs: raw::RedisModuleCommandKeySpec__bindgen_ty_1 {
            index: raw::RedisModuleCommandKeySpec__bindgen_ty_1__bindgen_ty_1 { pos: 1 },
        },
        find_keys_type: raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE,
        fk: raw::RedisModuleCommandKeySpec__bindgen_ty_2 {
            range: raw::RedisModuleCommandKeySpec__bindgen_ty_2__bindgen_ty_1 { lastkey: 0, keystep: 1, limit: 0 },
        },
    }
}

/// Tells the server what it shows of the command; false when it refuses.
///
/// # Safety
/// `command` is a command of this module, not yet documented.
pub(super) unsafe fn set_docs(command: *mut raw::RedisModuleCommand, info: &CommandInfo) -> bool {
    let version = raw::RedisModuleCommandInfoVersion {
        version: 1,
        sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
        sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
        sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
    };
    let mut key_specs = [raw_key_spec(info.key), raw_key_spec(KeyAccess::None)];
    let mut args = RawArgs::new(info.args);
    let docs = raw::RedisModuleCommandInfo {
        version: &raw const version,
        summary: info.summary.as_ptr(),
        complexity: info.complexity.as_ptr(),
        since: info.since.as_ptr(),
        history: ptr::null_mut(),
        tips: ptr::null(),
        arity: c_int::from(info.arity),
        key_specs: if info.key == KeyAccess::None { ptr::null_mut() } else { key_specs.as_mut_ptr() },
        args: args.as_mut_ptr(),
    };
    // SAFETY: the caller's promise; the server copies everything during the call, while all of it lives.
    unsafe { api!(RedisModule_SetCommandInfo)(command, &raw const docs) == raw::REDISMODULE_OK as c_int }
}
