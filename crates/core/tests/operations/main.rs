//! Random histories of a series: live, replica and reload stay the same, and every invariant holds after every step.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests stop at surprises"
)]

mod history;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 3000, ..ProptestConfig::default() })]

    #[test]
    fn no_history_parts_live_replica_and_reload(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        history::run(&bytes);
    }
}
