//! How much memory keys take of which not all were measured.
//!
//! Measuring a key costs more than all else an audit does with it. Large keys decide the sum and are all measured; of the
//! others the first of a kind and every sixteenth, and from these a line is fitted of memory over length, by least
//! squares, which is then read at the lengths of the others.

/// Keys of this many bytes or elements, or more, are all measured.
pub const ALL_FROM: u64 = 4096;

/// So many of a kind are measured before sampling begins …
const FIRST: u64 = 64;
/// … and then one of so many.
const EVERY: u64 = 16;

/// The memory of one kind of keys: a type within a group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimate {
    /// Keys below [`ALL_FROM`] that were asked about, which decides who is measured next.
    small: u64,
    /// Keys measured.
    measured: u64,
    /// Their bytes.
    measured_bytes: u64,
    /// Keys not measured.
    others: u64,
    /// The sum of their lengths.
    others_len: f64,
    /// Of the small ones measured: how many, and the sums of x, y, x·x and x·y over their lengths x and bytes y.
    fit: [f64; 5],
}

impl Estimate {
    /// Whether the next key, of length `len`, is to be measured.
    pub const fn wants(&self, len: u64) -> bool {
        len >= ALL_FROM || self.small < FIRST || self.small.is_multiple_of(EVERY)
    }

    /// Counts a key of length `len` that takes `bytes`, where that was measured.
    pub fn add(&mut self, len: u64, bytes: Option<u64>) {
        let is_small = len < ALL_FROM;
        self.small += u64::from(is_small);
        let Some(bytes) = bytes else {
            self.others += 1;
            self.others_len += len as f64;
            return;
        };
        self.measured += 1;
        self.measured_bytes = self.measured_bytes.saturating_add(bytes);
        if is_small {
            let (x, y) = (len as f64, bytes as f64);
            let [n, sum_x, sum_y, sum_xx, sum_xy] = &mut self.fit;
            *n += 1.0;
            *sum_x += x;
            *sum_y += y;
            *sum_xx += x * x;
            *sum_xy += x * y;
        }
    }

    /// Bytes of `keys` keys whose lengths add up to `len`, by the line through those measured.
    fn line(&self, keys: f64, len: f64) -> f64 {
        let [n, sum_x, sum_y, sum_xx, sum_xy] = self.fit;
        if n == 0.0 {
            return len;
        }
        let spread = n * sum_xx - sum_x * sum_x;
        // All of one length: the line is level. Nor does a key take less for being longer.
        let slope = if spread > n * sum_xx * 1e-12 { ((n * sum_xy - sum_x * sum_y) / spread).max(0.0) } else { 0.0 };
        let base = (sum_y - slope * sum_x) / n;
        (base * keys + slope * len).max(0.0)
    }

    /// About the bytes of one key of length `len`, from what was measured so far.
    pub fn of_one(&self, len: u64) -> u64 {
        self.line(1.0, len as f64) as u64
    }

    /// About the bytes of all keys counted: what was measured, and the line for the others.
    pub fn bytes(&self) -> u64 {
        self.measured_bytes.saturating_add(self.line(self.others as f64, self.others_len) as u64)
    }

    /// How many keys were measured.
    pub const fn measured(&self) -> u64 {
        self.measured
    }
}
