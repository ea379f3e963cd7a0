//! The data type `ratelimit`: the limits of one key and what is used of them.

use std::ffi::CStr;

use liq_core::rl::format::{LAYOUT, decode, encode};
use liq_core::rl::limiter::{Limiter, Now};

use super::relocation::Step;
use crate::ffi::{Defragmentation, Persisted, TypeSlot, steady_us, wall_us};

static SLOT: TypeSlot = TypeSlot::new();

/// Now, as limiters take it.
pub fn now() -> Now {
    let steady_us = steady_us();
    Now::new(wall_us(), steady_us)
}

impl Persisted for Limiter {
    const TYPE_NAME: &'static CStr = c"ratelimit";
    const ENCODING_VERSION: u8 = LAYOUT;
    const LOAD_COMMAND: &'static CStr = c"RL.LOAD";

    fn slot() -> &'static TypeSlot {
        &SLOT
    }

    fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    fn decode(version: u8, bytes: &[u8]) -> Result<Self, String> {
        decode(version, bytes, now()).map_err(|error| error.to_string())
    }

    fn duplicate(&self) -> Self {
        self.clone()
    }

    fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        Self::measure(self, measure);
    }

    fn relocate(&mut self, step: &mut Defragmentation<'_>) {
        Self::relocate(self, &mut Step(step));
    }

    fn free_effort(&self) -> usize {
        1 + self.limits().len()
    }
}
