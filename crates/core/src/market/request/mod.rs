//! What may be asked of a market: a struct per command, with `parse` from arguments and its inverse `to_args`.

mod add;
mod candles;
mod create;
mod last;
mod madd;
mod options;
mod pack;
mod put;
mod quote;
mod range;
mod trig_del;
mod trig_list;
mod trig_set;

pub use add::{Add, NewTick};
pub use candles::{Candles, DEFAULT_ROWS, Form, MAX_ROWS};
pub use create::Create;
pub use last::Last;
pub use madd::Madd;
pub use options::parse_keep;
pub use pack::{decode_ticks, encode_ticks};
pub use put::Put;
pub use quote::QuoteRequest;
pub use range::{DEFAULT_COUNT, Range};
pub use trig_del::DeleteTriggers;
pub use trig_list::{DEFAULT_TRIGGERS, ListTriggers, MAX_LISTED};
pub use trig_set::SetTrigger;
