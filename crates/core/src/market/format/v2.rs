//! Layout 2 of a market: layout 1, and since when each interval is announced; docs/FORMAT.md describes it.

use super::v1;
use crate::market::store::Market;
use crate::wire::{DecodeError, Reader, put_varint};

pub fn encode(market: &Market) -> Vec<u8> {
    let mut out = v1::encode(market);
    let places = 0..market.options.announce.len();
    places.for_each(|place| put_varint(&mut out, market.announced_ms(place)));
    out
}

pub fn decode(bytes: &[u8]) -> Result<Market, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut market = v1::read(&mut reader)?;
    let mut announced_ms = Vec::with_capacity(market.options.announce.len());
    for _ in 0..market.options.announce.len() {
        announced_ms.push(reader.varint("announced since", market.time_ms)?);
    }
    reader.finish()?;
    market.be_announced_from(announced_ms);
    Ok(market)
}
