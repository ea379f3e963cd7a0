//! Lengths of time in the classes that a report counts them in.

/// A class of lengths of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// Below a minute.
    Minute,
    /// Below an hour.
    Hour,
    /// Below a day.
    Day,
    /// Below seven days.
    Week,
    /// Seven days and longer.
    More,
    /// No length at all: no expiry, or a time the server does not know.
    None,
}

/// Every class, in order.
pub const SPANS: [Span; 6] = [Span::Minute, Span::Hour, Span::Day, Span::Week, Span::More, Span::None];

impl Span {
    /// The class of `ms`.
    pub const fn of(ms: Option<u64>) -> Self {
        match ms {
            None => Self::None,
            Some(0..60_000) => Self::Minute,
            Some(60_000..3_600_000) => Self::Hour,
            Some(3_600_000..86_400_000) => Self::Day,
            Some(86_400_000..604_800_000) => Self::Week,
            Some(604_800_000..) => Self::More,
        }
    }

    /// The name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "<1m",
            Self::Hour => "<1h",
            Self::Day => "<1d",
            Self::Week => "<7d",
            Self::More => "more",
            Self::None => "none",
        }
    }
}
