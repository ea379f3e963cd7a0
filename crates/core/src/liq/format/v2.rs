//! Layout 2 of a series: layout 1 with two more options, a stream of accepted events and a market; docs/FORMAT.md
//! describes it.

use super::v1::{self, settings};
use crate::liq::series::{Options, Series};
use crate::settings::{MAX_NAME_BYTES, MAXLEN_RANGE, Stream};
use crate::wire::{DecodeError, Reader, put_bytes};

pub fn encode(series: &Series) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + 32 * series.events.tail.len());
    let options = &series.options;
    settings::put(&mut out, options);
    Stream::put(options.accepted.as_ref(), &mut out);
    put_bytes(&mut out, options.market.as_deref().unwrap_or_default());
    v1::put_content(&mut out, series);
    out
}

pub fn decode(bytes: &[u8]) -> Result<Series, DecodeError> {
    let mut reader = Reader::new(bytes);
    let options = settings::read(&mut reader)?;
    let accepted = Stream::take(&mut reader, &MAXLEN_RANGE)?;
    let market = Some(reader.bytes("market", MAX_NAME_BYTES)?).filter(|market| !market.is_empty());
    v1::read_content(reader, Options { accepted, market: market.map(Box::from), ..options })
}
