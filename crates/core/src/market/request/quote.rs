//! `TICK.QUOTE key ts [BID price qty] [ASK price qty] [MARK price] [INDEX price] [AT now]`

use super::add::time;
use crate::grammar::{Args, Decimal, RequestError, decimal, push_option, set_once, timestamp_ms};
use crate::market::store::Quote;
use crate::market::tape::{PRICE_RANGE, QTY_RANGE};

/// The arguments of `TICK.QUOTE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuoteRequest {
    /// Unix milliseconds; `None` for the server's clock (`*`).
    pub ts_ms: Option<u64>,
    /// The prices; its time is not looked at.
    pub quote: Quote,
    /// What replaces the server's clock.
    pub at_ms: Option<u64>,
}

impl QuoteRequest {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut request = Self { ts_ms: time("ts", args.required()?)?, ..Self::default() };
        let price = |name, text: &[u8]| decimal(name, text, &PRICE_RANGE);
        while let Some(arg) = args.peek() {
            if args.take_keyword("BID") {
                offer(&mut request.quote.bid, "BID", &mut args)?;
            } else if args.take_keyword("ASK") {
                offer(&mut request.quote.ask, "ASK", &mut args)?;
            } else if args.take_keyword("MARK") {
                set_once(&mut request.quote.mark, "MARK", &mut args, price)?;
            } else if args.take_keyword("INDEX") {
                set_once(&mut request.quote.index, "INDEX", &mut args, price)?;
            } else if args.take_keyword("AT") {
                set_once(&mut request.at_ms, "AT", &mut args, timestamp_ms)?;
            } else {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(request)
    }

    /// What is reported, `clock_ms` standing in for `*`.
    pub fn resolve(&self, clock_ms: u64) -> Quote {
        Quote { ts_ms: self.ts_ms.unwrap_or(clock_ms), ..self.quote }
    }

    /// The inverse of [`QuoteRequest::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = vec![self.ts_ms.map_or_else(|| b"*".to_vec(), |ts_ms| ts_ms.to_string().into_bytes())];
        for (name, offer) in [("BID", self.quote.bid), ("ASK", self.quote.ask)] {
            if let Some((price, qty)) = offer {
                out.extend([name.into(), price.to_string().into_bytes(), qty.to_string().into_bytes()]);
            }
        }
        push_option(&mut out, "MARK", self.quote.mark);
        push_option(&mut out, "INDEX", self.quote.index);
        push_option(&mut out, "AT", self.at_ms);
        out
    }
}

/// `price qty` behind the keyword `name`, just taken.
fn offer(slot: &mut Option<(Decimal, Decimal)>, name: &'static str, args: &mut Args<'_>) -> Result<(), RequestError> {
    let text = args.value_of(name)?;
    if slot.is_some() {
        return Err(RequestError::repeated(name, text));
    }
    let price = decimal(name, text, &PRICE_RANGE)?;
    *slot = Some((price, decimal("qty", args.value_of("qty")?, &QTY_RANGE)?));
    Ok(())
}
