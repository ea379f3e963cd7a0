//! How a command is registered, entered and, when it is refused or panics, answered.

use std::ffi::{CStr, CString, c_int};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use redis_module::raw;

use super::argument::{Arguments, with_arguments};
use super::command_docs::{ArgSpec, KeyAccess, set_docs};
use super::context::Context;
use super::guard::guard;

/// What the server is told of a command.
#[derive(Debug, Clone, Copy)]
pub struct CommandInfo {
    /// In small letters, as the server spells it in errors, family first: `liq.add`.
    pub name: &'static CStr,
    /// Least number of words with the name, negated when more may follow.
    pub arity: i32,
    /// The server's flags: `readonly` or `write`, `deny-oom`, `fast`.
    pub flags: &'static CStr,
    /// How the key, always the first argument, is used.
    pub key: KeyAccess,
    /// One line on what the command is for.
    pub summary: &'static CStr,
    /// What it costs.
    pub complexity: &'static CStr,
    /// The first version that had it.
    pub since: &'static CStr,
    /// The arguments behind the name.
    pub args: &'static [ArgSpec],
    /// Travels in the replication stream and the append-only file only, and is refused to clients.
    pub internal: bool,
}

/// Why a call did nothing, and how its client is told.
pub trait Refuse {
    /// A client called what only replication and the append-only file may carry.
    fn internal_command() -> Self;

    /// A panic was caught.
    fn internal_error() -> Self;

    /// Replies, as the last thing of the call.
    fn answer(&self, context: &Context<'_>, command: &CommandInfo);
}

/// A command: what it is, and what it does.
pub trait Command {
    /// What it refuses with.
    type Refusal: Refuse;

    /// What the server is told.
    const INFO: CommandInfo;

    /// Carries out one call. It replies exactly once, or refuses having replied and changed nothing.
    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Self::Refusal>;
}

/// A line of the registry.
pub struct Registration {
    /// What the server is told.
    pub info: CommandInfo,
    entry: unsafe extern "C" fn(*mut raw::RedisModuleCtx, *mut *mut raw::RedisModuleString, c_int) -> c_int,
    /// Calls that were refused or panicked.
    refused: AtomicU64,
    /// The line registered before this one.
    before: AtomicPtr<Registration>,
}

impl Registration {
    /// The line for `C`.
    pub const fn of<C: Command>() -> Self {
        let refused = AtomicU64::new(0);
        Self { info: C::INFO, entry: entry::<C>, refused, before: AtomicPtr::new(ptr::null_mut()) }
    }

    /// How many calls were refused or panicked.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// The line registered last; each knows the one before it, so that their number has no bound and reading takes no lock.
static LAST: AtomicPtr<Registration> = AtomicPtr::new(ptr::null_mut());

/// Every command registered, the last one first.
pub fn registered() -> impl Iterator<Item = &'static Registration> {
    // SAFETY: both pointers are null or were made of a `&'static Registration` in `register`.
    let follow = |link: &AtomicPtr<Registration>| unsafe { link.load(Ordering::Relaxed).cast_const().as_ref() };
    std::iter::successors(follow(&LAST), move |line: &&Registration| follow(&line.before))
}

/// Answers a refused call, and counts it for its command.
#[cold]
fn refuse(context: &Context<'_>, info: &CommandInfo, refusal: &impl Refuse) {
    if let Some(line) = registered().find(|line| line.info.name == info.name) {
        line.refused.fetch_add(1, Ordering::Relaxed);
    }
    refusal.answer(context, info);
}

/// Where every call of every command enters the module.
unsafe extern "C" fn entry<C: Command>(
    context: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    guard(
        || {
            // SAFETY: the server lends the context until this function returns.
            let context = unsafe { Context::new(context) };
            refuse(&context, &C::INFO, &C::Refusal::internal_error());
        },
        || {
            // SAFETY: as above; the arguments live as long.
            unsafe {
                let context = Context::new(context);
                with_arguments(argv, argc, |arguments| {
                    let refused = if C::INFO.internal && !context.is_replayed() {
                        Err(C::Refusal::internal_command())
                    } else {
                        C::run(&context, arguments)
                    };
                    if let Err(refusal) = refused {
                        refuse(&context, &C::INFO, &refusal);
                    }
                });
            }
        },
    );
    raw::REDISMODULE_OK as c_int
}

/// Registers one command with its documentation and access categories.
///
/// # Safety
/// `context` is that of the module's load.
pub(super) unsafe fn register(
    context: *mut raw::RedisModuleCtx,
    registration: &'static Registration,
    category: Option<&CStr>,
) -> Result<(), String> {
    let info = &registration.info;
    let key = c_int::from(info.key != KeyAccess::None);
    let failed = |step: &str| Err(format!("cannot {step} {}", info.name.to_string_lossy()));
    // SAFETY: the caller's promise; names and flags are C strings that the server copies.
    unsafe {
        let create = |flags: &CStr| {
            let create = api!(RedisModule_CreateCommand);
            create(context, info.name.as_ptr(), Some(registration.entry), flags.as_ptr(), key, key, key) == 0
        };
        // Servers since Redis 8 hide internal commands from clients, and others refuse the word.
        let is_hidden = info.internal && create(&hidden(info.flags));
        if !is_hidden && !create(info.flags) {
            return failed("register the command");
        }
        let command = api!(RedisModule_GetCommand)(context, info.name.as_ptr());
        if command.is_null() || !set_docs(command, info) {
            return failed("document the command");
        }
        // Since Redis 7.2; before it, commands carry the categories that follow from their flags.
        if let Some(set_categories) = raw::RedisModule_SetCommandACLCategories {
            let categories = access_categories(info, category);
            if set_categories(command, categories.as_ptr()) != 0 {
                return failed("set the access categories of");
            }
        }
    }
    registration.before.store(LAST.load(Ordering::Relaxed), Ordering::Relaxed);
    LAST.store(ptr::from_ref(registration).cast_mut(), Ordering::Relaxed);
    Ok(())
}

/// `flags` of a command that clients are not to see.
fn hidden(flags: &CStr) -> CString {
    CString::new([flags.to_bytes(), b" internal"].concat()).unwrap_or_default()
}

/// The categories that follow from the flags, and the family's own.
fn access_categories(info: &CommandInfo, family: Option<&CStr>) -> CString {
    let flags = info.flags.to_string_lossy();
    let has = |flag: &str| flags.split(' ').any(|word| word == flag);
    let mut categories = vec![if has("fast") { "fast" } else { "slow" }];
    if has("admin") {
        categories.extend(["admin", "dangerous"]);
    }
    // The server adds none by itself where a module names some; what names no key may change or tell of all of them.
    for (flag, category) in [("write", "write"), ("readonly", "read")] {
        if has(flag) {
            categories.push(category);
        }
    }
    let family = family.map(CStr::to_string_lossy);
    categories.extend(family.as_deref());
    CString::new(categories.join(" ")).unwrap_or_default()
}

/// The server's access category for a command's family, `liq` of `LIQ.ADD`, where the server lets modules add some.
///
/// # Safety
/// `context` is that of the module's load.
pub(super) unsafe fn add_category(context: *mut raw::RedisModuleCtx, family: &CStr) -> bool {
    // Since Redis 7.4.
    // SAFETY: the caller's promise; the name is a C string.
    unsafe { raw::RedisModule_AddACLCategory.is_some_and(|add| add(context, family.as_ptr()) == 0) }
}
