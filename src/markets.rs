//! The markets that series judge prices by: which ones may be named, and opening one on behalf of the client who adds.

use liq_core::grammar::RequestError;

use crate::ffi::{Access, Context, KeyName};
use crate::hash_slot::share_a_slot;
use crate::keyspace::Beside;
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;

/// Refuses a market, the value of `MARKET`, that `key` could not be judged by: in another slot of the cluster, the key
/// itself, or not the caller's to read. It need not be there yet.
pub fn check(context: &Context<'_>, key: KeyName<'_>, market: &[u8]) -> Result<(), Refusal> {
    if context.is_cluster() && !share_a_slot(key.bytes(), market) {
        return Err(RequestError::argument("MARKET", "must be in the key's hash slot", market).into());
    }
    if key.bytes() == market {
        return Err(RequestError::argument("MARKET", "cannot be the key itself", market).into());
    }
    match context.read_access(market) {
        Access::Granted => Ok(()),
        Access::Denied => Err(Refusal::NoPermission("MARKET: no permission to read the market".into())),
    }
}

/// The market that the series at `key` names, while nothing else is open; nothing where it cannot be read. All is looked
/// at anew, as keys are renamed, copied and restored, and permissions change.
pub fn open<'call>(
    context: &'call Context<'call>,
    key: KeyName<'_>,
    market: &[u8],
) -> Option<Beside<'call, TickStore>> {
    let is_within_reach = !context.is_cluster() || share_a_slot(key.bytes(), market);
    if !is_within_reach || context.read_access(market) == Access::Denied {
        return None;
    }
    Beside::open(context, market).ok()
}
