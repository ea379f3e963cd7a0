//! What one server told: the lines of its INFO and the map of `LIQ.MEMORY`, read without knowing what they mean.

use std::collections::BTreeMap;

use redis::Value;

/// The fields of a `liq_key_policy_N` that are numbers, in the order in which they are told.
const POLICY_FIELDS: [&str; 7] = ["keys", "bytes", "no_ttl", "broken", "misses", "expired", "evicted"];

/// What one server told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Which node of a cluster; nothing for a server alone.
    pub node: Option<String>,
    /// The fields of INFO; none when it was refused.
    pub info: BTreeMap<String, String>,
    /// The fields of `LIQ.MEMORY` that are not null; none when it was refused.
    pub memory: BTreeMap<String, String>,
    /// What was refused, in the order of asking.
    pub refusals: Vec<String>,
}

impl Told {
    /// Reads a server's answers, refusals among them.
    pub fn read(memory: Option<Value>, node: Option<String>, info: Value) -> Self {
        let mut told = Self { node, ..Self::default() };
        match text_of(info) {
            Ok(text) => {
                let lines = text.lines().filter(|line| !line.starts_with('#'));
                let fields = lines.filter_map(|line| line.split_once(':'));
                told.info = fields.map(|(name, value)| (name.to_owned(), value.trim_end().to_owned())).collect();
                if !told.info.contains_key("liq_version") {
                    told.refusals.push("INFO: no section liq: the module is not loaded".to_owned());
                }
            }
            Err(refusal) => told.refusals.push(format!("INFO: {refusal}")),
        }
        match memory.map(pairs_of) {
            Some(Ok(fields)) => told.memory = fields,
            // Who has no module has said so.
            Some(Err(refusal)) if told.info.is_empty() || told.info.contains_key("liq_version") => {
                told.refusals.push(format!("LIQ.MEMORY: {refusal}"));
            }
            _ => {}
        }
        told
    }

    /// What was refused, and by whom.
    pub fn troubles(&self) -> impl Iterator<Item = String> {
        let place = self.node.as_ref().map_or_else(String::new, |node| format!("{node}: "));
        self.refusals.iter().map(move |refusal| format!("{place}{refusal}"))
    }

    /// Whether it follows another server.
    pub fn is_replica(&self) -> bool {
        self.info.get("role").is_some_and(|role| role == "slave")
    }

    /// A field of INFO as a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.info.get(name)?.parse().ok()
    }
}

/// The prefix of a policy's line, and its numbers by name. A prefix may hold commas, so it is read from the end; one that
/// ends as such a number would (`a,keys=1`) is taken for it.
pub fn policy(line: &str) -> Option<(&str, Vec<(&'static str, f64)>)> {
    let mut rest = line.strip_prefix("prefix=")?;
    let (mut numbers, mut names) = (Vec::new(), POLICY_FIELDS.iter().rev());
    while let Some((before, last)) = rest.rsplit_once(',') {
        let Some((name, value)) = last.split_once('=') else { break };
        let Some(name) = names.find(|known| **known == name) else { break };
        let Ok(value) = value.parse() else { break };
        numbers.push((*name, value));
        rest = before;
    }
    Some((rest, numbers))
}

/// Names with numbers, as in `liq_errors:liq.add=3,liq.pctl=1`.
pub fn counts(line: &str) -> impl Iterator<Item = (&str, f64)> {
    line.split(',').filter_map(|item| {
        let (name, value) = item.rsplit_once('=')?;
        Some((name, value.parse().ok()?))
    })
}

fn text_of(value: Value) -> Result<String, String> {
    match value.extract_error().map_err(|error| error.to_string())? {
        Value::BulkString(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => Ok(text),
        other => Err(format!("answered {other:?}")),
    }
}

/// A map of texts and numbers, in RESP3 or as the array of RESP2.
fn pairs_of(value: Value) -> Result<BTreeMap<String, String>, String> {
    let pairs: Vec<(Value, Value)> = match value.extract_error().map_err(|error| error.to_string())? {
        Value::Map(pairs) => pairs,
        Value::Array(items) => {
            let mut items = items.into_iter();
            std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect()
        }
        other => return Err(format!("answered {other:?}")),
    };
    let word = |value: Value| match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        value => text_of(value).ok(),
    };
    Ok(pairs.into_iter().filter_map(|(name, value)| Some((word(name)?, word(value)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_line_is_read_from_its_end() {
        let whole = "prefix=market:,keys=4,bytes=310,no_ttl=1,broken=0,misses=2,expired=3,evicted=0";
        let (prefix, numbers) = policy(whole).unwrap();
        assert_eq!((prefix, numbers.len()), ("market:", 7));
        assert!(numbers.contains(&("bytes", 310.0)) && numbers.contains(&("evicted", 0.0)));
        // Before the first audit, the empty prefix, and prefixes that look like something else.
        for (line, expected) in [
            ("prefix=,misses=0,expired=0,evicted=0", ""),
            ("prefix=a,b=1,misses=0,expired=0,evicted=0", "a,b=1"),
            ("prefix=a,misses=x,misses=0,expired=0,evicted=0", "a,misses=x"),
            ("prefix=keys=1,misses=0,expired=0,evicted=0", "keys=1"),
        ] {
            let (prefix, numbers) = policy(line).unwrap();
            assert_eq!((prefix, numbers.len()), (expected, 3), "{line}");
        }
        assert_eq!(policy("market:"), None);
    }

    #[test]
    fn what_is_refused_is_told_and_the_rest_is_read() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let info = "# Replication\r\nrole:slave\r\n# liq\r\nliq_version:0.1.0\r\nliq_adds:3\r\n";
        let memory = Value::Array(vec![bulk("ratio"), bulk("0.5"), bulk("since"), Value::Nil]);
        let told = Told::read(Some(memory), None, bulk(info));
        assert!(told.is_replica() && told.troubles().next().is_none());
        assert_eq!(told.number("liq_adds"), Some(3.0));
        assert_eq!(told.memory.into_iter().collect::<Vec<_>>(), [("ratio".to_owned(), "0.5".to_owned())]);
        let bare = Told::read(Some(Value::Nil), Some("a:1".to_owned()), bulk("role:master\r\n"));
        assert_eq!(bare.troubles().collect::<Vec<_>>(), ["a:1: INFO: no section liq: the module is not loaded"]);
    }
}
