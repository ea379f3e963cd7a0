//! The reply of `CANDLE.PUT`.

use crate::market::store::PutTally;
use crate::wire::map_reply;

map_reply! {
    /// How many rows became what.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct PutReply {
        /// There was no candle.
        inserted: u64 = "inserted",
        /// The candle there was another.
        replaced: u64 = "replaced",
        /// The candle there said the same.
        same: u64 = "same",
        /// Candles of another level are held there.
        covered: u64 = "covered",
        /// They have not ended yet.
        open: u64 = "open",
        /// They are before the level's reach.
        late: u64 = "late",
        /// Candles that went, as `WHOLE` did not name them.
        removed: u64 = "removed",
    }
}

impl From<&PutTally> for PutReply {
    fn from(tally: &PutTally) -> Self {
        let PutTally { inserted, replaced, same, covered, open, late, removed } = *tally;
        Self { inserted, replaced, same, covered, open, late, removed }
    }
}
