//! A stream's name as a folder: `signals:{BTCUSDT}` is `signals/{BTCUSDT}`. What a folder's name may not hold is written
//! as `%` and two digits, and what is longer than it may be goes on in the next one, so that every name has its folder and
//! every folder its name; and none is where the archive keeps something else.

use std::path::{Path, PathBuf};

use crate::{file, folder};

/// The longest name of a file or folder on the usual file systems, bytes.
const LONGEST: usize = 255;

/// The folder of a stream below the archive's.
pub fn folder(stream: &[u8]) -> PathBuf {
    stream.split(|byte| *byte == b':').enumerate().flat_map(|(place, bytes)| pieces(part(bytes, place == 0))).collect()
}

fn part(bytes: &[u8], is_first: bool) -> String {
    // No folder has an empty name.
    if bytes.is_empty() {
        return "%".to_owned();
    }
    let text = escape(bytes, b"{}_-+@,=.");
    let is_taken = text.bytes().all(|byte| byte == b'.') || (is_first && text == folder::LOCK) || file::is_name(&text);
    // A piece of a long one could be taken too.
    if is_taken || text.len() > LONGEST { escape(bytes, b"{}_-+@,=") } else { text }
}

fn escape(bytes: &[u8], plain: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || plain.contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02x}"));
        }
    }
    text
}

/// Cuts what is too long, not within an escape; a `%` at its end says that a piece goes on.
fn pieces(mut text: String) -> Vec<String> {
    let mut pieces = Vec::new();
    while text.len() > LONGEST {
        let longest = LONGEST - 1;
        let escape = text.match_indices('%').map(|(at, _)| at).find(|at| (longest - 2..longest).contains(at));
        let rest = text.split_off(escape.unwrap_or(longest));
        pieces.push(text + "%");
        text = rest;
    }
    pieces.push(text);
    pieces
}

/// The stream of a folder below the archive's; none when no stream has this folder.
pub fn stream(folder: &Path) -> Option<Vec<u8>> {
    let (mut parts, mut begun) = (Vec::new(), String::new());
    for component in folder.components() {
        let piece = component.as_os_str().to_str()?;
        match piece.strip_suffix('%') {
            Some(more) if !more.is_empty() => begun.push_str(more),
            Some(_) => parts.push(Vec::new()),
            None => parts.push(unescape(&(std::mem::take(&mut begun) + piece))?),
        }
    }
    let stream = parts.join(&b':');
    // Each has one way to be written.
    (self::folder(&stream) == folder).then_some(stream)
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
    #[test]
    fn no_folder_is_where_the_archive_keeps_something_else() {
        assert_eq!(folder(b".lock"), Path::new("%2elock"));
        assert_eq!(folder(b".lock:a:.lock"), Path::new("%2elock/a/.lock"));
        assert_eq!(folder(b"a:1-0-2-0.parquet"), Path::new("a/1-0-2-0%2eparquet"));
        assert_eq!(folder(b"a:.unfinished-1-0-2-0.parquet.tmp"), Path::new("a/%2eunfinished-1-0-2-0%2eparquet%2etmp"));
        // Others stay where they were.
        for name in [".hidden", "a.b", "x.parquet", ".unfinished-x", ".tmp", "2026-11-21"] {
            assert_eq!(folder(name.as_bytes()), Path::new(name));
        }
    }

    /// What could go wrong alone or beside another.
    const AWKWARD: [&[u8]; 14] = [
        b".",
        b":",
        b"/",
        b"%",
        b"2e",
        b"a",
        b"\xff",
        b"\0",
        b".lock",
        b".unfinished-",
        b"1-0-2-0",
        b".parquet",
        b".tmp",
        b"2026-11-21",
    ];

    #[test]
    fn different_streams_never_share_a_folder() {
        let joined = |parts: &[&[u8]]| parts.concat();
        let mut names = vec![Vec::new()];
        for first in AWKWARD {
            for second in AWKWARD {
                names.extend(AWKWARD.map(|third| joined(&[first, second, third])));
                names.push(joined(&[first, second]));
                // Where a piece ends, and is cut.
                names.extend((250..258).map(|length| joined(&[&b"a".repeat(length), first, second])));
                names.extend(
                    (82..87).map(|times| joined(&[&first.repeat(times * 3), second, b":", &second.repeat(times)])),
                );
            }
            names.push(first.to_vec());
        }
        names.sort();
        names.dedup();
        for name in &names {
            let path = folder(name);
            assert_eq!(stream(&path).as_ref(), Some(name), "{path:?}");
            assert_ne!(path.iter().next(), Some(folder::LOCK.as_ref()));
            for component in path.components() {
                let std::path::Component::Normal(text) = component else { unreachable!("{path:?}") };
                let text = text.to_str().unwrap_or_default();
                assert!((1..=LONGEST).contains(&text.len()) && !file::is_name(text), "{path:?}");
            }
        }
    }
}
