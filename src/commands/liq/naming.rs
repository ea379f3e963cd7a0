//! Other keys that the options of a series name: its streams and its market.

use liq_core::liq::series::OptionsPatch;

use crate::ffi::{Context, KeyName};
use crate::refusal::Refusal;
use crate::{markets, streams};

/// Refuses keys named in `patch` that `key` could not use, or not on behalf of the caller. Empty names turn off.
pub fn check(context: &Context<'_>, key: KeyName<'_>, patch: &OptionsPatch) -> Result<(), Refusal> {
    for (option, stream) in [("SIGNALS", &patch.signals), ("ACCEPTED", &patch.accepted)] {
        if let Some(stream) = stream.as_ref().filter(|stream| !stream.key.is_empty()) {
            streams::check(context, key, option, &stream.key)?;
        }
    }
    match patch.market.as_deref().filter(|market| !market.is_empty()) {
        Some(market) => markets::check(context, key, market),
        None => Ok(()),
    }
}
