//! The payload of DUMP: taking its footer off, and putting a right one on after its content was tampered with.

use crc::{CRC_64_REDIS, Crc};

/// Two bytes of RDB version and eight of checksum.
const FOOTER: usize = 10;

/// A payload without its footer, and the RDB version the server wrote.
pub fn open(payload: &[u8]) -> (Vec<u8>, [u8; 2]) {
    let (content, footer) = payload.split_at(payload.len() - FOOTER);
    (content.to_vec(), [footer[0], footer[1]])
}

/// A payload the server takes for unharmed: content, version and the checksum over both.
pub fn seal(content: &[u8], version: [u8; 2]) -> Vec<u8> {
    let mut payload = [content, version.as_slice()].concat();
    let checksum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&payload);
    payload.extend(checksum.to_le_bytes());
    payload
}
