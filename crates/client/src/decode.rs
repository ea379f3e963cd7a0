//! Reading replies: the same value from RESP2 and RESP3. Knows no command, only shapes.
//!
//! RESP2 flattens maps into arrays, and writes doubles as bulk strings, booleans as 0 and 1, null as nil.

use liq_core::liq::series::Side;
use redis::{ParsingError, Value};

/// The result of reading a part of a reply.
pub(crate) type Decoded<T> = Result<T, ParsingError>;

/// A map reply, whose fields are taken one by one. Fields nobody takes are those of a newer module.
pub(crate) struct Fields {
    entries: Entries,
    /// Where the next field is expected: replies keep their order, so the search nearly always ends at once.
    next: usize,
}

/// As the protocol delivered them: hot replies are read where they lie.
enum Entries {
    Map(Vec<(Value, Value)>),
    /// Names and values in turn.
    Flat(Vec<Value>),
}

impl Entries {
    fn len(&self) -> usize {
        match self {
            Self::Map(entries) => entries.len(),
            Self::Flat(items) => items.len() / 2,
        }
    }

    fn get_mut(&mut self, place: usize) -> Option<(&Value, &mut Value)> {
        match self {
            Self::Map(entries) => entries.get_mut(place).map(|(name, value)| (&*name, value)),
            Self::Flat(items) => match items.get_mut(2 * place..2 * place + 2)? {
                [name, value] => Some((&*name, value)),
                _ => None,
            },
        }
    }
}

impl Fields {
    /// From a map, or from an array of names and values in turn.
    pub(crate) fn read(value: Value) -> Decoded<Self> {
        let entries = match plain(value)? {
            Value::Map(entries) => Entries::Map(entries),
            Value::Array(items) if items.len().is_multiple_of(2) => Entries::Flat(items),
            other => return Err(unexpected("a map", &other)),
        };
        Ok(Self { entries, next: 0 })
    }

    /// All entries with their names, for maps keyed by data.
    pub(crate) fn into_named(self) -> Decoded<Vec<(String, Value)>> {
        let pairs = match self.entries {
            Entries::Map(entries) => entries,
            Entries::Flat(items) => in_pairs(items),
        };
        pairs.into_iter().map(|(name, value)| Ok((text(name)?, value))).collect()
    }

    /// The value of a field, if the reply has it. Names are compared without regard to case.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let count = self.entries.len();
        let order = (self.next..count).chain(0..self.next.min(count));
        for place in order {
            let (field, value) = self.entries.get_mut(place)?;
            if bytes_of(field).is_some_and(|bytes| bytes.eq_ignore_ascii_case(name.as_bytes())) {
                self.next = place + 1;
                return Some(std::mem::take(value));
            }
        }
        None
    }

    /// The decoded value of a field; an error names the field.
    pub(crate) fn get<T>(&mut self, name: &str, decode: impl FnOnce(Value) -> Decoded<T>) -> Decoded<T> {
        let value = self.take(name).ok_or_else(|| ParsingError::from(format!("the reply has no field '{name}'")))?;
        decode(value).map_err(|error| ParsingError::from(format!("field '{name}': {error}")))
    }

    /// As [`get`](Self::get); `None` when the reply lacks the field, as one of an older module may.
    pub(crate) fn get_if_present<T>(
        &mut self,
        name: &str,
        decode: impl FnOnce(Value) -> Decoded<T>,
    ) -> Decoded<Option<T>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => {
                decode(value).map(Some).map_err(|error| ParsingError::from(format!("field '{name}': {error}")))
            }
        }
    }
}

fn in_pairs(items: Vec<Value>) -> Vec<(Value, Value)> {
    let mut items = items.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        pairs.push((name, value));
    }
    pairs
}

/// The elements of an array.
pub(crate) fn array(value: Value) -> Decoded<Vec<Value>> {
    match plain(value)? {
        Value::Array(items) | Value::Set(items) => Ok(items),
        other => Err(unexpected("an array", &other)),
    }
}

/// The elements of an array, each decoded; an error names the place.
pub(crate) fn array_of<T>(value: Value, decode: impl Fn(Value) -> Decoded<T>) -> Decoded<Vec<T>> {
    let in_place = |(place, item)| {
        decode(item).map_err(|error: ParsingError| ParsingError::from(format!("element {}: {error}", place + 1)))
    };
    array(value)?.into_iter().enumerate().map(in_place).collect()
}

/// The elements of an array of exactly `N`.
pub(crate) fn tuple<const N: usize>(value: Value) -> Decoded<[Value; N]> {
    let items = array(value)?;
    let count = items.len();
    items.try_into().map_err(|_| ParsingError::from(format!("expected an array of {N}, got {count} elements")))
}

/// A finite double.
pub(crate) fn double(value: Value) -> Decoded<f64> {
    let value = plain(value)?;
    let number = match &value {
        Value::Double(number) => Some(*number),
        // Whole numbers up to 2^53 are exact; the module writes doubles as doubles, so this is only for proxies.
        Value::Int(number) => Some(*number as f64),
        _ => text_of(&value).and_then(|text| text.parse().ok()),
    };
    number.filter(|number| number.is_finite()).ok_or_else(|| unexpected("a finite number", &value))
}

/// A signed integer.
pub(crate) fn integer(value: Value) -> Decoded<i64> {
    let value = plain(value)?;
    let number = match &value {
        Value::Int(number) => Some(*number),
        _ => text_of(&value).and_then(|text| text.parse().ok()),
    };
    number.ok_or_else(|| unexpected("an integer", &value))
}

/// A count, a timestamp or a length in milliseconds or bytes: an integer of at least 0.
pub(crate) fn count(value: Value) -> Decoded<u64> {
    let number = integer(value)?;
    u64::try_from(number).map_err(|_| ParsingError::from(format!("expected a count, got {number}")))
}

/// A boolean.
pub(crate) fn boolean(value: Value) -> Decoded<bool> {
    let value = plain(value)?;
    match &value {
        Value::Boolean(flag) => return Ok(*flag),
        Value::Int(0) => return Ok(false),
        Value::Int(1) => return Ok(true),
        _ => {}
    }
    match bytes_of(&value) {
        Some(b"0" | b"no") => Ok(false),
        Some(b"1" | b"yes") => Ok(true),
        _ => Err(unexpected("a boolean", &value)),
    }
}

/// Text.
pub(crate) fn text(value: Value) -> Decoded<String> {
    match plain(value)? {
        Value::BulkString(bytes) => Ok(String::from_utf8(bytes)?),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text),
        Value::Okay => Ok("OK".to_owned()),
        other => Err(unexpected("text", &other)),
    }
}

/// A side.
pub(crate) fn side(value: Value) -> Decoded<Side> {
    let value = plain(value)?;
    bytes_of(&value).and_then(Side::parse).ok_or_else(|| unexpected("a side", &value))
}

/// One of a few words, without regard to how the text came.
pub(crate) fn word<T>(wanted: &str, value: Value, meaning: impl FnOnce(&str) -> Option<T>) -> Decoded<T> {
    let value = plain(value)?;
    text_of(&value).and_then(meaning).ok_or_else(|| unexpected(wanted, &value))
}

/// Bytes.
pub(crate) fn bytes(value: Value) -> Decoded<Vec<u8>> {
    match plain(value)? {
        Value::BulkString(bytes) => Ok(bytes),
        other => Err(unexpected("bytes", &other)),
    }
}

/// `None` for null, else the decoded value.
pub(crate) fn optional<T>(decode: impl FnOnce(Value) -> Decoded<T>) -> impl FnOnce(Value) -> Decoded<Option<T>> {
    move |value| match plain(value)? {
        Value::Nil => Ok(None),
        value => decode(value).map(Some),
    }
}

/// `None` for an empty text, else the text.
pub(crate) fn text_if_any(value: Value) -> Decoded<Option<String>> {
    Ok(optional(text)(value)?.filter(|text| !text.is_empty()))
}

/// Strips what RESP3 may wrap around a value.
fn plain(value: Value) -> Decoded<Value> {
    match value {
        Value::Attribute { data, .. } => plain(*data),
        Value::ServerError(error) => Err(ParsingError::from(format!("the server reported: {error}"))),
        value => Ok(value),
    }
}

fn bytes_of(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.as_bytes()),
        Value::Okay => Some(b"OK"),
        _ => None,
    }
}

fn text_of(value: &Value) -> Option<&str> {
    bytes_of(value).and_then(|bytes| std::str::from_utf8(bytes).ok())
}

/// An error that shows the beginning of what came.
#[cold]
pub(crate) fn unexpected(wanted: &str, got: &Value) -> ParsingError {
    const SHOWN_CHARACTERS: usize = 80;
    let shown: String = format!("{got:?}").chars().take(SHOWN_CHARACTERS).collect();
    ParsingError::from(format!("expected {wanted}, got {shown}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn parse(resp: &str) -> Value {
        redis::parse_redis_value(resp.as_bytes()).unwrap()
    }

    #[test]
    fn a_double_is_the_same_in_both_protocols() {
        for resp in ["$3\r\n1.5\r\n", ",1.5\r\n", "+1.5\r\n"] {
            assert_eq!(double(parse(resp)).unwrap(), 1.5, "{resp:?}");
        }
        assert_eq!(double(parse(":3\r\n")).unwrap(), 3.0);
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        for resp in ["$3\r\nnan\r\n", ",inf\r\n", "$0\r\n\r\n", "$2\r\n1x\r\n", "$-1\r\n", "*0\r\n", "#t\r\n"] {
            assert!(double(parse(resp)).is_err(), "{resp:?}");
        }
    }

    #[test]
    fn a_boolean_is_the_same_in_both_protocols() {
        for (resp, expected) in [(":1\r\n", true), ("#t\r\n", true), (":0\r\n", false), ("#f\r\n", false)] {
            assert_eq!(boolean(parse(resp)).unwrap(), expected, "{resp:?}");
        }
        assert!(boolean(parse(":2\r\n")).is_err());
    }

    #[test]
    fn null_is_the_same_in_both_protocols() {
        for resp in ["$-1\r\n", "*-1\r\n", "_\r\n"] {
            assert_eq!(optional(double)(parse(resp)).unwrap(), None, "{resp:?}");
        }
    }

    #[test]
    fn a_map_is_the_same_in_both_protocols_and_in_any_order() {
        for resp in ["%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n"] {
            let mut fields = Fields::read(parse(resp)).unwrap();
            assert_eq!(fields.get("B", integer).unwrap(), 2, "{resp:?}");
            assert_eq!(fields.get("a", integer).unwrap(), 1, "{resp:?}");
            let error = fields.get("c", integer).unwrap_err();
            assert!(error.to_string().contains("no field 'c'"), "{error}");
        }
        assert!(Fields::read(parse("*1\r\n:1\r\n")).is_err());
    }

    #[test]
    fn a_count_is_never_negative() {
        assert!(count(parse(":-1\r\n")).is_err());
        assert_eq!(count(parse("$2\r\n12\r\n")).unwrap(), 12);
    }

    #[test]
    fn an_error_within_a_reply_is_told() {
        let error = double(parse("-ERR broken\r\n")).unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }

    #[test]
    fn an_attribute_is_stripped() {
        assert_eq!(double(parse("|1\r\n+ttl\r\n:9\r\n,2.5\r\n")).unwrap(), 2.5);
    }

    #[test]
    fn an_error_names_the_field_and_the_element() {
        let error = Fields::read(parse("*2\r\n+x\r\n+y\r\n")).unwrap().get("x", double).unwrap_err();
        assert!(error.to_string().contains("field 'x'"), "{error}");
        let error = array_of(parse("*2\r\n:1\r\n+y\r\n"), integer).unwrap_err();
        assert!(error.to_string().contains("element 2"), "{error}");
    }
}
