//! Sums over events: counts, volumes, and means with their spread.
//!
//! Sums are only ever added to or merged, never subtracted from: a running difference of floats answers differently
//! after a reload. Means and spreads follow Welford (1962), West (1979) and Chan, Golub, LeVeque (1979), which do not
//! cancel: events of one price have that price as VWAP, and no deviation, exactly.

use super::{PRICE_RANGE, Side};

/// Sums over events of one side.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Events.
    pub count: u64,
    /// Σ size/price, base currency.
    pub quantity: f64,
    /// Mean price weighted by quantity: the VWAP.
    pub price_mean: f64,
    /// Σ quantity · (price − mean)².
    pub price_m2: f64,
    /// Σ size, quote currency.
    pub notional: f64,
    /// Σ (size − mean)².
    pub size_m2: f64,
    /// Smallest size; 0 without events.
    pub min: f64,
    /// Largest size; 0 without events.
    pub max: f64,
}

impl Sums {
    /// Adds an event.
    pub fn add(&mut self, price: f64, size: f64) {
        // An event is merged like sums of one event, in the form that never subtracts what is nearly equal.
        let quantity = size / price;
        self.min = if self.count == 0 { size } else { self.min.min(size) };
        self.max = self.max.max(size);
        let (count, whole) = (self.count as f64, self.quantity + quantity);
        let (distance, share) = (price - self.price_mean, quantity / whole);
        self.price_mean = between(self.price_mean, price, distance * share);
        self.price_m2 = (self.price_m2 + distance * distance * self.quantity * share).min(most_price_m2(whole));
        if self.count > 0 {
            let distance = size - self.notional / count;
            self.size_m2 += distance * distance * (count / (count + 1.0));
        }
        self.count += 1;
        self.size_m2 = self.size_m2.min(most_size_m2(self.count, self.max));
        self.quantity = whole;
        self.notional += size;
    }

    /// Adds the events behind `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        let (count, quantity) = (self.count + other.count, self.quantity + other.quantity);
        let distance = other.price_mean - self.price_mean;
        let share = other.quantity / quantity;
        self.price_mean = between(self.price_mean, other.price_mean, distance * share);
        let price_m2 = self.price_m2 + other.price_m2 + distance * distance * self.quantity * share;
        self.price_m2 = price_m2.min(most_price_m2(quantity));
        let distance = other.notional / other.count as f64 - self.notional / self.count as f64;
        let share = other.count as f64 / count as f64;
        let size_m2 = self.size_m2 + other.size_m2 + distance * distance * self.count as f64 * share;
        self.size_m2 = size_m2.min(most_size_m2(count, self.max));
        self.count = count;
        self.quantity = quantity;
        self.notional += other.notional;
    }

    /// The volume-weighted average price; `None` without events.
    pub fn vwap(&self) -> Option<f64> {
        self.weight().vwap()
    }

    /// Volume-weighted standard deviation of the price.
    pub fn price_stddev(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.price_m2 / self.quantity).max(0.0).sqrt())
    }

    /// Standard deviation of the sizes (of the population).
    pub fn size_stddev(&self) -> Option<f64> {
        // Where all sizes are one, the means that were merged may still differ by their rounding.
        let spread = if self.min == self.max { 0.0 } else { self.size_m2 };
        (self.count > 0).then(|| (spread / self.count as f64).sqrt())
    }
}

/// No events spread wider than half of them at either end of their range (Popoviciu 1935): the variance is at most a
/// quarter of the range squared. A little is added for rounding. Sums of real events never come near it; what a crafted
/// file brings is kept from growing, merge by merge, into what cannot be loaded again.
const WIDEST: f64 = 0.26;

fn most_price_m2(quantity: f64) -> f64 {
    WIDEST * PRICE_RANGE.end() * PRICE_RANGE.end() * quantity
}

fn most_size_m2(count: u64, max: f64) -> f64 {
    WIDEST * max * max * count as f64
}

/// How far sums that are read may miss what they stand for, relatively …
const READ_SLACK: f64 = 4e-6;
/// … and what is left of that: 2^31 events add less than 3e-7 by rounding, so what was read once is read again.
const KEPT_SLACK: f64 = 1e-6;

/// `value` when it lies in `range` but for rounding, and then brought so near that it stays there.
fn nearly_within(value: f64, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
    let (low, high) = range.into_inner();
    let fits = value >= low * (1.0 - READ_SLACK) && value <= high * (1.0 + READ_SLACK);
    fits.then(|| value.max(low * (1.0 - KEPT_SLACK)).min(high * (1.0 + KEPT_SLACK)))
}

impl Sums {
    /// These sums of unknown origin, where events within the ranges of prices and sizes can have them. What is kept of
    /// them stays possible whatever is added to it or merged with it.
    pub fn if_possible(mut self) -> Option<Self> {
        let count = self.count as f64;
        let (lowest, highest) = (*PRICE_RANGE.start(), *PRICE_RANGE.end());
        self.notional = nearly_within(self.notional, count * self.min..=count * self.max)?;
        self.quantity = nearly_within(self.quantity, self.notional / highest..=self.notional / lowest)?;
        let spreads =
            self.price_m2 <= most_price_m2(self.quantity) && self.size_m2 <= most_size_m2(self.count, self.max);
        (self.min <= self.max && PRICE_RANGE.contains(&self.price_mean) && spreads).then_some(self)
    }

    /// The notional `part` of unknown origin, where it can be that of some of these events.
    pub fn if_part(&self, part: f64) -> Option<f64> {
        nearly_within(part, 0.0..=self.notional)
    }
}

/// The mean that `from` becomes when moved by `step` towards `to`: rounding must not carry it past either, least of all
/// below zero when prices collapse.
#[inline]
const fn between(from: f64, to: f64, step: f64) -> f64 {
    (from + step).max(from.min(to)).min(from.max(to))
}

/// Sums of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SidedSums {
    sides: [Sums; 2],
}

impl SidedSums {
    /// Sums made elsewhere, buys first.
    pub const fn from_sides(sides: [Sums; 2]) -> Self {
        Self { sides }
    }

    /// Adds an event.
    pub fn add(&mut self, side: Side, price: f64, size: f64) {
        let [buy, sell] = &mut self.sides;
        match side {
            Side::Buy => buy.add(price, size),
            Side::Sell => sell.add(price, size),
        }
    }

    /// Adds the events behind `other`.
    pub fn merge(&mut self, other: &Self) {
        let [buy, sell] = &mut self.sides;
        buy.merge(other.side(Side::Buy));
        sell.merge(other.side(Side::Sell));
    }

    /// The sums of one side.
    pub const fn side(&self, side: Side) -> &Sums {
        let [buy, sell] = &self.sides;
        match side {
            Side::Buy => buy,
            Side::Sell => sell,
        }
    }

    /// The sums of one side, or of both together.
    pub fn of(&self, side: Option<Side>) -> Sums {
        match side {
            Some(side) => *self.side(side),
            None => {
                let mut both = *self.side(Side::Buy);
                both.merge(self.side(Side::Sell));
                both
            }
        }
    }

    /// Events of one side, or of both.
    pub const fn count_of(&self, side: Option<Side>) -> u64 {
        match side {
            Some(side) => self.side(side).count,
            None => self.count(),
        }
    }

    /// Events of both sides.
    pub const fn count(&self) -> u64 {
        self.side(Side::Buy).count + self.side(Side::Sell).count
    }
}

impl Sums {
    /// What these sums weigh in a VWAP.
    #[inline]
    pub const fn weight(&self) -> Weight {
        // Without spread the mean is the one price there was, to the bit.
        let price = if self.price_m2 == 0.0 { self.price_mean } else { 0.0 };
        Weight { quantity: self.quantity, notional: self.notional, price }
    }
}

impl SidedSums {
    /// What both sides weigh in a VWAP.
    #[inline]
    pub fn weight(&self) -> Weight {
        let mut weight = self.side(Side::Buy).weight();
        weight.merge(self.side(Side::Sell).weight());
        weight
    }
}

/// All that a VWAP needs: notional over quantity, which keeps its precision however far prices move, and the price
/// itself while there is only one, since that quotient may miss it by a bit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Weight {
    /// Σ size/price, base currency; 0 without events.
    pub quantity: f64,
    /// Σ size, quote currency.
    pub notional: f64,
    /// The price of all events, 0 when there were several.
    pub price: f64,
}

impl Weight {
    /// Adds an event.
    #[inline]
    pub fn add(&mut self, price: f64, size: f64) {
        self.merge(Self { quantity: size / price, notional: size, price });
    }

    /// Adds the events behind `other`.
    #[inline]
    pub fn merge(&mut self, other: Self) {
        if self.quantity == 0.0 {
            *self = other;
        } else if other.quantity != 0.0 {
            self.quantity += other.quantity;
            self.notional += other.notional;
            self.price = if self.price == other.price { self.price } else { 0.0 };
        }
    }

    /// The volume-weighted average price; `None` without events.
    pub fn vwap(&self) -> Option<f64> {
        let vwap = if self.price > 0.0 { self.price } else { self.notional / self.quantity };
        (self.quantity > 0.0).then_some(vwap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64, scale: f64) -> bool {
        (a - b).abs() <= 1e-12 * scale.abs().max(b.abs())
    }

    proptest! {
        #[test]
        fn merged_sums_equal_the_definition(
            events in prop::collection::vec((prop_oneof![1e-5_f64..1e6, 1e-5_f64..1e-4], 1e-3_f64..1e9), 1..200), cut in 0_usize..200,
        ) {
            let cut = cut.min(events.len());
            let (mut left, mut right) = (Sums::default(), Sums::default());
            events[..cut].iter().for_each(|(price, size)| left.add(*price, *size));
            events[cut..].iter().for_each(|(price, size)| right.add(*price, *size));
            left.merge(&right);
            let quantity: f64 = events.iter().map(|(price, size)| size / price).sum();
            let notional: f64 = events.iter().map(|(_, size)| size).sum();
            let vwap = notional / quantity;
            let spread: f64 = events.iter().map(|(p, s)| s / p * (p - vwap).powi(2)).sum::<f64>() / quantity;
            let mean = notional / events.len() as f64;
            let size_spread = events.iter().map(|(_, s)| (s - mean).powi(2)).sum::<f64>() / events.len() as f64;
            prop_assert_eq!(left.count, events.len() as u64);
            prop_assert!(close(left.quantity, quantity, 0.0) && close(left.notional, notional, 0.0));
            prop_assert!(close(left.vwap().unwrap(), vwap, 0.0));
            prop_assert!(close(left.weight().vwap().unwrap(), vwap, 0.0));
            let highest = events.iter().map(|(price, _)| *price).fold(0.0, f64::max);
            prop_assert!(close(left.price_stddev().unwrap(), spread.sqrt(), highest));
            prop_assert!(close(left.size_stddev().unwrap(), size_spread.sqrt(), mean));
        }

        #[test]
        fn one_price_has_no_deviation(price in 1e-9_f64..1e9, sizes in prop::collection::vec(1e-3_f64..1e9, 1..50)) {
            let mut sums = Sums::default();
            sizes.iter().for_each(|size| sums.add(price, *size));
            let copy = sums;
            sums.merge(&copy);
            prop_assert_eq!((sums.vwap(), sums.price_stddev()), (Some(price), Some(0.0)));
        }
    }
}
