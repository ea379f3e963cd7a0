//! Rate limits as `RL.CHECK` and `RL.CREATE` take them, and what an exchange says of them.

use std::time::Duration;

use liq_core::grammar::format_duration;

use crate::LimitKind;
use crate::options::whole_ms;

/// What tells the kind in a command; the smooth one is not named.
const fn keyword(kind: LimitKind) -> Option<&'static str> {
    match kind {
        LimitKind::Gcra => None,
        LimitKind::Sliding => Some("SLIDING"),
        LimitKind::Aligned => Some("ALIGNED"),
    }
}

/// One limit: so much in so long.
///
/// ```
/// use std::time::Duration;
/// use redis_liq::Limit;
///
/// let minute = Duration::from_secs(60);
/// // Binance USD-M: 2400 weight a minute by the clock; and never more than 10 orders in any second.
/// let limits = [Limit::aligned(2400, minute), Limit::sliding(10, Duration::from_secs(1))];
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    kind: LimitKind,
    amount: u64,
    period_ms: u64,
    burst: Option<u64>,
}

impl Limit {
    /// A smooth rate of `amount` per `period`, with room for `amount` at once (GCRA).
    pub fn smooth(amount: u64, period: Duration) -> Self {
        Self { kind: LimitKind::Gcra, amount, period_ms: whole_ms(period), burst: None }
    }

    /// A smooth rate of `amount` per `period`, with room for `burst` at once (GCRA).
    pub fn smooth_with_burst(amount: u64, period: Duration, burst: u64) -> Self {
        Self { burst: Some(burst), ..Self::smooth(amount, period) }
    }

    /// Never more than `amount` in any stretch of length `period`.
    pub fn sliding(amount: u64, period: Duration) -> Self {
        Self { kind: LimitKind::Sliding, ..Self::smooth(amount, period) }
    }

    /// `amount` in each window on multiples of `period` since the epoch, as exchanges count minutes and UTC days.
    pub fn aligned(amount: u64, period: Duration) -> Self {
        Self { kind: LimitKind::Aligned, ..Self::smooth(amount, period) }
    }

    fn push_args(&self, out: &mut Vec<Vec<u8>>) {
        out.extend([b"LIMIT".to_vec(), self.amount.to_string().into_bytes()]);
        out.extend([b"PERIOD".to_vec(), format_duration(self.period_ms).into_bytes()]);
        if let Some(burst) = self.burst {
            out.extend([b"BURST".to_vec(), burst.to_string().into_bytes()]);
        }
        out.extend(keyword(self.kind).map(Into::into));
    }
}

pub(crate) fn limits_to_args(limits: &[Limit]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for limit in limits {
        limit.push_args(&mut out);
    }
    out
}

/// What the exchange's own header says is used of a limit (`X-MBX-USED-WEIGHT-1M`), for `RL.SYNC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    kind: LimitKind,
    period_ms: u64,
    used: u64,
    at_ms: Option<u64>,
    force: bool,
}

impl Usage {
    /// `used` of the limit of this kind and period.
    pub fn of(kind: LimitKind, period: Duration, used: u64) -> Self {
        Self { kind, period_ms: whole_ms(period), used, at_ms: None, force: false }
    }

    /// `used` of the aligned limit with this period: what headers such as Binance's speak of.
    pub fn aligned(period: Duration, used: u64) -> Self {
        Self::of(LimitKind::Aligned, period, used)
    }

    /// `AT`: when the exchange said so, Unix milliseconds.
    #[must_use]
    pub fn at_ms(mut self, moment_ms: u64) -> Self {
        self.at_ms = Some(moment_ms);
        self
    }

    /// `FORCE`: believe it even when it lowers what is counted.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    pub(crate) fn to_args(self) -> Vec<Vec<u8>> {
        let mut out = vec![b"PERIOD".to_vec(), format_duration(self.period_ms).into_bytes()];
        out.extend(keyword(self.kind).map(Into::into));
        out.extend([b"USED".to_vec(), self.used.to_string().into_bytes()]);
        if let Some(ms) = self.at_ms {
            out.extend([b"AT".to_vec(), ms.to_string().into_bytes()]);
        }
        if self.force {
            out.push(b"FORCE".to_vec());
        }
        out
    }
}
