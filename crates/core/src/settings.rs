//! Settings that series and markets have in common: what they mean, how they are asked for, and their bytes.

use std::ops::RangeInclusive;

use crate::grammar::{Args, RequestError, integer, push_option, set_once};
use crate::wire::{Decode, DecodeError, Encode, Malformed, Reader, Sink, Source, put_bytes, put_varint};

/// Lengths of a stream.
pub const MAXLEN_RANGE: RangeInclusive<i64> = 1..=1_000_000_000;
/// Length of a stream when none is named.
pub const DEFAULT_MAXLEN: u32 = 1000;
/// Longest name of another key: a stream, a market; bytes.
pub const MAX_NAME_BYTES: usize = 1024;
/// Idle times, milliseconds; ten years is forever beside what a key holds.
pub const IDLE_RANGE_MS: RangeInclusive<u64> = 0..=3_660 * 86_400_000;

/// What "now" is for a series or a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    /// The later of the server's clock and the newest that was seen.
    Server,
    /// The newest that was seen: for replays.
    Event,
}

impl ClockMode {
    const BOTH: [Self; 2] = [Self::Server, Self::Event];

    /// As the option spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "SERVER",
            Self::Event => "EVENT",
        }
    }

    /// Reads `SERVER` or `EVENT`, in any case.
    pub fn parse(name: &'static str, text: &[u8]) -> Result<Self, RequestError> {
        let found = Self::BOTH.into_iter().find(|mode| mode.name().as_bytes().eq_ignore_ascii_case(text));
        found.ok_or_else(|| RequestError::argument(name, "must be SERVER or EVENT", text))
    }
}

impl Encode for ClockMode {
    fn encode(&self, sink: &mut impl Sink) {
        sink.text(self.name());
    }
}

impl Decode for ClockMode {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        source.word("a clock", |word| Self::BOTH.into_iter().find(|mode| mode.name().as_bytes() == word))
    }
}

/// A stream that entries are appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The stream's key, not empty.
    pub key: Box<[u8]>,
    /// About how many entries it keeps; 0 is all, where that is allowed.
    pub max_len: u32,
}

impl Stream {
    /// Writes what [`Stream::take`] reads.
    pub fn put(stream: Option<&Self>, out: &mut Vec<u8>) {
        put_bytes(out, stream.map_or(b"", |stream| &stream.key));
        put_varint(out, stream.map_or(0, |stream| stream.max_len.into()));
    }

    /// Reads a stream of one of these lengths, or none. The bytes are hostile.
    pub fn take(reader: &mut Reader<'_>, lengths: &RangeInclusive<i64>) -> Result<Option<Self>, DecodeError> {
        let key: Box<[u8]> = reader.bytes("stream", MAX_NAME_BYTES)?.into();
        let max_len = reader.varint("maxlen", *lengths.end() as u64)? as u32;
        let is_sound = if key.is_empty() { max_len == 0 } else { lengths.contains(&max_len.into()) };
        if !is_sound {
            return Err(DecodeError::Invalid("stream"));
        }
        Ok(Some(Self { key, max_len }).filter(|stream| !stream.key.is_empty()))
    }
}

/// What a command says of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPatch {
    /// The stream's key; empty turns it off.
    pub key: Box<[u8]>,
    /// About how many entries it keeps; `None` leaves that as it is.
    pub max_len: Option<u32>,
}

impl StreamPatch {
    /// Reads the stream's key, and `MAXLEN n` where it stands behind it; a stream is named once.
    pub fn take(
        slot: &mut Option<Self>,
        name: &'static str,
        args: &mut Args<'_>,
        lengths: RangeInclusive<i64>,
    ) -> Result<(), RequestError> {
        set_once(slot, name, args, |name, text| Ok(Self { key: name_of_key(name, text)?, max_len: None }))?;
        if let Some(stream) = slot
            && args.take_keyword("MAXLEN")
        {
            stream.max_len = Some(integer("MAXLEN", args.value_of("MAXLEN")?, lengths)? as u32);
        }
        Ok(())
    }

    /// The inverse of [`StreamPatch::take`].
    pub fn push(patch: Option<&Self>, name: &str, out: &mut Vec<Vec<u8>>) {
        if let Some(Self { key, max_len }) = patch {
            out.extend([name.as_bytes().to_vec(), key.to_vec()]);
            push_option(out, "MAXLEN", *max_len);
        }
    }

    /// The stream there is behind `held`; one that is new keeps `new_max_len` entries where nothing is said.
    pub fn applied(patch: Option<&Self>, held: Option<&Stream>, new_max_len: u32) -> Option<Stream> {
        match patch {
            None => held.cloned(),
            Some(Self { key, .. }) if key.is_empty() => None,
            Some(Self { key, max_len }) => {
                let kept = held.map_or(new_max_len, |stream| stream.max_len);
                Some(Stream { key: key.clone(), max_len: max_len.unwrap_or(kept) })
            }
        }
    }
}

/// The name of another key; empty for none.
pub fn name_of_key(name: &'static str, text: &[u8]) -> Result<Box<[u8]>, RequestError> {
    if text.len() > MAX_NAME_BYTES {
        return Err(RequestError::argument(name, format!("longer than {MAX_NAME_BYTES} bytes"), text));
    }
    Ok(text.into())
}
