//! The data type `liqseries`.

use std::ffi::CStr;

use liq_core::liq::format as layout;
use liq_core::liq::series::Series;
use liq_core::market::candle::Remembered;

use super::Due;
use super::relocation::Step;
use crate::ffi::{Defragmentation, Persisted, TypeSlot};

/// A series as the server keeps it.
#[derive(Clone)]
pub struct LiqSeries {
    /// The value.
    pub series: Series,
    /// From when on the key's expiry has to be put off again.
    pub expiry_due: Due,
    /// What was traded in the market that prices are judged by; derived, not saved. Most series name none.
    pub traded: Option<Box<Remembered>>,
}

impl LiqSeries {
    /// A series whose expiry was never set.
    pub fn new(series: Series) -> Self {
        Self { series, expiry_due: Due::default(), traded: None }
    }
}

static SLOT: TypeSlot = TypeSlot::new();

impl Persisted for LiqSeries {
    const TYPE_NAME: &'static CStr = c"liqseries";
    const ENCODING_VERSION: u8 = layout::LAYOUT as u8;
    const LOAD_COMMAND: &'static CStr = c"LIQ.LOAD";

    fn slot() -> &'static TypeSlot {
        &SLOT
    }

    fn encode(&self) -> Vec<u8> {
        layout::encode(&self.series)
    }

    fn decode(version: u8, bytes: &[u8]) -> Result<Self, String> {
        layout::decode(version.into(), bytes).map(Self::new).map_err(|error| error.to_string())
    }

    fn duplicate(&self) -> Self {
        self.clone()
    }

    fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        self.series.measure(measure);
        if let Some(traded) = &self.traded {
            measure(std::ptr::from_ref(&**traded).cast(), size_of::<Remembered>());
        }
    }

    fn relocate(&mut self, step: &mut Defragmentation<'_>) {
        if let Some(traded) = &mut self.traded {
            step.boxed(traded);
        }
        self.series.relocate(&mut Step(step));
    }

    fn free_effort(&self) -> usize {
        self.series.free_effort()
    }
}
