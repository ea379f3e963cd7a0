//! Triggers as `TRIG.SET` takes them.

use liq_core::grammar::Decimal;
use liq_core::market::triggers::Source;

use crate::options::percent_text;

/// A standing order on the prices of a market: stop-loss, take-profit, trailing stop, alert. The first leg that is due
/// fires it, once.
///
/// Prices are exact decimals, quote per base. Ranges and what goes together are checked by the server, which names the
/// argument when it refuses one.
///
/// ```
/// use redis_liq::Trigger;
/// use redis_liq::ticks::Source;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stop = Trigger::long("user42:pos7")
///     .stop_loss("61000".parse()?)
///     .by(Source::Mark)
///     .take_profit("63000".parse()?)
///     .trail_pct(0.8)
///     .activate("62500".parse()?)
///     .payload(r#"{"qty":"0.5"}"#);
/// # let _ = stop;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    words: Vec<Vec<u8>>,
}

impl Trigger {
    /// One that protects a long position. The id has 1 to 64 bytes; one that is there is replaced whole.
    pub fn long(id: impl AsRef<[u8]>) -> Self {
        Self::alert(id).word("LONG")
    }

    /// One that protects a short position.
    pub fn short(id: impl AsRef<[u8]>) -> Self {
        Self::alert(id).word("SHORT")
    }

    /// One without a position: `above` and `below` are its only legs.
    pub fn alert(id: impl AsRef<[u8]>) -> Self {
        Self { words: vec![id.as_ref().to_vec()] }
    }

    /// `SL`: due when a long's price is at `price` or below, a short's at it or above.
    #[must_use]
    pub fn stop_loss(self, price: Decimal) -> Self {
        self.option("SL", price)
    }

    /// `TP`: due when a long's price is at `price` or above, a short's at it or below.
    #[must_use]
    pub fn take_profit(self, price: Decimal) -> Self {
        self.option("TP", price)
    }

    /// `TRAIL`: due when the price lies `distance` behind the highest (long) or lowest (short) since it tracks.
    #[must_use]
    pub fn trail(self, distance: Decimal) -> Self {
        self.option("TRAIL", distance)
    }

    /// `TRAILPCT`: the same in percent of that price; above 0, below 100, at most 6 decimals.
    #[must_use]
    pub fn trail_pct(self, percent: f64) -> Self {
        self.option("TRAILPCT", percent_text(percent))
    }

    /// `ACTIVATE`, behind a trailing leg: it tracks from this price on, at or above for a long, at or below for a short.
    #[must_use]
    pub fn activate(self, price: Decimal) -> Self {
        self.option("ACTIVATE", price)
    }

    /// `EXTREME`, behind a trailing leg: the highest (long) or lowest (short) price so far, known from elsewhere.
    #[must_use]
    pub fn extreme(self, price: Decimal) -> Self {
        self.option("EXTREME", price)
    }

    /// `ABOVE`: due at `price` or above.
    #[must_use]
    pub fn above(self, price: Decimal) -> Self {
        self.option("ABOVE", price)
    }

    /// `BELOW`: due at `price` or below.
    #[must_use]
    pub fn below(self, price: Decimal) -> Self {
        self.option("BELOW", price)
    }

    /// `BY`: the price that the leg named last looks at; the last trade's without it.
    #[must_use]
    pub fn by(self, source: Source) -> Self {
        self.option("BY", source.name())
    }

    /// `EXPIRES`: it goes by itself then, Unix milliseconds.
    #[must_use]
    pub fn expires_ms(self, at_ms: u64) -> Self {
        self.option("EXPIRES", at_ms)
    }

    /// `PAYLOAD`: at most 1024 bytes that come back with the fire.
    #[must_use]
    pub fn payload(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.words.extend([b"PAYLOAD".to_vec(), bytes.as_ref().to_vec()]);
        self
    }

    /// `NX`: only when none of this id is armed or waiting.
    #[must_use]
    pub fn only_new(self) -> Self {
        self.word("NX")
    }

    /// `XX`: only when one is: a stop is moved only if it has not fired meanwhile.
    #[must_use]
    pub fn only_known(self) -> Self {
        self.word("XX")
    }

    /// `AT`: replaces the server's clock, for replays; Unix milliseconds.
    #[must_use]
    pub fn at_ms(self, now_ms: u64) -> Self {
        self.option("AT", now_ms)
    }

    fn word(mut self, word: &str) -> Self {
        self.words.push(word.into());
        self
    }

    fn option(self, name: &str, value: impl ToString) -> Self {
        self.word(name).word(&value.to_string())
    }

    pub(crate) fn args(&self) -> &[Vec<u8>] {
        &self.words
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use liq_core::grammar::Args;
    use liq_core::market::request::SetTrigger;

    use super::*;

    #[test]
    fn what_was_named_arrives() {
        let price = |text: &str| text.parse::<Decimal>().unwrap();
        let trigger = Trigger::short("a b")
            .stop_loss(price("63000.5"))
            .by(Source::Mark)
            .take_profit(price("61000"))
            .trail_pct(0.000_001)
            .activate(price("62000"))
            .extreme(price("61999.99"))
            .by(Source::Bid)
            .above(price("1000000000000000"))
            .below(price("0.000000000001"))
            .by(Source::Index)
            .expires_ms(7)
            .payload(b"\xff \0")
            .only_new()
            .at_ms(5);
        let words: Vec<&[u8]> = trigger.args().iter().map(Vec::as_slice).collect();
        let parsed = SetTrigger::parse(Args::new(&words)).unwrap();
        assert_eq!(
            (parsed.id, parsed.payload, parsed.expires_ms, parsed.at_ms),
            (b"a b".as_slice(), Some(b"\xff \0".as_slice()), Some(7), Some(5))
        );
        let expected = "a b SHORT SL 63000.5 BY mark TP 61000 TRAILPCT 0.000001 ACTIVATE 62000 EXTREME 61999.99 BY bid \
                        ABOVE 1000000000000000 BELOW 0.000000000001 BY index EXPIRES 7 PAYLOAD \u{fffd} \0 NX AT 5";
        let words: Vec<_> = parsed.to_args().iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        assert_eq!(words.join(" "), expected);
        assert_eq!(Trigger::long("x").trail(price("5")).only_known().args().len(), 5);
    }
}
