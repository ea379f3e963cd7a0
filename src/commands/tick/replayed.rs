//! What `TICK.LOAD` and `TICK.APPLY` carry: whole markets, and what was decided of ticks and quotes.

use liq_core::grammar::Args;

use crate::commands::expiry::Idles;
use crate::commands::replayed::{Replayed, internal, payload};
use crate::commit::Expiry;
use crate::ffi::CommandInfo;
use crate::keyspace::Writable;
use crate::refusal::Refusal;
use crate::types::Due;
use crate::types::tickstore::TickStore;

impl Replayed for TickStore {
    const LOAD: CommandInfo =
        internal(c"tick.load", c"Internal: carries whole markets to replicas", c"O(N) in the bytes carried");
    const APPLY: CommandInfo =
        internal(c"tick.apply", c"Internal: carries decided writes to replicas", c"O(N) in the ticks carried");

    /// The expiry follows in a command of its own.
    fn apply(open: &mut Writable<'_, Self>, mut args: Args<'_>) -> Result<Expiry, Refusal> {
        let bytes = args.required()?;
        let market = &mut open.existing()?.market;
        payload(bytes, |bytes| market.apply(bytes).map_err(|problem| problem.to_string()))?;
        Ok(Expiry::Kept)
    }
}

impl Idles for TickStore {
    fn idle_ms(&self) -> u64 {
        // A stop must not go because nobody trades.
        if self.market.triggers().is_empty() { self.market.options().idle_ms() } else { 0 }
    }

    fn due(&mut self) -> &mut Due {
        &mut self.expiry_due
    }
}
