//! How many series get a batch in one delivery: as many as are answered in time, however slow the way is.

use std::time::Duration;

use super::link::RESPONSE_TIMEOUT;

/// The most of them.
const MOST_SERIES: usize = 256;
/// One series' answer is awaited at most so many times as long as else: a server that is gone without a word is noticed as
/// much later.
const MOST_TIMES: u32 = 4;

/// So many series go at once. What is under way stays what it was, so nothing else can become less; one series that is
/// too much by itself is awaited longer.
#[derive(Debug)]
pub struct Share {
    series: usize,
    times: u32,
}

impl Default for Share {
    fn default() -> Self {
        Self { series: MOST_SERIES, times: 1 }
    }
}

impl Share {
    /// Series of the next delivery.
    pub const fn series(&self) -> usize {
        self.series
    }

    /// How long the answer is awaited, over the next connection.
    pub const fn patience(&self) -> Duration {
        RESPONSE_TIMEOUT.saturating_mul(self.times)
    }

    /// A delivery of so many was not answered: half as many are tried, in the end one.
    pub fn halve(&mut self, sent: usize) {
        if sent <= 1 {
            self.times = (self.times * 2).min(MOST_TIMES);
        }
        self.series = (self.series.min(sent) / 2).max(1);
    }

    /// A delivery was answered. A little more may be answered, too; twice as many would fail every other time.
    pub fn grow(&mut self) {
        self.times = (self.times / 2).max(1);
        self.series = (self.series + self.series / 4 + 1).min(MOST_SERIES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_series_go_until_one_is_left_and_more_again_by_and_by() {
        let mut share = Share::default();
        let halved: Vec<usize> = [40, 20, 10, 5, 2, 1]
            .into_iter()
            .map(|sent| {
                share.halve(sent);
                share.series()
            })
            .collect();
        assert_eq!(halved, [20, 10, 5, 2, 1, 1]);
        assert_eq!(share.patience(), 2 * RESPONSE_TIMEOUT);
        let grown: Vec<usize> = (0..4)
            .map(|_| {
                share.grow();
                share.series()
            })
            .collect();
        assert_eq!(grown, [2, 3, 4, 6]);
        (0..40).for_each(|_| share.grow());
        assert_eq!((share.series(), share.patience()), (MOST_SERIES, RESPONSE_TIMEOUT));
    }
}
