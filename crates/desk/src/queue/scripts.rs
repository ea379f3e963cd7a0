//! The steps of a queue that must not tear, in Lua, and the wire format for other languages.
//!
//! Keys of the queue NAME, all in one slot: `{q:NAME}:p0` high, `:p1` normal, `:p2` low (streams, group `workers`),
//! `:later` (sorted set by due time), `:dead` (stream), `:once:ID`, `:job:ID`. An entry of a stream holds `i` the job's
//! id, `a` attempts before, `t` when it was pushed, `x` when it is too old (0: never), both Unix milliseconds of the
//! server, `d` 1 where somebody had it who never said how that ended, `b` the body in MessagePack. `a`, `x` and `d` may be
//! absent for 0, `t` for the time in the entry's own id. In `:dead` there are also `p` the priority and `r` the reason.
//! `:wake` (stream of one entry, group `workers`) wakes an idle worker when what is due first changes. A member of `:later`
//! is MessagePack `[priority, i, a, t, x, b, d]`, in which `d` may be absent.

use std::sync::LazyLock;

use crate::script::Script;

/// KEYS `p0 p1 p2 later once job wake`; ARGV priority, id, body, life ms (0: none), delay ms, capacity, once ms (0: not),
/// status ms (0: none). Answers 1, 0 when full, or the id of the job that was pushed before.
pub(super) static PUSH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("push.lua")));

/// KEYS `p0 p1 p2 later dead`; ARGV consumer, how many, lease ms, three cursors. Moves what is due, and what there is no
/// job to the dead, claims what dead workers held, reads what is new, priority by priority. Answers now, the next due
/// time or null, the cursors, and jobs as `[priority, entry, fields, deliveries]`.
pub(super) static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));

/// KEYS `p later dead job wake`; ARGV entry, consumer, `done`, `retry`, `bury`, `expire` or `back`, priority, id,
/// attempts, pushed, expires, body, wait ms, reason or result, status ms, `d` as the job's next worker is to find it, which
/// may be absent. Answers 0 when the job is somebody else's by now.
pub(super) static END: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("end.lua")));

/// KEYS `p0 p1 p2`; ARGV consumer, then priority, entry and deliveries of each job: a claim of what the consumer itself
/// held was none. Answers how many are still the consumer's.
pub(super) static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));

/// KEYS `p0 p1 p2`; ARGV as of [`RENEW`]. Hands out once more what the consumer was handed out and never heard of, as the
/// same delivery, unless somebody else has it by now. Answers jobs as [`TAKE`] has them.
pub(super) static LOST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lost.lua")));

/// KEYS `p0 p1 p2 dead job`; ARGV the dead entry, status ms. Answers 1, or 0 when there is none.
pub(super) static REVIVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("revive.lua")));
