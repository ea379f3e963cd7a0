//! What the module answered to the events of a batch.

use redis::Value;

/// The counts that `LIQ.MADDPACK`, `TICK.MADD` and `CANDLE.PUT` answer, in no particular order.
pub const FIELDS: [&str; 19] = [
    "accepted",
    "filtered",
    "small",
    "duplicate",
    "late",
    "future",
    "void",
    "suspect",
    "amended",
    "merged",
    "inserted",
    "replaced",
    "same",
    "covered",
    "open",
    "signals",
    "closed",
    "fired",
    "removed",
];
/// Those of them that count what events led to, not events.
const CONSEQUENCES: [&str; 4] = ["signals", "closed", "fired", "removed"];

/// One count for each field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; FIELDS.len()]);

impl Counts {
    /// Reads a map, or the flat array that RESP2 has in its place; fields that are not known are ignored.
    pub fn decode(reply: &Value) -> Option<Self> {
        let mut counts = Self::default();
        match reply {
            Value::Map(pairs) => pairs.iter().for_each(|(name, value)| counts.take(name, value)),
            Value::Array(flat) if !flat.is_empty() && flat.len().is_multiple_of(2) => {
                for pair in flat.chunks_exact(2) {
                    if let [name, value] = pair {
                        counts.take(name, value);
                    }
                }
            }
            _ => return None,
        }
        Some(counts)
    }

    fn take(&mut self, name: &Value, value: &Value) {
        let name = match name {
            Value::BulkString(bytes) => bytes.as_slice(),
            Value::SimpleString(text) => text.as_bytes(),
            _ => return,
        };
        let place = FIELDS.iter().position(|field| field.as_bytes() == name);
        if let (Some(slot), Value::Int(count)) = (place.and_then(|place| self.0.get_mut(place)), value) {
            *slot = (*count).max(0) as u64;
        }
    }

    /// The count of one field.
    pub fn get(&self, field: &str) -> u64 {
        let place = FIELDS.iter().position(|name| *name == field);
        place.and_then(|place| self.0.get(place)).copied().unwrap_or_default()
    }

    /// Events of all statuses.
    pub fn events(&self) -> u64 {
        Self::statuses().map(|status| self.get(status)).sum()
    }

    /// The fields that are statuses of events, each event having one.
    pub fn statuses() -> impl Iterator<Item = &'static str> {
        FIELDS.into_iter().filter(|field| !CONSEQUENCES.contains(field))
    }

    /// Every field with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        FIELDS.into_iter().zip(self.0)
    }

    /// Adds another batch's.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_are_read() {
        let name = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let flat = Value::Array(vec![
            name("accepted"),
            Value::Int(3),
            name("new"),
            Value::Int(9),
            name("late"),
            Value::Int(1),
        ]);
        let map = Value::Map(vec![(name("late"), Value::Int(1)), (name("accepted"), Value::Int(3))]);
        let (flat, map) = (Counts::decode(&flat).unwrap(), Counts::decode(&map).unwrap());
        assert_eq!((flat, flat.get("accepted"), flat.get("late")), (map, 3, 1));
        assert_eq!(Counts::decode(&Value::Int(1)), None);
    }
}
