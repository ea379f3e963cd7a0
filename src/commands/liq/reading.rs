//! What the reads share: the series, or what stands in for one that does not exist.

use liq_core::liq::series::{Options, Series};

use crate::ffi::{Context, KeyName};
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;
use crate::{config, keyspace};

/// Lends `body` the series of `key` and the server's clock. A missing key answers like an empty series, whose retention
/// is the module's default, or `window_ms` where a longer window is asked for.
pub fn read(
    context: &Context<'_>,
    key: KeyName<'_>,
    window_ms: Option<u64>,
    body: impl FnOnce(&mut Series, u64) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let now_ms = context.now_ms();
    keyspace::read::<LiqSeries, _>(context, key, |found| match found {
        Some(stored) => body(&mut stored.series, now_ms),
        None => body(&mut stand_in(window_ms.unwrap_or(0)), now_ms),
    })
}

/// Like [`read`], for commands that answer a missing key with an error.
pub fn read_existing(
    context: &Context<'_>,
    key: KeyName<'_>,
    body: impl FnOnce(&mut Series, u64) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let now_ms = context.now_ms();
    keyspace::read::<LiqSeries, _>(context, key, |found| match found {
        Some(stored) => body(&mut stored.series, now_ms),
        None => Err(Refusal::NoSuchKey),
    })
}

#[cold]
fn stand_in(window_ms: u64) -> Series {
    let options = config::default_options();
    Series::new(Options { retention_ms: options.retention_ms.max(window_ms), ..options })
}
