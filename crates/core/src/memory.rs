//! How short memory is, and what follows from it: four modes, entered one after the other as memory fills and left with
//! some distance, so that a server at a threshold does not go to and fro.

/// How short memory is; the greater the shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mode {
    /// There is enough.
    #[default]
    Normal,
    /// From 70 %: raw tails of at most 1,024 events, sizes one step of precision coarser, no derived state but that of the
    /// filter.
    Compact,
    /// From 85 %: at most 256, and another step coarser.
    Aggregate,
    /// From 95 %: nothing new is made. What is there goes on.
    Critical,
}

/// From which ratio on a mode holds that is not the first, and below which it is left again; parts in a thousand.
const BOUNDS: [(u64, u64); 3] = [(700, 650), (850, 800), (950, 900)];

impl Mode {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Compact, Self::Aggregate, Self::Critical];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Compact => "compact",
            Self::Aggregate => "aggregate",
            Self::Critical => "critical",
        }
    }

    /// Its place among all.
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The mode of an index; the last one beyond.
    pub const fn from_index(index: u8) -> Self {
        match index {
            0 => Self::Normal,
            1 => Self::Compact,
            2 => Self::Aggregate,
            _ => Self::Critical,
        }
    }

    /// The next shorter one; the last stays.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::from_index(self.index() + 1)
    }

    /// The mode after this one when memory is used to `ratio`, in parts of a thousand of what there is.
    #[must_use]
    pub fn at(self, ratio: u64) -> Self {
        let is_in = |(mode, (from, below)): &(Self, (u64, u64))| ratio >= if *mode <= self { *below } else { *from };
        let beyond_first = Self::ALL.into_iter().skip(1).zip(BOUNDS);
        beyond_first.filter(is_in).map(|(mode, _)| mode).max().unwrap_or_default()
    }

    /// Whether series, markets and triggers may be made.
    pub const fn may_make_new(self) -> bool {
        !matches!(self, Self::Critical)
    }
}

/// Raw records in [`Resolution::Compact`], and …
const COMPACT_TAIL: u32 = 1024;
/// … in [`Resolution::Aggregate`].
const AGGREGATE_TAIL: u32 = 256;

/// How much detail a series or a market keeps; the lesser keeps more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Resolution {
    /// As much as its settings say.
    #[default]
    Full,
    /// At most 1,024 raw records, and what else its family gives up first.
    Compact,
    /// At most 256 raw records, and what else its family can do without.
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

    /// Most raw records where the settings allow `tail`.
    pub fn tail(self, tail: u32) -> u32 {
        match self {
            Self::Full => tail,
            Self::Compact => tail.min(COMPACT_TAIL),
            Self::Aggregate => tail.min(AGGREGATE_TAIL),
        }
    }
}

/// What a write did about detail: replicas do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// What is kept from now on.
    pub resolution: Resolution,
    /// Whether a step was taken towards it. Giving up detail takes many where there is much of it, so that none of them
    /// takes long.
    pub is_step: bool,
}

impl From<Resolution> for Detail {
    /// Nothing was done: it is as it was.
    fn from(resolution: Resolution) -> Self {
        Self { resolution, is_step: false }
    }
}

impl Detail {
    const STEP: u8 = 64;

    /// A byte of layouts; bit 7 is free.
    pub const fn code(self) -> u8 {
        self.resolution.index() | if self.is_step { Self::STEP } else { 0 }
    }

    /// What a byte says.
    pub fn from_code(code: u8) -> Option<Self> {
        let resolution = Resolution::from_index(code & !Self::STEP)?;
        Some(Self { resolution, is_step: code & Self::STEP != 0 })
    }
}

/// How short memory is, and what it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// The mode in force.
    pub mode: Mode,
    /// When it was entered, Unix milliseconds; `None` for no change since the module was loaded.
    pub since_ms: Option<u64>,
    /// Bytes of the module.
    pub used: u64,
    /// `liq.memory-budget`, or else the server's `maxmemory`; 0 for neither.
    pub budget: u64,
    /// Used of the budget, in thousandths; `None` without.
    pub ratio: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modes_are_entered_in_order_and_left_with_a_distance() {
        let mut mode = Mode::Normal;
        let rise = [(699, Mode::Normal), (700, Mode::Compact), (849, Mode::Compact), (850, Mode::Aggregate)];
        let peak = [(949, Mode::Aggregate), (950, Mode::Critical), (900, Mode::Critical), (899, Mode::Aggregate)];
        let fall = [(800, Mode::Aggregate), (799, Mode::Compact), (650, Mode::Compact), (649, Mode::Normal)];
        for (ratio, due) in rise.into_iter().chain(peak).chain(fall) {
            mode = mode.at(ratio);
            assert_eq!(mode, due, "at {ratio}");
        }
        assert_eq!(Mode::Normal.at(2_000), Mode::Critical, "a leap passes all of them");
        assert_eq!(Mode::Critical.at(0), Mode::Normal);
    }

    proptest! {
        #[test]
        fn a_ratio_that_stays_keeps_its_mode(before in 0_u8..4, ratio in 0_u64..1_200) {
            let mode = Mode::from_index(before).at(ratio);
            prop_assert_eq!(mode.at(ratio), mode);
            prop_assert_eq!(Mode::from_index(mode.index()), mode);
        }
    }
}
