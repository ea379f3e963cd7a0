//! Which of a cluster's hash slots a key belongs to, and the tag that decides it.

use crc::{CRC_16_XMODEM, Crc};

/// CRC-16/XMODEM: the cluster specification's choice.
const CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);
const SLOTS: u16 = 16_384;

/// What stands between the first `{` and the next `}`, unless that is nothing.
pub fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')?;
    let behind = key.get(open + 1..)?;
    let close = behind.iter().position(|byte| *byte == b'}')?;
    behind.get(..close).filter(|tag| !tag.is_empty())
}

/// Whether a cluster keeps both keys in the same slot.
pub fn share_a_slot(one: &[u8], other: &[u8]) -> bool {
    slot(one) == slot(other)
}

fn slot(key: &[u8]) -> u16 {
    CRC16.checksum(hash_tag(key).unwrap_or(key)) % SLOTS
}
