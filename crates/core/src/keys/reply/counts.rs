//! Maps keyed by data: counts by name, and anything by name.

use crate::wire::{Bytes, Decode, Encode, Fields as _, Malformed, Sink, Source};

/// Values by name, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<T>(pub Vec<(Bytes, T)>);

/// Counts by name.
pub type Counts = Named<u64>;

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

impl<T, N: AsRef<[u8]>> FromIterator<(N, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (Bytes::from(name.as_ref()), value)).collect())
    }
}

impl<T: Encode> Encode for Named<T> {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(self.0.len());
        for (name, value) in &self.0 {
            name.encode(sink);
            value.encode(sink);
        }
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let pair = |(name, value): (S, S)| {
            let name = Bytes::decode(name)?;
            let value = T::decode(value).map_err(|error| error.within(&name))?;
            Ok((name, value))
        };
        source.fields()?.into_named().into_iter().map(pair).collect::<Result<_, _>>().map(Self)
    }
}
