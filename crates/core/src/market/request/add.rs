//! `TICK.ADD key ts side price qty [ID id] [GAP] [AT now]`

use crate::grammar::{Args, Decimal, RequestError, decimal, push_option, set_once, take_flag, timestamp_ms};
use crate::market::store::Report;
use crate::market::tape::{Id, PRICE_RANGE, QTY_RANGE, Side};

/// A tick as a client names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewTick<'a> {
    /// Unix milliseconds; `None` for the server's clock (`*`).
    pub ts_ms: Option<u64>,
    /// The taker's side.
    pub side: Side,
    /// Quote per base; `None` (`-`) when it is no trade of the market.
    pub price: Option<Decimal>,
    /// Base units.
    pub qty: Decimal,
    /// What the venue calls it.
    pub id: Id<'a>,
}

impl<'a> NewTick<'a> {
    /// Takes `ts side price qty`.
    pub(super) fn take(args: &mut Args<'a>) -> Result<Self, RequestError> {
        let ts_ms = time("ts", args.required()?)?;
        let side = side("side", args.required()?)?;
        let price = match args.required()? {
            b"-" => None,
            text => Some(decimal("price", text, &PRICE_RANGE)?),
        };
        let qty_text = args.required()?;
        let qty = decimal("qty", qty_text, &QTY_RANGE)?;
        check_worth(price, qty, || qty_text.to_vec())?;
        Ok(Self { ts_ms, side, price, qty, id: Id::None })
    }

    pub(super) fn push_args(&self, out: &mut Vec<Vec<u8>>) {
        out.push(self.ts_ms.map_or_else(|| b"*".to_vec(), |ts_ms| ts_ms.to_string().into_bytes()));
        out.push(self.side.name().into());
        out.push(self.price.map_or_else(|| b"-".to_vec(), |price| price.to_string().into_bytes()));
        out.push(self.qty.to_string().into_bytes());
    }

    /// What is reported, `clock_ms` standing in for `*`.
    pub fn resolve(&self, clock_ms: u64, gap: bool) -> Report<'a> {
        let ts_ms = self.ts_ms.unwrap_or(clock_ms);
        Report { ts_ms, side: self.side, price: self.price, qty: self.qty, id: self.id, gap }
    }
}

/// A time, or `*`.
pub(super) fn time(name: &'static str, text: &[u8]) -> Result<Option<u64>, RequestError> {
    if text == b"*" { Ok(None) } else { timestamp_ms(name, text).map(Some) }
}

/// `buy`, `sell` or `-`.
pub(super) fn side(name: &'static str, text: &[u8]) -> Result<Side, RequestError> {
    match text {
        b"buy" => Ok(Side::Buy),
        b"sell" => Ok(Side::Sell),
        b"-" => Ok(Side::Unknown),
        _ if text.eq_ignore_ascii_case(b"buy") => Ok(Side::Buy),
        _ if text.eq_ignore_ascii_case(b"sell") => Ok(Side::Sell),
        _ => Err(RequestError::argument(name, "must be buy, sell or -", text)),
    }
}

/// Price × qty is at most 10^15; `got` is how the qty was written.
#[inline]
pub(super) fn check_worth(
    price: Option<Decimal>,
    qty: Decimal,
    got: impl FnOnce() -> Vec<u8>,
) -> Result<(), RequestError> {
    const MOST: u64 = 10_u64.pow(15);
    let Some(price) = price else { return Ok(()) };
    // Nearly always the digits tell, wherever the point stands.
    let is_small = price.mantissa().checked_mul(qty.mantissa()).is_some_and(|digits| digits <= MOST);
    if is_small || price.product(qty) <= Decimal::ten_to(15).units(18) {
        return Ok(());
    }
    Err(RequestError::argument("qty", "price × qty must be at most 1000000000000000", &got()))
}

/// An ID of at most 64 bytes.
pub(super) fn id<'a>(name: &'static str, text: &'a [u8]) -> Result<Id<'a>, RequestError> {
    Id::parse(text).ok_or_else(|| RequestError::argument(name, "longer than 64 bytes", text))
}

/// The arguments of `TICK.ADD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Add<'a> {
    /// The tick.
    pub tick: NewTick<'a>,
    /// Trades may be missing before it.
    pub gap: bool,
    /// What replaces the server's clock.
    pub at_ms: Option<u64>,
}

impl<'a> Add<'a> {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'a>) -> Result<Self, RequestError> {
        let mut request = Self { tick: NewTick::take(&mut args)?, gap: false, at_ms: None };
        let mut has_id = false;
        while let Some(arg) = args.peek() {
            if args.take_keyword("ID") {
                let text = args.value_of("ID")?;
                if std::mem::replace(&mut has_id, true) {
                    return Err(RequestError::repeated("ID", text));
                }
                request.tick.id = id("ID", text)?;
            } else if args.take_keyword("AT") {
                set_once(&mut request.at_ms, "AT", &mut args, timestamp_ms)?;
            } else if !take_flag(&mut request.gap, "GAP", &mut args)? {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(request)
    }

    /// The inverse of [`Add::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.tick.push_args(&mut out);
        push_id(&mut out, self.tick.id);
        if self.gap {
            out.push(b"GAP".to_vec());
        }
        push_option(&mut out, "AT", self.at_ms);
        out
    }
}

fn push_id(out: &mut Vec<Vec<u8>>, id: Id<'_>) {
    if id != Id::None {
        out.extend([b"ID".to_vec(), id.text(&mut Vec::new()).to_vec()]);
    }
}
