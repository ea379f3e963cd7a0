//! What `LIQ.LOAD` and `LIQ.APPLY` carry: whole series, and events that were judged.

use liq_core::grammar::Args;

use crate::commands::expiry::Idles;
use crate::commands::replayed::{Replayed, internal, payload};
use crate::commit::Expiry;
use crate::ffi::CommandInfo;
use crate::keyspace::Writable;
use crate::refusal::Refusal;
use crate::types::Due;
use crate::types::liqseries::LiqSeries;

impl Replayed for LiqSeries {
    const LOAD: CommandInfo =
        internal(c"liq.load", c"Internal: carries whole series to replicas", c"O(N) in the bytes carried");
    const APPLY: CommandInfo =
        internal(c"liq.apply", c"Internal: carries decided writes to replicas", c"O(N) in the events carried");

    /// The expiry follows in a command of its own.
    fn apply(open: &mut Writable<'_, Self>, mut args: Args<'_>) -> Result<Expiry, Refusal> {
        let bytes = args.required()?;
        let series = &mut open.existing()?.series;
        payload(bytes, |bytes| series.apply(bytes).map_err(|problem| problem.to_string()))?;
        Ok(Expiry::Kept)
    }
}

impl Idles for LiqSeries {
    fn idle_ms(&self) -> u64 {
        self.series.options().idle_ms()
    }

    fn due(&mut self) -> &mut Due {
        &mut self.expiry_due
    }
}
