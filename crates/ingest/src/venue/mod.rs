//! The venues: one file for each, with its frames, its subscriptions and its rules of keeping a connection.

pub mod binance;
pub mod bitfinex;
pub mod bitmex;
pub mod bybit;
pub mod deribit;
mod feeding;
mod field;
pub mod okx;
mod raw;

pub use feeding::Wanted;
pub use field::{decimal, number_of};
pub use raw::{Held, Raw, RawTrade};

use std::sync::Arc;

use serde_json::Value;

use crate::contract::Contracts;
use crate::event::{Batch, Event, Reject};
use crate::market::{MarketItem, Told, Trade};
use crate::symbol::Names;
use feeding::Feeding;

/// A feed of liquidations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Venue {
    /// Binance USD-M futures.
    BinanceUm,
    /// Binance COIN-M futures.
    BinanceCm,
    /// Bybit v5.
    Bybit,
    /// OKX v5.
    Okx,
    /// BitMEX.
    Bitmex,
    /// Deribit.
    Deribit,
    /// Bitfinex derivatives.
    Bitfinex,
    /// Aster, which speaks as Binance does; recordings only.
    Aster,
    /// Binance spot: trades only.
    BinanceSpot,
}

impl Venue {
    /// Every venue.
    pub const ALL: [Self; 9] = [
        Self::BinanceUm,
        Self::BinanceCm,
        Self::Bybit,
        Self::Okx,
        Self::Bitmex,
        Self::Deribit,
        Self::Bitfinex,
        Self::Aster,
        Self::BinanceSpot,
    ];

    /// Those that can be streamed.
    pub const STREAMED: [Self; 8] = [
        Self::BinanceUm,
        Self::BinanceCm,
        Self::Bybit,
        Self::Okx,
        Self::Bitmex,
        Self::Deribit,
        Self::Bitfinex,
        Self::BinanceSpot,
    ];

    /// Those of them that feed markets only.
    pub const WITHOUT_LIQUIDATIONS: [Self; 1] = [Self::BinanceSpot];

    /// Those whose markets can be streamed.
    pub const WITH_MARKETS: [Self; 4] = [Self::BinanceUm, Self::BinanceSpot, Self::Bybit, Self::Okx];

    /// The name on the command line, in the configuration, in metrics and in recordings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BinanceUm => "binance-um",
            Self::BinanceCm => "binance-cm",
            Self::Bybit => "bybit",
            Self::Okx => "okx",
            Self::Bitmex => "bitmex",
            Self::Deribit => "deribit",
            Self::Bitfinex => "bitfinex",
            Self::Aster => "aster",
            Self::BinanceSpot => "binance-spot",
        }
    }

    /// The exchange's name as the module records it: one for all of Binance.
    pub const fn exchange(self) -> &'static str {
        match self {
            Self::BinanceUm | Self::BinanceCm | Self::BinanceSpot => "binance",
            other => other.name(),
        }
    }

    /// Finds a venue by its own name, or by the one that tardis.dev gives it.
    pub fn parse(name: &str) -> Option<Self> {
        let by_own_name = Self::ALL.into_iter().find(|venue| venue.name() == name);
        by_own_name.or(match name {
            "binance" | "binance-futures" => Some(Self::BinanceUm),
            "binance-delivery" => Some(Self::BinanceCm),
            "okex-swap" | "okex-futures" | "okx-swap" | "okx-futures" => Some(Self::Okx),
            "bitfinex-derivatives" => Some(Self::Bitfinex),
            _ => None,
        })
    }

    /// Makes the symbol of the pair of one of its instruments, whether that is a perpetual or a dated future.
    pub const fn pair_symbol(self) -> fn(&str) -> Result<String, Reject> {
        match self {
            Self::BinanceUm | Self::BinanceCm | Self::Aster | Self::BinanceSpot => crate::symbol::binance,
            Self::Bybit => crate::symbol::bybit,
            Self::Okx => crate::symbol::okx,
            Self::Bitmex => crate::symbol::bitmex_pair,
            Self::Deribit => crate::symbol::deribit,
            Self::Bitfinex => crate::symbol::bitfinex,
        }
    }

    /// Makes the symbol of one of its instruments, where dated futures are told from their pair: the perpetual is called by
    /// the pair, and one instrument is one market.
    pub const fn own_symbol(self) -> fn(&str) -> Result<String, Reject> {
        match self {
            Self::BinanceUm | Self::BinanceCm | Self::Aster | Self::BinanceSpot => crate::symbol::binance_own,
            Self::Bybit => crate::symbol::bybit_own,
            Self::Okx => crate::symbol::okx_own,
            Self::Bitmex => crate::symbol::bitmex,
            Self::Deribit => crate::symbol::deribit_own,
            Self::Bitfinex => crate::symbol::bitfinex,
        }
    }

    /// Whether an instrument is an inverse contract, whose trades are no decimal of the base currency.
    pub fn is_inverse(self, instrument: &str) -> bool {
        match self {
            Self::Bybit => crate::symbol::is_bybit_inverse(instrument),
            Self::Okx => instrument.contains("-USD-"),
            _ => false,
        }
    }

    /// Whether it numbers the trades of an instrument with consecutive integers. Where it does not, a market that orders
    /// by ID would take every trade for one behind a gap.
    pub const fn numbers_trades(self) -> bool {
        matches!(self, Self::BinanceUm | Self::BinanceCm | Self::BinanceSpot | Self::Aster | Self::Okx)
    }

    /// Guesses whose frame this is by its shape.
    pub fn of_frame(frame: &Value) -> Option<Self> {
        let has = |name: &str| frame.get(name).is_some();
        if let Some(payload) = binance::payload(frame) {
            return Some(binance::market_of(payload));
        }
        if frame.is_array() {
            Some(Self::Bitfinex)
        } else if has("jsonrpc") {
            Some(Self::Deribit)
        } else if has("table") {
            Some(Self::Bitmex)
        } else if has("arg") {
            Some(Self::Okx)
        } else if has("topic") && !has("op") {
            Some(Self::Bybit)
        } else {
            None
        }
    }
}

/// What a venue's answer to a request is about, as far as it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// The number of the request.
    pub id: Option<u64>,
    /// The topics it names.
    pub topics: Vec<String>,
}

impl Answered {
    fn to(id: Option<&Value>) -> Self {
        let id = id.and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
        Self { id, topics: Vec::new() }
    }

    fn about(topics: Vec<String>) -> Self {
        Self { id: None, topics }
    }
}

/// What a frame was, beside the events it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Data of the liquidation channel.
    Data,
    /// Data of the control channel: the feed is alive.
    Pulse,
    /// A pong, a heartbeat: nothing to do.
    Control,
    /// A subscription was accepted.
    Acknowledged(Answered),
    /// What it names had been subscribed before; what else the request asked for was not taken.
    Repeated(Answered),
    /// To be answered with this text.
    Answer(String),
    /// The venue refused something, in its own words.
    Refused(Answered, String),
    /// Nothing that is known.
    Unknown,
}

/// Turns frames and rows of every venue into events.
#[derive(Debug)]
pub struct Decoder {
    contracts: Contracts,
    /// Kept for whoever wants to hold them.
    unknown: Option<Vec<Held>>,
    estimates: u64,
    positions: bitfinex::Positions,
    names: [Names; Venue::ALL.len()],
    market_names: [Names; Venue::ALL.len()],
    /// Whether trades are read; liquidations are always.
    reads_trades: bool,
    /// Whether liquidations of dated futures are those of their pair.
    joins_dated: bool,
    /// Of a live connection: the markets that are fed over it.
    feeding: Option<Feeding>,
    exchanges: [Arc<str>; Venue::ALL.len()],
}

impl Decoder {
    /// A decoder that knows these contract sizes.
    pub fn new(contracts: Contracts) -> Self {
        Self {
            contracts,
            unknown: None,
            estimates: 0,
            positions: bitfinex::Positions::default(),
            names: std::array::from_fn(|_| Names::default()),
            market_names: std::array::from_fn(|_| Names::default()),
            reads_trades: false,
            joins_dated: false,
            feeding: None,
            exchanges: Venue::ALL.map(|venue| Arc::from(venue.exchange())),
        }
    }

    /// Knows these contract sizes from now on.
    pub fn learn(&mut self, contracts: Contracts) {
        self.contracts = contracts;
    }

    /// Knows these contracts of a venue too.
    pub fn learn_more(
        &mut self,
        venue: Venue,
        contracts: impl IntoIterator<Item = (String, crate::contract::Contract)>,
    ) {
        for (instrument, contract) in contracts {
            self.contracts.set(venue, instrument, contract);
        }
    }

    /// Keeps events whose contract is unknown, to be taken by [`Self::take_unknown`].
    pub fn keeping_unknown(mut self) -> Self {
        self.hold_unknown(true);
        self
    }

    /// Whether to keep events whose contract is unknown from now on.
    pub fn hold_unknown(&mut self, holds: bool) {
        self.unknown = holds.then(Vec::new);
    }

    /// Takes liquidations of dated futures for those of their pair, where that is wanted. Markets never are joined.
    pub fn joining_dated(self, joins_dated: bool) -> Self {
        Self { joins_dated, ..self }
    }

    /// Reads trades too, for markets.
    pub fn reading_trades(self) -> Self {
        Self { reads_trades: true, ..self }
    }

    /// Feeds these markets with trades and prices, and no others.
    pub fn feeding(self, wanted: Arc<Wanted>) -> Self {
        Self { reads_trades: true, feeding: Some(Feeding::new(wanted)), ..self }
    }

    /// Whether trades are read.
    pub const fn reads_trades(&self) -> bool {
        self.reads_trades
    }

    /// Reads one frame of `venue`, appending to `batch`. `received_ms` serves venues that tell no time.
    pub fn frame(&mut self, venue: Venue, frame: &Value, received_ms: Option<u64>, batch: &mut Batch) -> Frame {
        match venue {
            Venue::BinanceUm | Venue::BinanceCm | Venue::BinanceSpot | Venue::Aster => {
                binance::decode(self, venue, frame, received_ms, batch)
            }
            Venue::Bybit => bybit::decode(self, frame, batch),
            Venue::Okx => okx::decode(self, frame, batch),
            Venue::Bitmex => bitmex::decode(self, frame, received_ms, batch),
            Venue::Deribit => deribit::decode(self, frame, batch),
            Venue::Bitfinex => bitfinex::decode(self, frame, received_ms, batch),
        }
    }

    /// Makes an event of what a venue reported.
    pub fn event(&mut self, venue: Venue, raw: Raw<'_>) -> Result<Event, Reject> {
        let canonical = if self.joins_dated { venue.pair_symbol() } else { venue.own_symbol() };
        let symbol = self.symbol(venue, raw.instrument, canonical)?;
        let size = self.contracts.notional(venue, raw.instrument, raw.quantity, raw.price);
        if let (Err(Reject::UnknownMultiplier), Some(unknown)) = (size, &mut self.unknown) {
            unknown.push(Held::new(venue, raw));
        }
        let size = size?;
        let Raw { ts_ms, side, price, id, .. } = raw;
        Event { exchange: self.exchange(venue), symbol, ts_ms, side, price, size, id: id.into() }.checked()
    }

    /// Makes a market's trade of what a venue reported. Contracts become base units; inverse ones have none.
    pub fn trade(&mut self, venue: Venue, raw: RawTrade<'_>) -> Result<MarketItem, Reject> {
        let RawTrade { instrument, is_numbered, ts_ms, taker, price, qty, id } = raw;
        if let Some(feeding) = &mut self.feeding {
            if !feeding.wants(instrument) {
                return Err(Reject::NotLiquidation);
            }
            feeding.traded(instrument, ts_ms);
        }
        let contract = self.contracts.find(venue, instrument).ok_or(Reject::UnknownMultiplier)?;
        let qty = contract.base_units(qty)?;
        // Numbers tell by themselves what is missing.
        let is_first = self.feeding.as_ref().is_some_and(|feeding| feeding.follows_gap(instrument));
        let follows_gap = is_first && !is_numbered;
        let told = Told::Trade(Trade { ts_ms, taker, price, qty, id, follows_gap }.checked()?);
        let item = self.told(venue, instrument, is_numbered, told)?;
        if let Some(feeding) = &mut self.feeding {
            feeding.begin(instrument);
        }
        Ok(item)
    }

    /// Something for the market of an instrument.
    pub fn told(
        &mut self,
        venue: Venue,
        instrument: &str,
        is_numbered: bool,
        told: Told,
    ) -> Result<MarketItem, Reject> {
        let names = self.market_names.get_mut(venue as usize).ok_or(Reject::UnsupportedVenue)?;
        let symbol = names.get(instrument, venue.own_symbol())?;
        Ok(MarketItem { venue, symbol, is_numbered, told })
    }

    /// Whether liquidations of dated futures are those of their pair.
    pub const fn joins_dated(&self) -> bool {
        self.joins_dated
    }

    /// The canonical symbol by another rule than the venue's own.
    pub fn symbol(
        &mut self,
        venue: Venue,
        instrument: &str,
        canonical: fn(&str) -> Result<String, Reject>,
    ) -> Result<Arc<str>, Reject> {
        self.names.get_mut(venue as usize).ok_or(Reject::UnsupportedVenue)?.get(instrument, canonical)
    }

    /// The shared name of the venue's exchange.
    pub fn exchange(&self, venue: Venue) -> Arc<str> {
        self.exchanges.get(venue as usize).cloned().unwrap_or_else(|| Arc::from(venue.exchange()))
    }

    /// Events of contracts whose worth is unknown, since the last time this was asked.
    pub fn take_unknown(&mut self) -> Vec<Held> {
        self.unknown.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Events that were priced by an estimate, since the last time this was asked.
    pub const fn take_estimates(&mut self) -> u64 {
        std::mem::replace(&mut self.estimates, 0)
    }

    /// Notes that an event's price is an estimate.
    pub const fn note_estimate(&mut self) {
        self.estimates += 1;
    }

    /// Gives what was held back for a price that has not come.
    pub fn finish(&mut self, batch: &mut Batch) {
        bitfinex::give_up(self, u64::MAX, batch);
    }

    /// The contract sizes.
    pub const fn contracts(&self) -> &Contracts {
        &self.contracts
    }
}
