//! Arguments that several `RL.*` commands share, as COMMAND DOCS shows them.

use crate::ffi::ArgSpec;

pub const PERIOD: ArgSpec = ArgSpec::text(c"period").after(c"PERIOD");

pub const KIND: ArgSpec =
    ArgSpec::one_of(c"kind", &[ArgSpec::word(c"sliding", c"SLIDING"), ArgSpec::word(c"aligned", c"ALIGNED")])
        .optional();

pub const LIMITS: ArgSpec = ArgSpec::block(
    c"limits",
    &[ArgSpec::integer(c"limit").after(c"LIMIT"), PERIOD, ArgSpec::integer(c"burst").after(c"BURST").optional(), KIND],
)
.multiple();

pub const COST: ArgSpec = ArgSpec::integer(c"cost").after(c"COST").optional();
