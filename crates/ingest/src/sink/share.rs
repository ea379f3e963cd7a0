//! How many series get a batch in one delivery: as many as are answered in time, however slow the way is.

/// The most of them.
const MOST_SERIES: usize = 256;

/// So many series go at once. What is under way stays what it was, so nothing else can become less.
#[derive(Debug)]
pub struct Share {
    series: usize,
}

impl Default for Share {
    fn default() -> Self {
        Self { series: MOST_SERIES }
    }
}

impl Share {
    /// Series of the next delivery.
    pub const fn series(&self) -> usize {
        self.series
    }

    /// A delivery of so many was not answered: half as many are tried, in the end one.
    pub fn halve(&mut self, sent: usize) {
        self.series = (self.series.min(sent) / 2).max(1);
    }

    /// A delivery was answered. A little more may be answered, too; twice as many would fail every other time.
    pub fn grow(&mut self) {
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
        let grown: Vec<usize> = (0..4)
            .map(|_| {
                share.grow();
                share.series()
            })
            .collect();
        assert_eq!(grown, [2, 3, 4, 6]);
        (0..40).for_each(|_| share.grow());
        assert_eq!(share.series(), MOST_SERIES);
    }
}
