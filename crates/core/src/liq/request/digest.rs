//! `LIQ.DIGEST key [WINDOW d] [SIDE s] [SIZE n] [AT ts]`

use super::Scope;
use crate::grammar::{Args, RequestError, integer, push_option, set_once};

/// Numbers of centroids a digest may be asked to hold.
const SIZE_RANGE: std::ops::RangeInclusive<i64> = 20..=1000;

/// The arguments of `LIQ.DIGEST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    /// Which events count.
    pub scope: Scope,
    /// Most centroids, 20 … 1000; 200 when not named.
    pub size: Option<usize>,
}

impl Digest {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut request = Self::default();
        while let Some(arg) = args.peek() {
            if args.take_keyword("SIZE") {
                set_once(&mut request.size, "SIZE", &mut args, |name, text| {
                    integer(name, text, SIZE_RANGE).map(|size| size as usize)
                })?;
            } else if !request.scope.take(&mut args)? {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(request)
    }

    /// The inverse of [`Digest::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        push_option(&mut out, "SIZE", self.size);
        self.scope.push_args(&mut out);
        out
    }
}
