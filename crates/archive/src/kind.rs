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

/// What a candle that closed says. What the venue did not tell is empty: text of no length, or among the rest.
const CLOSES: &[Column] = &[
    column("event", Type::Text),
    column("symbol", Type::Text),
    column("key", Type::Text),
    column("interval", Type::Text),
    column("start", Type::Integer),
    column("open", Type::Text),
    column("high", Type::Text),
    column("low", Type::Text),
    column("close", Type::Text),
    column("volume", Type::Text),
    column("end", Type::Integer),
    column("quote_volume", Type::Text),
    column("trades", Type::Integer),
    column("taker_volume", Type::Text),
    column("taker_quote_volume", Type::Text),
    column("state", Type::Text),
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

/// Byte strings one behind the other in one buffer: an allocation for each took longer than reading them from Redis.
#[derive(Debug, Default)]
pub struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    /// The buffer, and where each of its strings ends.
    pub fn into_parts(self) -> (Vec<u8>, Vec<usize>) {
        (self.bytes, self.ends)
    }
}

/// The values of a column.
#[derive(Debug)]
pub enum Values {
    /// 64-bit integers.
    Integers(Vec<i64>),
    /// Doubles.
    Doubles(Vec<f64>),
    /// Text, or bytes as they are.
    Strings(Strings),
}

/// A column: the values that are there, and of each row whether one is (1) or not (0).
#[derive(Debug)]
pub struct Cells {
    /// Of each row.
    pub levels: Vec<i16>,
    /// Of the rows that have one.
    pub values: Values,
}

impl Cells {
    fn new(of: Type) -> Self {
        let values = match of {
            Type::Integer => Values::Integers(Vec::new()),
            Type::Double => Values::Doubles(Vec::new()),
            Type::Text | Type::Bytes => Values::Strings(Strings::default()),
        };
        Self { levels: Vec::new(), values }
    }

    /// Puts a value into the row, which is the last: unless the column has one there, or cannot hold it.
    fn put(&mut self, row: usize, of: Type, value: &[u8]) -> bool {
        let is_taken = self.levels.len() > row;
        let is_put = !is_taken
            && match (&mut self.values, of) {
                (Values::Integers(values), _) => integer(value).map(|number| values.push(number)).is_some(),
                (Values::Doubles(values), _) => double(value).map(|number| values.push(number)).is_some(),
                (Values::Strings(_), Type::Text) if std::str::from_utf8(value).is_err() => false,
                (Values::Strings(values), _) => {
                    values.push(value);
                    true
                }
            };
        if is_put {
            self.levels.push(1);
        }
        is_put
    }
}

/// Entries, ready to be written: column by column.
#[derive(Debug)]
pub struct Rows {
    columns: &'static [Column],
    /// Their ids.
    pub ids: Vec<Id>,
    /// Of each known column.
    pub cells: Vec<Cells>,
    /// The other fields as a JSON object; none when there are none.
    pub rest: Cells,
}

impl Rows {
    /// None yet, of a stream with these columns.
    pub fn new(columns: &'static [Column]) -> Self {
        let cells = columns.iter().map(|column| Cells::new(column.of)).collect();
        Self { columns, ids: Vec::new(), cells, rest: Cells::new(Type::Text) }
    }

    /// Puts an entry's fields into their columns.
    pub fn push(&mut self, id: Id, fields: &[(Vec<u8>, Vec<u8>)]) {
        let row = self.ids.len();
        let mut rest = Map::new();
        // Fields come in the order of their columns, mostly.
        let mut likely = 0;
        for (name, value) in fields {
            let is_of = |column: &Column| column.name.as_bytes() == name;
            let place = match self.columns.get(likely) {
                Some(column) if is_of(column) => Some(likely),
                _ => self.columns.iter().position(is_of),
            };
            let column = place.and_then(|place| Some((self.cells.get_mut(place)?, self.columns.get(place)?.of)));
            likely = place.map_or(likely, |place| place + 1);
            // A name may stand twice in an entry: the second goes to the rest.
            if !column.is_some_and(|(cells, of)| cells.put(row, of, value)) {
                put(&mut rest, name, value);
            }
        }
        if !rest.is_empty() {
            self.rest.put(row, Type::Text, Value::Object(rest).to_string().as_bytes());
        }
        for cells in self.cells.iter_mut().chain([&mut self.rest]) {
            cells.levels.resize(row + 1, 0);
        }
        self.ids.push(id);
    }
}

/// The integer, if writing it gives the same text.
fn integer(value: &[u8]) -> Option<i64> {
    let number = std::str::from_utf8(value).ok()?.parse::<i64>().ok()?;
    let is_canonical = match value {
        [b'0'] => true,
        [b'-', b'0', ..] | [b'+' | b'0', ..] => false,
        _ => true,
    };
    is_canonical.then_some(number)
}

fn double(value: &[u8]) -> Option<f64> {
    std::str::from_utf8(value).ok()?.parse::<f64>().ok().filter(|number| number.is_finite())
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

    fn of(stream: &str, fields: &[(&[u8], &[u8])]) -> Rows {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let mut rows = Rows::new(columns(stream.as_bytes()));
        rows.push(Id { ms: 1, seq: 1 }, &[]);
        rows.push(Id { ms: 1, seq: 2 }, &fields);
        rows
    }

    fn rest(rows: &Rows) -> Option<&str> {
        let Values::Strings(strings) = &rows.rest.values else { return None };
        assert_eq!(rows.rest.levels, [0, i16::from(!strings.ends.is_empty())]);
        (!strings.ends.is_empty()).then(|| std::str::from_utf8(&strings.bytes).unwrap())
    }

    #[test]
    fn known_fields_have_columns_and_nothing_is_lost() {
        let signal = of("signals:{BTCUSDT}", &[(b"price", b"91200"), (b"new", b"1"), (b"timestamp", b"soon")]);
        let price = signal.cells.iter().find(|cells| cells.levels == [0, 1]).unwrap();
        assert!(matches!(&price.values, Values::Doubles(values) if *values == [91200.0]));
        assert_eq!(rest(&signal), Some(r#"{"new":"1","timestamp":"soon"}"#));
        let other = of("anything", &[(b"a", b"1"), (b"a", b"2"), (b"a", b"3"), (b"\xff", b"\xfe")]);
        assert_eq!(rest(&other), Some(r#"{"a":["1","2","3"],"base64:/w==":{"base64":"/g=="}}"#));
        assert_eq!(rest(&of("signals:x", &[])), None);
        let twice = of("signals:x", &[(b"side", b"buy"), (b"side", b"sell"), (b"symbol", b"\xff")]);
        assert_eq!(rest(&twice), Some(r#"{"side":"sell","symbol":{"base64":"/w=="}}"#));
    }

    #[test]
    fn a_number_that_would_read_otherwise_stays_text() {
        for text in [b"007".as_slice(), b"+7", b"-0", b"-07", b"9223372036854775808", b""] {
            assert!(rest(&of("signals:x", &[(b"timestamp", text)])).is_some());
        }
        for text in [b"0".as_slice(), b"-7", b"-9223372036854775808", b"10"] {
            assert!(rest(&of("signals:x", &[(b"timestamp", text)])).is_none());
        }
        for text in [b"inf".as_slice(), b"NaN", b"1e999", b"0x10"] {
            assert!(rest(&of("signals:x", &[(b"price", text)])).is_some());
        }
        let fire = of("fires:x", &[(b"level", b"42150.50")]);
        let level = fire.cells.iter().find(|cells| cells.levels == [0, 1]).unwrap();
        assert!(
            matches!(&level.values, Values::Strings(texts) if texts.bytes == b"42150.50"),
            "decimals stay as they are"
        );
    }

    #[test]
    fn a_queues_dead_letters_are_known() {
        assert_eq!(columns(b"{q:orders}:dead"), DEAD);
        assert!(columns(b"{q:orders}:p0").is_empty());
    }
}
