//! A cached value as it lies in Redis: MessagePack `[1, loaded_ms, flags, body]`, for every language to read. `loaded_ms`
//! is the server's clock, Unix milliseconds; flag 1 says the body is zstd, flag 2 that there is no such thing (`body` is
//! empty then). The body is the value in MessagePack, structs as maps.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;

const VERSION: u8 = 1;
const COMPRESSED: u8 = 1;
const MISSING: u8 = 2;
/// No honest value is longer once unpacked; a dishonest one must not fill the memory.
#[cfg(feature = "zstd")]
const LONGEST_BODY: usize = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Wire<'a>(u8, u64, u8, #[serde(borrow, with = "bytes")] std::borrow::Cow<'a, [u8]>);

/// A value and when it was loaded.
pub(crate) struct Entry<T> {
    /// None when it is known that there is none.
    pub(crate) value: Option<T>,
    pub(crate) loaded_ms: u64,
    /// Bytes of the body, which stand for its size in memory.
    pub(crate) length: usize,
}

/// The bytes of a value; one longer than `compress_above` is packed where the crate is built with zstd.
pub(crate) fn encode<T: Serialize>(
    value: Option<&T>,
    loaded_ms: u64,
    compress_above: usize,
) -> Result<(Vec<u8>, usize), Error> {
    let broken = |error: rmp_serde::encode::Error| Error::Encode(error.to_string().into());
    let body = value.map(rmp_serde::to_vec_named).transpose().map_err(broken)?;
    let length = body.as_ref().map_or(0, Vec::len);
    let (flags, body) = match body {
        None => (MISSING, Vec::new()),
        Some(body) => pack(body, compress_above),
    };
    let bytes = rmp_serde::to_vec(&Wire(VERSION, loaded_ms, flags, body.into())).map_err(broken)?;
    Ok((bytes, length))
}

/// What the bytes hold; none when they are of another version, broken, or no `T`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<Entry<T>> {
    let Wire(version, loaded_ms, flags, body) = rmp_serde::from_slice(bytes).ok()?;
    if version != VERSION || flags & !(COMPRESSED | MISSING) != 0 {
        return None;
    }
    if flags & MISSING != 0 {
        return Some(Entry { value: None, loaded_ms, length: 0 });
    }
    let body = if flags & COMPRESSED != 0 { unpack(&body)?.into() } else { body };
    let value = rmp_serde::from_slice(&body).ok()?;
    Some(Entry { value: Some(value), loaded_ms, length: body.len() })
}

#[cfg(feature = "zstd")]
fn pack(body: Vec<u8>, above: usize) -> (u8, Vec<u8>) {
    if body.len() <= above {
        return (0, body);
    }
    match zstd::bulk::compress(&body, 3) {
        Ok(packed) if packed.len() < body.len() => (COMPRESSED, packed),
        _ => (0, body),
    }
}

#[cfg(not(feature = "zstd"))]
const fn pack(body: Vec<u8>, _above: usize) -> (u8, Vec<u8>) {
    (0, body)
}

#[cfg(feature = "zstd")]
fn unpack(body: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut unpacked = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(body).ok()?;
    decoder.take(LONGEST_BODY as u64 + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() <= LONGEST_BODY).then_some(unpacked)
}

/// Written by a program that has zstd: unreadable here, so a miss.
#[cfg(not(feature = "zstd"))]
const fn unpack(_body: &[u8]) -> Option<Vec<u8>> {
    None
}

mod bytes {
    //! MessagePack's byte strings, which serde has no word for.

    use std::borrow::Cow;

    use serde::{Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, [u8]>, D::Error> {
        struct Bytes;
        impl<'de> de::Visitor<'de> for Bytes {
            type Value = Cow<'de, [u8]>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a byte string")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(bytes))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Cow::Owned(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may stop")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for above in [0, 1 << 20] {
            let text = "bid ".repeat(2000);
            let (bytes, length) = encode(Some(&text), 1_795_264_047_513, above).unwrap();
            let entry = decode::<String>(&bytes).unwrap();
            assert_eq!((entry.value.as_deref(), entry.loaded_ms), (Some(text.as_str()), 1_795_264_047_513));
            assert_eq!(entry.length, length);
        }
        let (bytes, _) = encode(None::<&String>, 7, 0).unwrap();
        let entry = decode::<String>(&bytes).unwrap();
        assert_eq!((entry.value, entry.loaded_ms), (None, 7));
    }

    #[test]
    fn the_layout_is_what_the_page_says() {
        let (bytes, _) = encode(Some(&42_u8), 5, 1024).unwrap();
        assert_eq!(bytes, [0x94, 1, 5, 0, 0xc4, 1, 42]);
    }

    #[test]
    fn broken_bytes_are_no_value() {
        let (bytes, _) = encode(Some(&"a text".to_owned()), 5, 1024).unwrap();
        for length in 0..bytes.len() {
            assert!(decode::<String>(&bytes[..length]).is_none());
        }
        for place in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xc4, 0xff] {
                let mut broken = bytes.clone();
                broken[place] = value;
                let _ = decode::<String>(&broken);
            }
        }
        assert!(decode::<u64>(&bytes).is_none(), "another type");
        assert!(decode::<String>(b"plain text").is_none());
    }
}
