//! Everything that is `unsafe` or `extern "C"`, behind interfaces that are neither.
//!
//! The server's functions are called through the raw pointers of the redis-module crate. Here is only how the server
//! calls and is called: nothing of the crate around is named, and what a command, a type or a parameter means, and in
//! which words it refuses, is decided outside.

/// A function of the server by its full name, as a function pointer.
///
/// Missing functions that the module cannot do without are refused at load (`load::REQUIRED`); should one be missing
/// all the same, the call panics into the guard.
macro_rules! api {
    ($name:ident) => {{
        #[allow(unused_unsafe, reason = "called from inside unsafe blocks and outside")]
        // SAFETY: the pointer is written once, by the server, before any code of the module runs.
        let function = unsafe { redis_module::raw::$name };
        match function {
            Some(function) => function,
            None => super::missing_function(stringify!($name)),
        }
    }};
}

/// Whether the server has the function `name`.
macro_rules! has_api {
    ($name:ident) => {{
        // SAFETY: as in `api!`.
        unsafe { redis_module::raw::$name }.is_some()
    }};
}

mod acl;
mod allocator;
mod argument;
mod call;
mod clock;
mod command;
mod command_docs;
mod context;
mod database;
mod deferred;
mod defragmentation;
mod detached;
mod guard;
mod info;
mod key;
mod load;
mod memory;
mod notifications;
mod parameter;
mod persisted;
mod replication;
mod role;
mod scan;
mod timer;
mod waiting;

pub use acl::Access;
pub use allocator::{has_grown, note_looked, used_bytes};
pub use argument::{Arguments, KeyName};
pub use call::{Argument, Word};
pub use clock::{steady_us, thread_cpu_us, wall_us};
pub use command::{Command, CommandInfo, Refuse, Registration, registered};
pub use command_docs::{ArgSpec, KeyAccess};
pub use context::{Context, Level, log_anywhere};
pub use database::Database;
pub use deferred::{LateKey, LateSettler, Settler};
pub use defragmentation::Defragmentation;
pub use guard::panics_caught;
pub use info::{InfoSection, InfoSource};
pub use key::{HoldsAnotherType, ReadKey, WriteKey};
pub(crate) use load::entry_point;
pub use load::{Loader, Module, on_load};
pub use memory::MemoryWatch;
pub use notifications::{KeyWatcher, Loss, watch};
pub use parameter::Parameter;
pub use persisted::{Persisted, TypeSlot};
pub use role::reign;
pub use scan::{Findings, MetKey, MetType, Visitor, Walk, count_keys};
pub use timer::{Alarm, TimerSlot, arm, disarm};
pub use waiting::{Awaited, WaitingClient};

/// Ends the current entry with a panic that its guard answers.
#[cold]
#[allow(clippy::panic, reason = "every entry is guarded, and there is no value to go on with")]
fn missing_function(name: &str) -> ! {
    panic!("the server lacks {name}")
}
