//! What a walk does to one key: it is brought to what a mode leaves it, here and on replicas, a step at a time.

use liq_core::liq::format::decided as decided_of_series;
use liq_core::liq::series::{Series, Time};
use liq_core::market::format::decided as decided_of_market;
use liq_core::market::store::Tally;
use liq_core::memory::Mode;

use crate::commit::{Expiry, Record, commit};
use crate::ffi::{Context, KeyName};
use crate::keyspace;
use crate::types::liqseries::LiqSeries;
use crate::types::tickstore::TickStore;

/// What becomes of memory that holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spare {
    Kept,
    Freed,
}

/// Takes one step with the series or market `name` towards what `mode` leaves it. Whether there is more to do.
pub(super) fn bring(context: &Context<'_>, name: KeyName<'_>, mode: Mode, spare: Spare) -> bool {
    bring_series(context, name, mode, spare).or_else(|| bring_market(context, name, mode, spare)).unwrap_or(false)
}

/// `None` when it is no series.
fn bring_series(context: &Context<'_>, name: KeyName<'_>, mode: Mode, spare: Spare) -> Option<bool> {
    let mut open = keyspace::write_untouched::<LiqSeries>(context, name).ok()?;
    let series = &mut open.value()?.series;
    let (time, resolution) = (time_of(context, series, spare), series.resolution_in(mode));
    let brought = series.is_due(time, resolution).then(|| series.bring_to(time, resolution));
    let is_more = series.has_more_than(resolution);
    if spare == Spare::Freed && !is_more {
        series.free_spare();
    }
    if let Some(detail) = brought {
        let mut told = Vec::new();
        decided_of_series::brought(&mut told, time, detail);
        commit(context, open, Record::Command(c"LIQ.APPLY", &[&told]), Expiry::Kept);
    }
    Some(is_more)
}

/// By which time what is out of reach goes. No mode gives up an event: nothing goes that the newest write left, whose time
/// may have been another than the server's. Who trims asks for what no window of now reaches.
fn time_of(context: &Context<'_>, series: &Series, spare: Spare) -> Time {
    let now = Time::new(context.now_ms(), 0);
    match spare {
        Spare::Kept => Time::new(series.now_ms(now.at(Some(0))), 0),
        Spare::Freed => now,
    }
}

/// `None` when it is no market.
fn bring_market(context: &Context<'_>, name: KeyName<'_>, mode: Mode, spare: Spare) -> Option<bool> {
    let mut open = keyspace::write_untouched::<TickStore>(context, name).ok()?;
    let market = &mut open.value()?.market;
    let resolution = mode.into();
    let detail = market.change_resolution(resolution);
    let is_more = market.is_due(resolution);
    if spare == Spare::Freed && !is_more {
        market.free_spare();
    }
    if detail.is_step {
        let mut told = Vec::new();
        decided_of_market::begin(&mut told, context.now_ms(), detail, None);
        decided_of_market::end(&mut told, &Tally::default());
        commit(context, open, Record::Command(c"TICK.APPLY", &[&told]), Expiry::Kept);
    }
    Some(is_more)
}
