//! Reading replies: the same value from RESP2 and RESP3. Knows no command, only shapes.
//!
//! RESP2 flattens maps into arrays, and writes doubles as bulk strings, booleans as 0 and 1, null as nil.

use liq_core::wire::{Fields, Malformed, Source};
use redis::Value;

/// The result of reading a part of a reply.
type Read<T> = Result<T, Malformed>;

/// A value as redis-rs delivers it.
pub(crate) struct Delivered(Value);

impl Delivered {
    /// Strips what RESP3 may wrap around a value.
    pub(crate) fn of(mut value: Value) -> Self {
        while let Value::Attribute { data, .. } = value {
            value = *data;
        }
        Self(value)
    }

    #[cold]
    fn unexpected(&self, wanted: &str) -> Malformed {
        const SHOWN_CHARACTERS: usize = 80;
        if let Value::ServerError(error) = &self.0 {
            return Malformed::new(format!("the server reported: {error}"));
        }
        let shown: String = format!("{:?}", self.0).chars().take(SHOWN_CHARACTERS).collect();
        Malformed::new(format!("expected {wanted}, got {shown}"))
    }

    fn parsed<T: std::str::FromStr>(&self) -> Option<T> {
        bytes_of(&self.0).and_then(|bytes| std::str::from_utf8(bytes).ok())?.parse().ok()
    }
}

impl Source for Delivered {
    type Fields = Entries;

    fn is_null(&self) -> bool {
        self.0 == Value::Nil
    }

    fn fields(self) -> Read<Entries> {
        match self.0 {
            Value::Map(entries) => Ok(Entries { held: Held::Map(entries), next: 0 }),
            Value::Array(items) if items.len().is_multiple_of(2) => Ok(Entries { held: Held::Flat(items), next: 0 }),
            other => Err(Self(other).unexpected("a map")),
        }
    }

    fn items(self) -> Read<Vec<Self>> {
        match self.0 {
            Value::Array(items) | Value::Set(items) => Ok(items.into_iter().map(Self::of).collect()),
            other => Err(Self(other).unexpected("an array")),
        }
    }

    fn bytes(self) -> Read<Vec<u8>> {
        match self.0 {
            Value::BulkString(bytes) => Ok(bytes),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text.into_bytes()),
            Value::Okay => Ok(b"OK".to_vec()),
            other => Err(Self(other).unexpected("text")),
        }
    }

    fn integer(self) -> Read<i64> {
        let number = if let Value::Int(number) = self.0 { Some(number) } else { self.parsed() };
        number.ok_or_else(|| self.unexpected("an integer"))
    }

    fn double(self) -> Read<f64> {
        let number = match self.0 {
            Value::Double(number) => Some(number),
            // Whole numbers up to 2^53 are exact; the module writes doubles as doubles, so this is only for proxies.
            Value::Int(number) => Some(number as f64),
            _ => self.parsed(),
        };
        number.filter(|number: &f64| number.is_finite()).ok_or_else(|| self.unexpected("a finite number"))
    }

    fn boolean(self) -> Read<bool> {
        match (&self.0, bytes_of(&self.0)) {
            (Value::Boolean(flag), _) => Ok(*flag),
            (Value::Int(0), _) | (_, Some(b"0" | b"no")) => Ok(false),
            (Value::Int(1), _) | (_, Some(b"1" | b"yes")) => Ok(true),
            _ => Err(self.unexpected("a boolean")),
        }
    }
}

/// The entries of a map reply.
pub(crate) struct Entries {
    held: Held,
    /// Where the next field is expected: replies keep their order, so the search nearly always ends at once.
    next: usize,
}

/// As the protocol delivered them: hot replies are read where they lie.
enum Held {
    Map(Vec<(Value, Value)>),
    /// Names and values in turn.
    Flat(Vec<Value>),
}

impl Held {
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

impl Fields for Entries {
    type Value = Delivered;

    /// Names are compared without regard to case.
    fn take(&mut self, name: &str) -> Option<Delivered> {
        let count = self.held.len();
        let order = (self.next..count).chain(0..self.next.min(count));
        for place in order {
            let (field, value) = self.held.get_mut(place)?;
            if bytes_of(field).is_some_and(|bytes| bytes.eq_ignore_ascii_case(name.as_bytes())) {
                self.next = place + 1;
                return Some(Delivered::of(std::mem::take(value)));
            }
        }
        None
    }

    fn into_named(self) -> Vec<(Delivered, Delivered)> {
        let entry = |(name, value)| (Delivered::of(name), Delivered::of(value));
        match self.held {
            Held::Map(entries) => entries.into_iter().map(entry).collect(),
            Held::Flat(items) => in_pairs(items).into_iter().map(entry).collect(),
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

fn bytes_of(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.as_bytes()),
        Value::Okay => Some(b"OK"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn parse(resp: &str) -> Delivered {
        Delivered::of(redis::parse_redis_value(resp.as_bytes()).unwrap())
    }

    #[test]
    fn a_double_is_the_same_in_both_protocols() {
        for resp in ["$3\r\n1.5\r\n", ",1.5\r\n", "+1.5\r\n"] {
            assert_eq!(parse(resp).double(), Ok(1.5), "{resp:?}");
        }
        assert_eq!(parse(":3\r\n").double(), Ok(3.0));
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        for resp in ["$3\r\nnan\r\n", ",inf\r\n", "$0\r\n\r\n", "$2\r\n1x\r\n", "$-1\r\n", "*0\r\n", "#t\r\n"] {
            assert!(parse(resp).double().is_err(), "{resp:?}");
        }
    }

    #[test]
    fn a_boolean_is_the_same_in_both_protocols() {
        for (resp, expected) in [(":1\r\n", true), ("#t\r\n", true), (":0\r\n", false), ("#f\r\n", false)] {
            assert_eq!(parse(resp).boolean(), Ok(expected), "{resp:?}");
        }
        assert!(parse(":2\r\n").boolean().is_err());
    }

    #[test]
    fn null_is_the_same_in_both_protocols() {
        for resp in ["$-1\r\n", "*-1\r\n", "_\r\n"] {
            assert!(parse(resp).is_null(), "{resp:?}");
        }
    }

    #[test]
    fn a_map_is_the_same_in_both_protocols_and_in_any_order() {
        for resp in ["%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n"] {
            let mut fields = parse(resp).fields().unwrap();
            assert_eq!(fields.read::<i64>("B"), Ok(2), "{resp:?}");
            assert_eq!(fields.read::<i64>("a"), Ok(1), "{resp:?}");
            let error = fields.read::<i64>("c").unwrap_err();
            assert!(error.to_string().contains("no field 'c'"), "{error}");
        }
        assert!(parse("*1\r\n:1\r\n").fields().is_err());
    }

    #[test]
    fn a_count_is_never_negative() {
        assert!(parse(":-1\r\n").count().is_err());
        assert_eq!(parse("$2\r\n12\r\n").count(), Ok(12));
    }

    #[test]
    fn an_error_within_a_reply_is_told() {
        let error = parse("-ERR broken\r\n").double().unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }

    #[test]
    fn an_attribute_is_stripped() {
        assert_eq!(parse("|1\r\n+ttl\r\n:9\r\n,2.5\r\n").double(), Ok(2.5));
    }

    #[test]
    fn an_error_names_the_field_and_the_element() {
        let error = parse("*2\r\n+x\r\n+y\r\n").fields().unwrap().read::<f64>("x").unwrap_err();
        assert!(error.to_string().contains("field 'x'"), "{error}");
        let error = <Vec<i64> as liq_core::wire::Decode>::decode(parse("*2\r\n:1\r\n+y\r\n")).unwrap_err();
        assert!(error.to_string().contains("element 2"), "{error}");
    }
}
