//! LIQ.TRIM: one walk after the other over every series and market that frees what it can, for clients that wait.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bring::{Spare, bring};
use super::mode;
use super::walk::{PAUSE_MS, Round};
use crate::ffi::{self, Alarm, Awaited, Context, TimerSlot, WaitingClient};
use crate::refusal::Refusal;

/// How much is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// What nobody would miss.
    Plain,
    /// And the detail that the next mode would take.
    Aggressive,
}

struct Running {
    round: Round,
    trim: Trim,
    freed: u64,
    client: WaitingClient<Trimmed>,
}

static WAITING: Mutex<VecDeque<Running>> = Mutex::new(VecDeque::new());

fn waiting() -> MutexGuard<'static, VecDeque<Running>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Frees what `trim` says, and tells the client of the running command when that is done.
pub fn begin(context: &Context<'_>, trim: Trim) -> Result<(), Refusal> {
    let Some(round) = Round::begin() else { return Err(Refusal::OutOfMemory) };
    let Some(client) = context.wait_for() else {
        return Err(Refusal::because("LIQ.TRIM takes its time: not in transactions and scripts"));
    };
    waiting().push_back(Running { round, trim, freed: 0, client });
    ffi::arm::<Slice>(0);
    Ok(())
}

/// What a client is told.
enum Trimmed {
    Freed(u64),
    /// The server became a replica.
    GivenUp,
}

impl Awaited for Trimmed {
    fn tell(&self, context: &Context<'_>) {
        match self {
            Self::Freed(bytes) => context.reply_integer(i64::try_from(*bytes).unwrap_or(i64::MAX)),
            Self::GivenUp => context.reply_error("READONLY this server became a replica while it trimmed"),
        }
    }
}

struct Slice;

impl Alarm for Slice {
    fn slot() -> &'static TimerSlot {
        static SLOT: TimerSlot = TimerSlot::new();
        &SLOT
    }

    fn ring(context: &Context<'_>) {
        // Not held meanwhile: nothing that is done to a series should come back here, but it might.
        let Some(mut running) = waiting().pop_front() else { return };
        // Should something here panic, those behind are still served.
        ffi::arm::<Self>(PAUSE_MS);
        let mode = match running.trim {
            Trim::Plain => mode(),
            Trim::Aggressive => mode().next(),
        };
        let mut freed = running.freed;
        let is_more = running.round.go_on(context, |name| {
            let before = ffi::used_bytes();
            let is_more = bring(context, name, mode, Spare::Freed);
            freed += before.saturating_sub(ffi::used_bytes());
            is_more
        });
        running.freed = freed;
        if is_more {
            waiting().push_front(running);
        } else if context.decides() {
            running.client.end(Trimmed::Freed(freed));
        } else {
            running.client.end(Trimmed::GivenUp);
        }
        match waiting().is_empty() {
            true => ffi::disarm::<Self>(),
            false => ffi::arm::<Self>(PAUSE_MS),
        }
    }
}
