//! The streams in Redis: which there are, what they hold from an id on, what was lost, and what may be trimmed.

use redis::{Connection, Value, cmd};

use crate::Error;
use crate::id::Id;

/// Entries of one read: small enough to hold nobody up.
const AT_ONCE: usize = 1000;

/// An entry as Redis has it.
pub struct Entry {
    /// Its id.
    pub id: Id,
    /// Names and values, in their order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What Redis says of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stream {
    /// Entries it holds.
    pub length: u64,
    /// Entries that were ever added, where the server tells.
    pub added: Option<u64>,
    /// The greatest id that was ever given.
    pub last: Id,
    /// The greatest id that was ever deleted by XDEL.
    pub deleted: Id,
    /// The first entry; none when it is empty.
    pub first: Option<Id>,
}

/// The names of the streams that a list of names and patterns (`*`, `?`, `[…]`) means, each once.
pub fn names(connection: &mut Connection, patterns: &[String]) -> Result<Vec<Vec<u8>>, Error> {
    let mut names = Vec::new();
    for pattern in patterns {
        if !pattern.contains(['*', '?', '[']) {
            names.push(pattern.as_bytes().to_vec());
            continue;
        }
        // `x[1]` may be a name.
        if is_stream(cmd("TYPE").arg(pattern).query(connection))? {
            names.push(pattern.as_bytes().to_vec());
        }
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(1000).arg("TYPE").arg("stream");
            let (next, found): (Vec<u8>, Vec<Vec<u8>>) = scan.query(connection)?;
            names.extend(found);
            if next == b"0" {
                break;
            }
            cursor = next;
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Whether TYPE says so. A server that does not tell of a name (NOPERM, MOVED) is one where it is not to be read; one that
/// is busy just now would be passed over in silence.
fn is_stream(answer: redis::RedisResult<String>) -> Result<bool, Error> {
    match answer.map_err(Error::from) {
        Ok(of) => Ok(of == "stream"),
        Err(error) if error.is_of_all_streams() => Err(error),
        Err(_) => Ok(false),
    }
}

/// What Redis says of a stream; none when there is no such key.
pub fn describe(connection: &mut Connection, stream: &[u8]) -> Result<Option<Stream>, Error> {
    let answer = match cmd("XINFO").arg("STREAM").arg(stream).query::<Value>(connection) {
        Err(error) if error.to_string().contains("no such key") => return Ok(None),
        answer => answer?,
    };
    let unexpected = || Error::Unexpected("XINFO STREAM");
    let mut found = Stream::default();
    for (name, value) in answer.into_map_iter().map_err(|_| unexpected())? {
        let name: String = redis::from_redis_value(name).map_err(|_| unexpected())?;
        match (name.as_str(), value) {
            ("length", Value::Int(number)) => found.length = number.unsigned_abs(),
            ("entries-added", Value::Int(number)) => found.added = Some(number.unsigned_abs()),
            ("last-generated-id", value) => found.last = id(value)?,
            ("max-deleted-entry-id", value) => found.deleted = id(value)?,
            ("first-entry", Value::Array(entry)) => {
                found.first = entry.into_iter().next().map(id).transpose()?;
            }
            _ => {}
        }
    }
    Ok(Some(found))
}

/// Up to `count` entries behind `after`.
pub fn read(connection: &mut Connection, stream: &[u8], after: Id, count: usize) -> Result<Vec<Entry>, Error> {
    let Some(start) = after.next() else { return Ok(Vec::new()) };
    let answer: Value = cmd("XRANGE")
        .arg(stream)
        .arg(start.to_string())
        .arg("+")
        .arg("COUNT")
        .arg(count.min(AT_ONCE))
        .query(connection)?;
    let Value::Array(entries) = answer else { return Err(Error::Unexpected("XRANGE")) };
    entries.into_iter().map(entry).collect()
}

fn entry(value: Value) -> Result<Entry, Error> {
    let unexpected = || Error::Unexpected("XRANGE");
    let Value::Array(parts) = value else { return Err(unexpected()) };
    let [name, Value::Array(flat)] = <[Value; 2]>::try_from(parts).map_err(|_| unexpected())? else {
        return Err(unexpected());
    };
    let mut fields = Vec::with_capacity(flat.len() / 2);
    let mut values = flat.into_iter();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        let (Value::BulkString(name), Value::BulkString(value)) = (name, value) else { return Err(unexpected()) };
        fields.push((name, value));
    }
    Ok(Entry { id: id(name)?, fields })
}

fn id(value: Value) -> Result<Id, Error> {
    let text: String = redis::from_redis_value(value).map_err(|_| Error::Unexpected("an id"))?;
    text.parse().map_err(|()| Error::Unexpected("an id"))
}

/// The first id that must stay: nothing from `until` on, nothing younger than `keep_ms`, nothing that a group was not
/// given or has not acknowledged.
pub fn trimmable(connection: &mut Connection, stream: &[u8], until: Id, keep_ms: u64) -> Result<Id, Error> {
    let (seconds, micros): (u64, u64) = cmd("TIME").query(connection)?;
    let young = Id { ms: (seconds * 1000 + micros / 1000).saturating_sub(keep_ms), seq: 0 };
    let mut first = until.min(young);
    let groups: Vec<Value> = cmd("XINFO").arg("GROUPS").arg(stream).query(connection)?;
    for group in groups {
        let (mut name, mut delivered) = (Vec::<u8>::new(), Id::default());
        for (field, value) in group.into_map_iter().map_err(|_| Error::Unexpected("XINFO GROUPS"))? {
            let field: String = redis::from_redis_value(field).map_err(|_| Error::Unexpected("XINFO GROUPS"))?;
            match field.as_str() {
                "name" => name = redis::from_redis_value(value).map_err(|_| Error::Unexpected("XINFO GROUPS"))?,
                "last-delivered-id" => delivered = id(value)?,
                _ => {}
            }
        }
        first = first.min(delivered.next().unwrap_or(delivered));
        let pending: Vec<Vec<Value>> =
            cmd("XPENDING").arg(stream).arg(&name).arg("-").arg("+").arg(1).query(connection)?;
        if let Some(oldest) = pending.into_iter().next().and_then(|entry| entry.into_iter().next()) {
            first = first.min(id(oldest)?);
        }
    }
    Ok(first)
}

/// Trims what is before `first`; answers how many entries that were.
pub fn trim(connection: &mut Connection, stream: &[u8], first: Id) -> Result<u64, Error> {
    Ok(cmd("XTRIM").arg(stream).arg("MINID").arg(first.to_string()).query(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: &str) -> Option<bool> {
        let value = redis::parse_redis_value(answer.as_bytes()).and_then(Value::extract_error);
        is_stream(value.and_then(|value| Ok(redis::from_redis_value(value)?))).ok()
    }

    #[test]
    fn a_name_like_a_pattern_is_left_out_only_where_it_is_not_to_be_read() {
        assert_eq!(told("+stream\r\n"), Some(true));
        for answer in ["+none\r\n", "+string\r\n", "-NOPERM No permissions\r\n", "-MOVED 1 127.0.0.1:7000\r\n"] {
            assert_eq!(told(answer), Some(false), "{answer}");
        }
        for refusal in ["-BUSY Redis is busy running a script.\r\n", "-LOADING Redis is loading\r\n"] {
            assert_eq!(told(refusal), None, "{refusal}");
        }
    }
}
