//! How much detail a series keeps while memory is short. Events are never given up: what goes is how many of them are
//! raw, and how finely sizes are told apart.

use super::Options;
use crate::memory::Mode;

/// Raw events in [`Resolution::Compact`], and …
const COMPACT_TAIL: u32 = 1024;
/// … in [`Resolution::Aggregate`].
const AGGREGATE_TAIL: u32 = 256;
/// No mode makes a series coarser than this; settings do not either.
const COARSEST_PRECISION: u8 = 4;

/// How much detail a series keeps; the lesser keeps more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Resolution {
    /// As much as its settings say.
    #[default]
    Full,
    /// At most 1,024 raw events, sizes one step of precision coarser.
    Compact,
    /// At most 256 raw events, sizes two steps coarser.
    Aggregate,
}

impl From<Mode> for Resolution {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Normal => Self::Full,
            Mode::Compact => Self::Compact,
            Mode::Aggregate | Mode::Critical => Self::Aggregate,
        }
    }
}

impl Resolution {
    /// All of them, by [index](Self::index).
    pub const ALL: [Self; 3] = [Self::Full, Self::Compact, Self::Aggregate];

    /// Its place in layouts.
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The resolution of an index.
    pub fn from_index(index: u8) -> Option<Self> {
        Self::ALL.get(usize::from(index)).copied()
    }

    /// Most raw events of a series with these settings.
    pub fn tail(self, options: &Options) -> u32 {
        match self {
            Self::Full => options.tail,
            Self::Compact => options.tail.min(COMPACT_TAIL),
            Self::Aggregate => options.tail.min(AGGREGATE_TAIL),
        }
    }

    /// Mantissa bits by which a series with these settings tells sizes apart.
    pub fn precision(self, options: &Options) -> u8 {
        options.precision.saturating_sub(self.index()).max(COARSEST_PRECISION)
    }
}
