//! Names that anybody chose: keys, symbols, venues. They are bytes; here is how they are shown so that nothing of them is
//! ever run, moves a cursor or turns the line around.

use std::fmt::Write as _;
use std::sync::Arc;

/// A key's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it is about: the text in braces, which also chooses a cluster's slot, or the whole name without one.
    pub fn symbol(&self) -> &[u8] {
        let open = self.0.iter().position(|byte| *byte == b'{');
        let inner = open.and_then(|open| self.0.get(open + 1..));
        let closed = inner.and_then(|inner| inner.get(..inner.iter().position(|byte| *byte == b'}')?));
        closed.filter(|tag| !tag.is_empty()).unwrap_or(&self.0)
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// The longest name shown, in characters, where a page has room for it.
pub const LONG: usize = 64;

/// A name as it can be shown anywhere: at most `most` characters, cut with `…`. Letters, digits of all scripts and the
/// signs of ASCII stand for themselves; everything else (control characters, escape sequences, marks that turn the
/// direction of text, bytes that are no text) is shown by its code, `\u{1b}` or `\xff`, and a backslash is doubled.
pub fn shown(name: &[u8], most: usize) -> String {
    let mut out = String::new();
    let mut left = most;
    // No more is looked at than can be shown: names may be huge.
    let head = name.get(..name.len().min(most.saturating_mul(4).saturating_add(4))).unwrap_or(name);
    for chunk in head.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if !push(&mut out, &mut left, &as_shown(letter)) {
                return out;
            }
        }
        for byte in chunk.invalid() {
            if !push(&mut out, &mut left, &format!("\\x{byte:02x}")) {
                return out;
            }
        }
    }
    if head.len() < name.len() && !out.ends_with('…') {
        cut(&mut out, most);
    }
    out
}

/// A sentence of the server's, made safe in the same way.
pub fn sentence(text: &str) -> String {
    shown(text.as_bytes(), 300)
}

fn as_shown(letter: char) -> String {
    match letter {
        '\\' => "\\\\".to_owned(),
        ' '..='~' => letter.to_string(),
        _ if letter.is_alphanumeric() => letter.to_string(),
        _ => {
            let mut code = String::new();
            let _ = write!(code, "{}", letter.escape_unicode());
            code
        }
    }
}

/// Appends a piece as a whole; else ends the text with `…`.
fn push(out: &mut String, left: &mut usize, piece: &str) -> bool {
    let length = piece.chars().count();
    if let Some(rest) = left.checked_sub(length) {
        out.push_str(piece);
        *left = rest;
        return true;
    }
    let most = out.chars().count() + *left;
    cut(out, most);
    false
}

/// Puts `…` behind the text, within `most` characters.
fn cut(out: &mut String, most: usize) {
    while out.chars().count() >= most && out.pop().is_some() {}
    if most > 0 {
        out.push('…');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn nothing_that_acts_is_left_in_a_name() {
        assert_eq!(shown(b"BTCUSDT", 20), "BTCUSDT");
        assert_eq!(shown(b"a b \"c\" <script>", 20), "a b \"c\" <script>");
        assert_eq!(shown(b"\x1b[2J\r\n\x07", 40), r"\u{1b}[2J\u{d}\u{a}\u{7}");
        assert_eq!(shown("\u{202e}evil\u{9b}".as_bytes(), 40), r"\u{202e}evil\u{9b}");
        assert_eq!(shown(b"\xff\\", 40), r"\xff\\");
        assert_eq!(shown("比特币".as_bytes(), 40), "比特币");
    }

    #[test]
    fn a_name_takes_no_more_room_than_it_is_given() {
        for most in 0..40 {
            for name in [vec![b'x'; 65_536], "\u{1b}".repeat(9_000).into_bytes(), b"short name here".to_vec()] {
                let text = shown(&name, most);
                assert!(text.chars().count() <= most, "{most}: {text}");
                assert!(text.chars().all(|letter| !letter.is_control()), "{text}");
            }
        }
        assert_eq!(shown(b"abcdef", 6), "abcdef");
        assert_eq!(shown(b"abcdefg", 6), "abcde…");
    }

    #[test]
    fn the_symbol_is_what_stands_in_braces() {
        for (key, symbol) in [("liq:{BTC}", "BTC"), ("liq:BTC", "liq:BTC"), ("a{}b", "a{}b"), ("{x", "{x"), ("", "")] {
            assert_eq!(Key::from(key.as_bytes()).symbol(), symbol.as_bytes(), "{key}");
        }
    }
}
