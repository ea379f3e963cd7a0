//! `LIQ.INFO`.

use crate::liq::reply::InfoReply;
use crate::liq::series::Series;

impl Series {
    /// The settings, what is held and what was counted; `memory_bytes` is measured by who knows the allocator.
    pub fn info(&self, memory_bytes: usize) -> InfoReply<'_> {
        let tail_events = self.events.tail.len() as u64;
        InfoReply {
            options: &self.options,
            events: self.events.count(),
            tail_events,
            tail_first_ms: self.events.tail.first_ms(),
            panes: self.events.archive.panes().len() as u64,
            pane_ms: self.events.archive.coarse_ms(),
            first_ms: self.events.first_ms(),
            last_ms: self.events.newest_ms(),
            memory_bytes: memory_bytes as u64,
            tally: &self.tally,
            exchanges: self.exchanges.names(),
        }
    }
}
