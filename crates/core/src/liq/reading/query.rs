//! What all reads have in common, so that a server can run any of them in one way: words become a question, and a series
//! answers it.

use super::ReadError;
use crate::grammar::{Args, RequestError};
use crate::liq::reply::{DigestReply, HistogramRow, StatsReply, StoredEvent, Vwap as VwapReply};
use crate::liq::request::{Digest, Hist, Pctl, Range, Rank, Stats, Vwap};
use crate::liq::series::{Series, Time};
use crate::wire::Encode;

/// A question about a series.
pub trait Query<'a>: Sized {
    /// What the series answers.
    type Answer<'s>: Encode;

    /// Reads the words behind the key.
    fn read(args: Args<'a>) -> Result<Self, RequestError>;

    /// The window that is asked for, where the words name one, ms.
    fn window_ms(&self) -> Option<u64>;

    /// The answer, or why there is none.
    fn ask<'s>(&self, series: &'s mut Series, time: Time) -> Result<Self::Answer<'s>, ReadError>;
}

/// Questions about a window: each names its method of `Series` and what that answers.
macro_rules! queries_of_a_window {
    ($($request:ty, $method:ident -> $answer:ty;)*) => {$(
        impl<'a> Query<'a> for $request {
            type Answer<'s> = $answer;

            fn read(args: Args<'a>) -> Result<Self, RequestError> {
                Self::parse(args)
            }

            fn window_ms(&self) -> Option<u64> {
                self.scope.window_ms
            }

            fn ask<'s>(&self, series: &'s mut Series, time: Time) -> Result<Self::Answer<'s>, ReadError> {
                series.$method(time, self)
            }
        }
    )*};
}

queries_of_a_window! {
    Pctl, percentiles -> Vec<Option<f64>>;
    Rank, ranks -> Vec<Option<f64>>;
    Hist, histogram -> Vec<HistogramRow>;
    Digest, digest -> DigestReply;
    Vwap, vwap -> VwapReply;
    Stats<'a>, stats -> StatsReply;
}

impl<'a> Query<'a> for Range<'a> {
    type Answer<'s> = Vec<StoredEvent<'s>>;

    fn read(args: Args<'a>) -> Result<Self, RequestError> {
        Self::parse(args)
    }

    fn window_ms(&self) -> Option<u64> {
        None
    }

    fn ask<'s>(&self, series: &'s mut Series, _time: Time) -> Result<Self::Answer<'s>, ReadError> {
        Ok(series.range(self))
    }
}
