//! Telling of triggers that fired or expired: keyspace events, the replies of feeding commands, and the stream FIRES. What
//! cannot be appended stays in the market, and every later write tries again.

use liq_core::grammar::PlainBuffer;
use liq_core::market::format::decided;
use liq_core::market::format::triggers::{Decision, put_decision};
use liq_core::market::reply::{Exact, Fired, exact};
use liq_core::market::store::{Changes, Market, Tally, Time};
use liq_core::market::triggers::{Cause, Fire, Owed, Price};
use liq_core::settings::Stream;

use super::expiry;
use crate::commit::{Closed, Record, close, commit};
use crate::config;
use crate::ffi::{Argument, Context, KeyName, Word};
use crate::hash_slot::hash_tag;
use crate::keyspace;
use crate::streams;
use crate::totals::TOTALS;
use crate::types::tickstore::TickStore;

/// What a command has to tell of triggers, taken from the market while it is open.
#[derive(Default)]
pub struct Telling {
    /// What the reply of a feeding command tells.
    pub fired: Vec<Fired>,
    /// What the reply of a batch counts: all that its ticks decided, and what no reply had told before.
    pub counted: u64,
    /// How many expired, which was before everything else.
    expired: usize,
    /// How many fired.
    fires: usize,
    /// What is to be appended, oldest first, and where.
    entries: Vec<Fire>,
    /// How many more may follow when all of them were taken.
    rest: usize,
    stream: Option<Stream>,
}

impl Telling {
    /// Tells watchers of what expired.
    pub fn tell_expired(&self, closed: &Closed<'_>) {
        for _ in 0..self.expired {
            closed.notify(c"trig.expired");
        }
    }
}

/// Who tells of fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// A feeding command, whose reply names them.
    Feeding,
    /// A batch, whose reply counts them, however many.
    Batch,
    /// A command about triggers, which has noted its decisions in their order by itself.
    Triggers,
}

/// Takes what is to be told, and appends to `decided` what replicas have to do.
pub fn take(market: &mut Market, changes: &Changes, teller: Teller, mut decided: Option<&mut Vec<u8>>) -> Telling {
    let triggers = market.triggers();
    if changes.fired() == 0 && changes.unjudged() == 0 && triggers.pending() == 0 {
        return Telling::default();
    }
    let most = config::max_fires();
    let is_named = teller == Teller::Feeding;
    let mut telling = Telling::default();
    telling.expired = market.fired(changes).filter(|fire| fire.cause == Cause::Expired).count();
    telling.fires = changes.fired() - telling.expired;
    TOTALS.fires.add(changes.fired() as u64);
    TOTALS.unjudged.add(changes.unjudged());
    if let Some(decided) = decided.as_deref_mut().filter(|_| teller != Teller::Triggers) {
        note(market, changes, 0, decided);
        if changes.unjudged() > 0 {
            put_decision(decided, &Decision::Unjudged(changes.unjudged()));
        }
    }
    if let Some(stream) = &market.options().fires {
        // Where fires wait from before, the oldest one tries whether the stream takes any now.
        let owed = triggers.owed(Owed::Stream);
        let is_stuck = owed.len() > changes.fired();
        telling.entries = owed.take(if is_stuck { 1 } else { most }).cloned().collect();
        telling.rest = if is_stuck { most - 1 } else { 0 };
        telling.stream = Some(stream.clone());
        telling.fired = market.fired(changes).take(if is_named { most } else { 0 }).map(Fired::from).collect();
    }
    let owed = triggers.owed(Owed::Reply);
    let told = match teller {
        Teller::Feeding => owed.len().min(most.saturating_sub(telling.fired.len())),
        Teller::Batch => owed.len(),
        Teller::Triggers => 0,
    };
    let decided_to_stream = if telling.stream.is_some() { changes.fired() } else { 0 };
    telling.counted = (decided_to_stream + told) as u64;
    if told > 0 {
        telling.fired.extend(owed.take(if is_named { told } else { 0 }).map(Fired::from));
        market.told(Owed::Reply, told);
        if let Some(decided) = decided {
            put_decision(decided, &Decision::Told(Owed::Reply, told as u64));
        }
    }
    telling
}

/// What every write does for triggers, after a command that did nothing else for them: those go whose time is over, and what
/// waits is tried again.
pub fn catch_up(context: &Context<'_>, key: KeyName<'_>) {
    let Ok(mut open) = keyspace::write::<TickStore>(context, key) else { return };
    let Some(stored) = open.value() else { return };
    let mut changes = Changes::default();
    stored.market.expire_triggers(Time::new(context.now_ms(), config::tick_max_future_ms()), &mut changes);
    let mut payload = Vec::new();
    decided::begin(&mut payload, context.now_ms(), stored.market.resolution(), None);
    decided::end(&mut payload, &Tally::default());
    note(&stored.market, &changes, 0, &mut payload);
    let telling = take(&mut stored.market, &changes, Teller::Triggers, Some(&mut payload));
    let closed = if changes.fired() > 0 {
        let expiry = expiry::of_market(stored, false, context.now_ms());
        commit(context, open, Record::Command(c"TICK.APPLY", &[&payload]), expiry)
    } else {
        close(context, open)
    };
    telling.tell_expired(&closed);
    deliver(context, &closed, &telling);
}

/// Appends what replicas have to do of the fires that a command decided, but for the first `noted`.
pub fn note(market: &Market, changes: &Changes, noted: usize, decided: &mut Vec<u8>) {
    let owed = market.owed();
    for fire in market.fired(changes).skip(noted) {
        put_decision(decided, &Decision::Fired(fire.arming, owed, fire.facts()));
    }
}

/// Tells watchers of what fired, appends what is owed to the stream, and lets the market forget what was appended: one step here, on
/// replicas and in the append-only file, which get all of a command or nothing.
pub fn deliver(context: &Context<'_>, closed: &Closed<'_>, telling: &Telling) {
    for _ in 0..telling.fires {
        closed.notify(c"trig.fired");
    }
    let Some(stream) = &telling.stream else { return };
    if append_all(context, closed, stream, &telling.entries) && telling.rest > 0 {
        let rest = next(context, closed, telling.rest);
        append_all(context, closed, stream, &rest);
    }
}

/// The oldest fires that are still owed.
fn next(context: &Context<'_>, closed: &Closed<'_>, most: usize) -> Vec<Fire> {
    let fires = keyspace::read::<TickStore, _>(context, closed.key(), |found| {
        let owed = found.map(|stored| stored.market.triggers().owed(Owed::Stream).take(most).cloned().collect());
        Ok(owed.unwrap_or_default())
    });
    fires.unwrap_or_default()
}

/// Appends until one is refused, and lets the market forget those that were not. Returns whether all were taken.
fn append_all(context: &Context<'_>, closed: &Closed<'_>, stream: &Stream, fires: &[Fire]) -> bool {
    let mut appended = 0;
    for fire in fires {
        if let Err(problem) = append(context, closed, stream, fire) {
            TOTALS.failed_fires.add(1);
            streams::log_failure(context, closed, "a fire", &problem);
            break;
        }
        appended += 1;
    }
    if appended > 0 {
        forget(context, closed, fires.get(..appended).unwrap_or_default());
    }
    appended == fires.len()
}

/// Opens the market again: appending told other modules, which may have done anything to the key.
fn forget(context: &Context<'_>, closed: &Closed<'_>, appended: &[Fire]) {
    let Ok(mut open) = keyspace::write::<TickStore>(context, closed.key()) else { return };
    let Some(stored) = open.value() else { return };
    let owed = stored.market.triggers().owed(Owed::Stream).take(appended.len());
    if !owed.eq(appended) {
        return;
    }
    stored.market.told(Owed::Stream, appended.len());
    let resolution = stored.market.resolution();
    let expiry = expiry::of_market(stored, false, context.now_ms());
    if context.is_unheard() {
        commit(context, open, Record::Counted, expiry);
        return;
    }
    let mut payload = Vec::new();
    decided::begin(&mut payload, 0, resolution, None);
    decided::end(&mut payload, &Tally::default());
    put_decision(&mut payload, &Decision::Told(Owed::Stream, appended.len() as u64));
    commit(context, open, Record::Command(c"TICK.APPLY", &[&payload]), expiry);
}

/// The names of an entry's fields, in their order.
static NAMES: [Word; 15] = [
    Word::new("fire"),
    Word::new("id"),
    Word::new("arming"),
    Word::new("symbol"),
    Word::new("key"),
    Word::new("side"),
    Word::new("cause"),
    Word::new("level"),
    Word::new("price"),
    Word::new("by"),
    Word::new("timestamp"),
    Word::new("tick"),
    Word::new("extreme"),
    Word::new("armed_at"),
    Word::new("payload"),
];

fn append(context: &Context<'_>, closed: &Closed<'_>, stream: &Stream, fire: &Fire) -> Result<(), String> {
    let mut room = [const { PlainBuffer::new() }; 6];
    let [level, at, extreme, arming, ts, armed_at] = &mut room;
    let (name, key) = (fire.name(), closed.key().bytes());
    let values: [&[u8]; NAMES.len()] = [
        &name,
        &fire.id,
        arming.units_bytes(fire.arming.into(), 0),
        hash_tag(key).unwrap_or(key),
        key,
        fire.side.map_or("", |side| side.name()).as_bytes(),
        fire.cause.name().as_bytes(),
        price(level, fire.level),
        price(at, fire.price),
        fire.by.map_or("", |by| by.name()).as_bytes(),
        ts.units_bytes(fire.ts_ms.into(), 0),
        &fire.tick,
        price(extreme, fire.extreme),
        armed_at.units_bytes(fire.armed_at_ms.into(), 0),
        fire.payload.as_deref().unwrap_or_default(),
    ];
    let mut fields = [Argument::Bytes(b""); 2 * NAMES.len()];
    for (pair, (name, value)) in fields.as_chunks_mut().0.iter_mut().zip(NAMES.iter().zip(values)) {
        *pair = [Argument::Word(name), Argument::Bytes(value)];
    }
    streams::append(context, closed, (&stream.key, stream.max_len), fields.into_iter())
}

/// A price as text; nothing of none.
fn price(room: &mut PlainBuffer, price: Option<Price>) -> &[u8] {
    match price.map(exact) {
        Some(Exact { units, scale }) => room.units_bytes(units, scale),
        None => b"",
    }
}
