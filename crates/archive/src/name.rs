//! A stream's name as a folder: `signals:{BTCUSDT}` is `signals/{BTCUSDT}`. What a folder's name may not hold is written
//! as `%` and two digits, so that every name has its folder and every folder its name.

use std::path::{Path, PathBuf};

/// The folder of a stream below the archive's.
pub fn folder(stream: &[u8]) -> PathBuf {
    stream.split(|byte| *byte == b':').map(part).collect()
}

fn part(bytes: &[u8]) -> String {
    let is_dots = !bytes.is_empty() && bytes.iter().all(|byte| *byte == b'.');
    let mut text = String::new();
    for byte in bytes {
        let is_plain = byte.is_ascii_alphanumeric() || b"{}_-+@,=".contains(byte) || (*byte == b'.' && !is_dots);
        if is_plain {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02x}"));
        }
    }
    // No folder has an empty name.
    if text.is_empty() { "%".to_owned() } else { text }
}

/// The stream of a folder below the archive's; none when no stream has this folder.
pub fn stream(folder: &Path) -> Option<Vec<u8>> {
    let mut parts = Vec::new();
    for component in folder.components() {
        let text = component.as_os_str().to_str()?;
        let bytes = if text == "%" { Vec::new() } else { unescape(text)? };
        if part(&bytes) != text {
            return None;
        }
        parts.push(bytes);
    }
    Some(parts.join(&b':'))
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        if *first == b'%' {
            let (digits, others) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = others;
        } else {
            bytes.push(*first);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_own_folder_and_is_read_back() {
        assert_eq!(folder(b"signals:{BTCUSDT}"), Path::new("signals/{BTCUSDT}"));
        assert_eq!(folder(b"../../etc/passwd"), Path::new("..%2f..%2fetc%2fpasswd"));
        assert_eq!(folder(b"a:..:b"), Path::new("a/%2e%2e/b"));
        let names: [&[u8]; 9] = [b"a", b"", b":", b"a::b", b"a:.:b", b"a b\n", b"\xff\x00", b"%41", b"A:%:b"];
        for name in names {
            let path = folder(name);
            assert!(path.is_relative() && path.components().all(|part| part.as_os_str() != ".."), "{path:?}");
            assert_eq!(stream(&path).as_deref(), Some(name));
        }
        assert_eq!(stream(Path::new("a%zz")), None);
        assert_eq!(stream(Path::new("%41")), None, "another way to write A");
    }
}
