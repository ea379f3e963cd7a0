//! The columns of an entry: its id, the fields of the streams that are known, and everything else as JSON, so that a new
//! field loses nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::id::Id;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// 64-bit integers.
    Integer,
    /// Doubles.
    Double,
    /// Text in UTF-8. Decimals of the market family are text: nothing is rounded.
    Text,
    /// Bytes.
    Bytes,
}

/// A field that has a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The field's name, which is the column's.
    pub name: &'static str,
    /// What it holds.
    pub of: Type,
}

const fn column(name: &'static str, of: Type) -> Column {
    Column { name, of }
}

/// What a liquidation far from the VWAP says.
const SIGNALS: &[Column] = &[
    column("symbol", Type::Text),
    column("key", Type::Text),
    column("side", Type::Text),
    column("entry_reason", Type::Text),
    column("vwap", Type::Double),
    column("vwap_deviation", Type::Double),
    column("liquidation_size", Type::Double),
    column("price", Type::Double),
    column("timestamp", Type::Integer),
    column("exchange", Type::Text),
];

/// What a trigger that was reached says.
const FIRES: &[Column] = &[
    column("fire", Type::Text),
    column("id", Type::Text),
    column("arming", Type::Text),
    column("symbol", Type::Text),
    column("key", Type::Text),
    column("side", Type::Text),
    column("cause", Type::Text),
    column("level", Type::Text),
    column("price", Type::Text),
    column("by", Type::Text),
    column("timestamp", Type::Integer),
    column("tick", Type::Text),
    column("extreme", Type::Text),
    column("armed_at", Type::Integer),
    column("payload", Type::Text),
];

/// What a candle that closed says; its figures are among the rest, as text.
const CLOSES: &[Column] = &[
    column("event", Type::Text),
    column("symbol", Type::Text),
    column("key", Type::Text),
    column("interval", Type::Text),
];

/// A buried job of a queue.
const DEAD: &[Column] = &[
    column("i", Type::Text),
    column("a", Type::Integer),
    column("t", Type::Integer),
    column("p", Type::Integer),
    column("r", Type::Text),
    column("b", Type::Bytes),
];

/// The columns of the stream with this name.
pub fn columns(stream: &[u8]) -> &'static [Column] {
    let is_dead = stream.starts_with(b"{q:") && stream.ends_with(b":dead");
    match stream.split(|byte| *byte == b':').next() {
        _ if is_dead => DEAD,
        Some(b"signals") => SIGNALS,
        Some(b"fires") => FIRES,
        Some(b"closes") => CLOSES,
        _ => &[],
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No such field, or one that is not what its column holds: then it is among the rest.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A double.
    Double(f64),
    /// Text, or bytes as they are.
    Bytes(Vec<u8>),
}

/// One entry, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: Id,
    /// A cell for each known column.
    pub cells: Vec<Cell>,
    /// The other fields as a JSON object; none when there are none.
    pub rest: Option<String>,
}

/// Puts an entry's fields into their columns.
pub fn row(id: Id, fields: Vec<(Vec<u8>, Vec<u8>)>, columns: &[Column]) -> Row {
    let mut cells = vec![Cell::Null; columns.len()];
    let mut rest = Map::new();
    for (name, value) in fields {
        let place = columns.iter().position(|column| column.name.as_bytes() == name);
        let cell = place.and_then(|place| Some((cells.get_mut(place)?, columns.get(place)?.of)));
        match cell {
            // A name may stand twice in an entry: the second goes to the rest.
            Some((cell @ Cell::Null, of)) => match parse(&value, of) {
                Some(parsed) => *cell = parsed,
                None => put(&mut rest, &name, &value),
            },
            _ => put(&mut rest, &name, &value),
        }
    }
    let rest = (!rest.is_empty()).then(|| Value::Object(rest).to_string());
    Row { id, cells, rest }
}

/// The value as its column holds it, if writing it back gives the same text.
fn parse(value: &[u8], of: Type) -> Option<Cell> {
    let text = std::str::from_utf8(value);
    match of {
        Type::Bytes => Some(Cell::Bytes(value.to_vec())),
        Type::Text => text.ok().map(|_| Cell::Bytes(value.to_vec())),
        Type::Integer => {
            let number = text.ok()?.parse::<i64>().ok()?;
            (number.to_string().as_bytes() == value).then_some(Cell::Integer(number))
        }
        Type::Double => {
            let number = text.ok()?.parse::<f64>().ok()?;
            number.is_finite().then_some(Cell::Double(number))
        }
    }
}

fn put(rest: &mut Map<String, Value>, name: &[u8], value: &[u8]) {
    let name = match std::str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("base64:{}", STANDARD.encode(name)),
    };
    let value = match std::str::from_utf8(value) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => serde_json::json!({ "base64": STANDARD.encode(value) }),
    };
    match rest.get_mut(&name) {
        None => drop(rest.insert(name, value)),
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may stop")]
mod tests {
    use super::*;

    fn of(stream: &str, fields: &[(&[u8], &[u8])]) -> Row {
        let fields = fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        row(Id { ms: 1, seq: 2 }, fields, columns(stream.as_bytes()))
    }

    #[test]
    fn known_fields_have_columns_and_nothing_is_lost() {
        let signal = of("signals:{BTCUSDT}", &[(b"price", b"91200"), (b"new", b"1"), (b"timestamp", b"soon")]);
        assert!(signal.cells.contains(&Cell::Double(91200.0)));
        assert_eq!(signal.rest.as_deref(), Some(r#"{"new":"1","timestamp":"soon"}"#));
        let other = of("anything", &[(b"a", b"1"), (b"a", b"2"), (b"a", b"3"), (b"\xff", b"\xfe")]);
        assert_eq!(other.rest.as_deref(), Some(r#"{"a":["1","2","3"],"base64:/w==":{"base64":"/g=="}}"#));
        assert!(of("signals:x", &[]).rest.is_none());
    }

    #[test]
    fn a_number_that_would_read_otherwise_stays_text() {
        for text in [b"007".as_slice(), b"+7", b"9223372036854775808", b""] {
            assert!(of("signals:x", &[(b"timestamp", text)]).rest.is_some());
        }
        for text in [b"inf".as_slice(), b"NaN", b"1e999", b"0x10"] {
            assert!(of("signals:x", &[(b"price", text)]).rest.is_some());
        }
        let fire = of("fires:x", &[(b"level", b"42150.50")]);
        assert!(fire.cells.contains(&Cell::Bytes(b"42150.50".to_vec())), "decimals stay as they are");
    }

    #[test]
    fn a_queues_dead_letters_are_known() {
        assert_eq!(columns(b"{q:orders}:dead"), DEAD);
        assert!(columns(b"{q:orders}:p0").is_empty());
    }
}
