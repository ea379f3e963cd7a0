//! What a policy can ask of a key, and which of it a key breaks.

/// One kind of rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// `TTL`: has an expiry, or (`NONE`) has none.
    Ttl,
    /// `MAXTTL`: does not expire too late.
    MaxTtl,
    /// `TYPE`: is of one of these types.
    Type,
    /// `MAXBYTES`: takes no more memory.
    MaxBytes,
    /// `MAXITEMS`: holds no more elements.
    MaxItems,
    /// `IDLE`: was read or written not long ago.
    Idle,
}

impl Rule {
    /// Every rule, in the order in which a policy is written.
    pub const ALL: [Self; 6] = [Self::Ttl, Self::MaxTtl, Self::Type, Self::MaxBytes, Self::MaxItems, Self::Idle];

    /// The keyword.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttl => "TTL",
            Self::MaxTtl => "MAXTTL",
            Self::Type => "TYPE",
            Self::MaxBytes => "MAXBYTES",
            Self::MaxItems => "MAXITEMS",
            Self::Idle => "IDLE",
        }
    }
}

/// The rules that a key breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Broken(u8);

impl Broken {
    /// Adds `rule` when it `is_broken`.
    pub(super) const fn add(&mut self, rule: Rule, is_broken: bool) {
        self.0 |= (is_broken as u8) << rule as u8;
    }

    /// Whether `rule` is among them.
    pub const fn has(self, rule: Rule) -> bool {
        self.0 >> rule as u8 & 1 == 1
    }

    /// Whether the key keeps all rules.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
