//! The data type `tickstore`: one market.

use std::ffi::CStr;

use liq_core::market::candle::RememberedWindow;
use liq_core::market::format as layout;
use liq_core::market::store::Market;

use super::Due;
use super::relocation::Step;
use crate::ffi::{Defragmentation, Persisted, TypeSlot};

/// A market as the server keeps it.
#[derive(Clone)]
pub struct TickStore {
    /// The value.
    pub market: Market,
    /// From when on the key's expiry has to be put off again.
    pub expiry_due: Due,
    /// The window that was read last. Not saved.
    pub window: RememberedWindow,
}

impl TickStore {
    /// A market whose expiry was never set.
    pub fn new(market: Market) -> Self {
        Self { market, expiry_due: Due::default(), window: RememberedWindow::default() }
    }
}

static SLOT: TypeSlot = TypeSlot::new();

impl Persisted for TickStore {
    const TYPE_NAME: &'static CStr = c"tickstore";
    const ENCODING_VERSION: u8 = layout::LAYOUT as u8;
    const LOAD_COMMAND: &'static CStr = c"TICK.LOAD";

    fn slot() -> &'static TypeSlot {
        &SLOT
    }

    fn encode(&self) -> Vec<u8> {
        layout::encode(&self.market)
    }

    fn decode(version: u8, bytes: &[u8]) -> Result<Self, String> {
        layout::decode(version.into(), bytes).map(Self::new).map_err(|error| error.to_string())
    }

    fn duplicate(&self) -> Self {
        self.clone()
    }

    fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        self.market.measure(measure);
        self.window.measure(measure);
    }

    fn relocate(&mut self, step: &mut Defragmentation<'_>) {
        let mut step = Step(step);
        self.market.relocate(&mut step);
        self.window.relocate(&mut step);
    }

    fn free_effort(&self) -> usize {
        self.market.free_effort()
    }
}
