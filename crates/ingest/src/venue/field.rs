//! Reading fields of JSON frames, where numbers come as numbers or as strings.

use liq_core::grammar::Decimal;
use serde_json::Value;

use crate::event::Reject;

/// Prices and quantities of any size that a double holds; the module's ranges are checked on the event.
const ANY: std::ops::RangeInclusive<f64> = -1e300..=1e300;

/// A finite decimal number out of text.
pub fn decimal(text: &[u8]) -> Result<f64, Reject> {
    liq_core::grammar::real("number", text, &ANY).map_err(|_| Reject::BadNumber)
}

/// The text of a field.
pub fn text<'a>(item: &'a Value, name: &str) -> Result<&'a str, Reject> {
    item.get(name).and_then(Value::as_str).ok_or(Reject::MissingField)
}

/// The number in a field, written as a number or as a string.
pub fn number(item: &Value, name: &str) -> Result<f64, Reject> {
    item.get(name).map_or(Err(Reject::MissingField), number_of)
}

/// The number that a value is, or that its string says.
pub fn number_of(value: &Value) -> Result<f64, Reject> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()).ok_or(Reject::BadNumber),
        Value::String(text) => decimal(text.as_bytes()),
        Value::Null => Err(Reject::MissingField),
        _ => Err(Reject::BadNumber),
    }
}

/// The decimal in a field, exactly as its text says.
pub fn exact(item: &Value, name: &str) -> Result<Decimal, Reject> {
    match item.get(name) {
        Some(Value::String(text)) => Decimal::parse(text.as_bytes()).map_err(|_| Reject::BadNumber),
        // The shortest text that means the same number is what was written, up to 17 digits.
        Some(Value::Number(number)) => Decimal::parse(number.to_string().as_bytes()).map_err(|_| Reject::BadNumber),
        None | Some(Value::Null) => Err(Reject::MissingField),
        Some(_) => Err(Reject::BadNumber),
    }
}

/// The decimal in a field; nothing when the field is absent or null, and 0 when it is empty.
pub fn exact_if_told(item: &Value, name: &str) -> Result<Option<Decimal>, Reject> {
    match item.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(Some(Decimal::ZERO)),
        Some(_) => exact(item, name).map(Some),
    }
}

/// The integer in a field, written as a number or as a string.
pub fn whole(item: &Value, name: &str) -> Result<u64, Reject> {
    let value = item.get(name).ok_or(Reject::MissingField)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).ok_or(Reject::BadNumber)
}

/// A positive number, or nothing when the field is absent, null, empty or zero.
pub fn positive(item: &Value, name: &str) -> Result<Option<f64>, Reject> {
    match item.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => number_of(value).map(|number| (number > 0.0).then_some(number)),
    }
}

/// Unix milliseconds in a field; a fraction of a millisecond is dropped.
pub fn time_ms(item: &Value, name: &str) -> Result<u64, Reject> {
    match number(item, name) {
        Ok(ms) => whole_ms(ms),
        Err(_) => Err(Reject::NoTime),
    }
}

/// Whole milliseconds within what the module takes.
pub fn whole_ms(ms: f64) -> Result<u64, Reject> {
    let in_range = ms >= 1.0 && ms <= liq_core::grammar::MAX_TIMESTAMP_MS as f64;
    if in_range { Ok(ms as u64) } else { Err(Reject::NoTime) }
}

/// The elements of an array; anything else has none.
pub fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
