//! What the reads of a series share: all but the words they take and what they answer.

use std::marker::PhantomData;

use liq_core::liq::reading::Query;
use liq_core::liq::series::{Options, Series, Time};

use crate::ffi::{Arguments, Command, CommandInfo, Context};
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;
use crate::{config, keyspace, reply};

/// A command that asks a series and changes nothing that is saved.
pub trait Read {
    /// What the server is told.
    const INFO: CommandInfo;
    /// Whether a missing key is refused; otherwise it answers like an empty series.
    const NEEDS_KEY: bool = false;

    /// The words behind the key, which know how they are answered.
    type Request<'a>: Query<'a>;
}

/// The command that `R` makes.
pub struct Reading<R>(PhantomData<R>);

impl<R: Read> Command for Reading<R> {
    type Refusal = Refusal;

    const INFO: CommandInfo = R::INFO;

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = R::Request::read(args)?;
        let time = Time::new(context.now_ms(), config::max_future_ms());
        keyspace::read::<LiqSeries, _>(context, key, |found| {
            match found {
                Some(stored) => reply::send(context, &request.ask(&mut stored.series, time)?),
                None if R::NEEDS_KEY => return Err(Refusal::NoSuchKey),
                None => reply::send(context, &request.ask(&mut stand_in(request.window_ms()), time)?),
            }
            Ok(())
        })
    }
}

/// What a missing key answers like: an empty series with the module's defaults, whose retention is as long as the window
/// that is asked for.
#[cold]
fn stand_in(window_ms: Option<u64>) -> Series {
    let options = config::default_options();
    Series::new(Options { retention_ms: options.retention_ms.max(window_ms.unwrap_or(0)), ..options })
}
