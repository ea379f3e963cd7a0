//! The data types: their names, versions and how their values are saved.

mod ratelimit;
