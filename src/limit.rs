//! Parameters that are a number: durations and counts within a range.

use std::ffi::CStr;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use liq_core::grammar::{bytes, duration_ms, format_bytes, format_duration, integer};

use crate::ffi::Parameter;

/// A number that commands read and CONFIG SET changes.
pub struct Limit {
    name: &'static CStr,
    unit: Unit,
    range: RangeInclusive<u64>,
    value: AtomicU64,
}

/// How a limit is written.
#[derive(Clone, Copy)]
pub enum Unit {
    /// Milliseconds inside, a duration with its unit outside.
    Duration,
    /// A plain integer.
    Count,
    /// Bytes inside, an amount of memory outside; 0 is none.
    Memory,
}

impl Limit {
    /// `default`, to be changed within `range`.
    pub const fn new(name: &'static CStr, unit: Unit, range: RangeInclusive<u64>, default: u64) -> Self {
        Self { name, unit, range, value: AtomicU64::new(default) }
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

impl Parameter for Limit {
    fn name(&self) -> &'static CStr {
        self.name
    }

    fn show(&self) -> String {
        match self.unit {
            Unit::Duration => format_duration(self.get()),
            Unit::Count => self.get().to_string(),
            Unit::Memory => format_bytes(self.get()),
        }
    }

    fn take(&self, text: &[u8]) -> Result<(), String> {
        let value = match self.unit {
            Unit::Duration => duration_ms("value", text, self.range.clone()),
            Unit::Count => {
                let (low, high) = (self.range.start().cast_signed(), self.range.end().cast_signed());
                integer("value", text, low..=high).map(i64::cast_unsigned)
            }
            Unit::Memory if text == b"0" && *self.range.start() == 0 => Ok(0),
            Unit::Memory => bytes("value", text),
        };
        self.value.store(value.map_err(|error| error.to_string())?, Ordering::Relaxed);
        Ok(())
    }
}
