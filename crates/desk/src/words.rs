//! How this crate writes numbers into texts that a server or a person reads.

use std::time::Duration;

/// A duration as the module's commands take it: the largest unit that says it exactly.
pub(crate) fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let exact = units.iter().find(|(length, _)| millis >= *length && millis.is_multiple_of(*length));
    exact.map_or_else(|| format!("{millis}ms"), |(length, unit)| format!("{}{unit}", millis / length))
}
