//! The snapshot: rows in the order in which they are shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answers::text;
use super::{Board, Market, Series};
use crate::model::{Alarm, Detail, FORM, KeysRow, MarketRow, MemoryRow, Snapshot, SymbolRow, by_volume, fullest_first};
use crate::names::Key;

impl Board {
    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        let mut symbols: Vec<SymbolRow> = self
            .series
            .iter()
            .filter(|(_, series)| series.is_read())
            .map(|(key, series)| symbol_row(key, series))
            .collect();
        symbols.sort_by(by_volume);
        let mut limiters: Vec<_> = self.limiters.values().filter_map(|limiter| limiter.row.clone()).collect();
        limiters.sort_by(fullest_first);
        Snapshot {
            form: FORM,
            at_ms: self.now_ms,
            window_ms: self.window_ms,
            server: self.server.clone(),
            memory: self.memory_row(),
            keys: KeysRow {
                found_by: self.found_by,
                series: self.series.len(),
                markets: self.markets.len(),
                limiters: self.limiters.len(),
                unread: self.series.len() - symbols.len(),
            },
            symbols,
            events: self.events.clone(),
            signals: self.signals.clone(),
            markets: self.markets.iter().map(|(key, market)| self.market_row(key, market)).collect(),
            limiters,
            audit: self.keyspace.audit_row(),
            policies: self.keyspace.policy_rows(),
            warnings: self.warnings(),
        }
    }

    /// What is known of the series that are looked at closely.
    pub fn details(&self) -> BTreeMap<Key, Arc<Detail>> {
        let is_read = |(_, detail): &(&Key, &Detail)| detail.to_ms > 0;
        self.details.iter().filter(is_read).map(|(key, detail)| (key.clone(), Arc::new(detail.clone()))).collect()
    }

    /// What is told once, and why figures are missing of markets, limiters and signals: the first refusal of each.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        let refusals = [
            ("prices", "TICK.LAST", self.markets.values().find_map(|market| market.error.as_ref())),
            ("markets", "TICK.INFO", self.markets.values().find_map(|market| market.info_error.as_ref())),
            ("limiters", "RL.INFO", self.limiters.values().find_map(|limiter| limiter.error.as_ref())),
            ("signals", "XREVRANGE", self.streams.values().find_map(|stream| stream.error.as_ref())),
        ];
        for (about, command, why) in refusals {
            warnings.extend(why.map(|why| (about, format!("{command}: {why}"))));
        }
        warnings.into_values().collect()
    }

    fn memory_row(&self) -> MemoryRow {
        let Some(memory) = &self.memory else { return MemoryRow::default() };
        MemoryRow {
            mode: Some(memory.mode.name().to_owned()),
            used: Some(memory.used),
            budget: Some(memory.budget),
            ratio: memory.ratio,
            since_ms: memory.since_ms,
            alarm: memory.ratio.and_then(Alarm::at),
            node: None,
        }
    }

    fn market_row(&self, key: &Key, market: &Market) -> MarketRow {
        let (last, info) = (market.last.as_ref(), market.info.as_deref());
        MarketRow {
            key: text(key.bytes()),
            symbol: text(key.symbol()),
            price: last.and_then(|last| last.price).map(|price| price.to_string()),
            // It ages between two looks.
            age_ms: last.and_then(|last| last.age_ms).map(|age_ms| age_ms + self.now_ms.saturating_sub(market.read_ms)),
            is_stale: last.and_then(|last| last.stale),
            armed: info.map(|info| info.armed),
            waiting: info.map(|info| info.waiting),
            pending: info.map(|info| info.pending),
            fired: info.map(|info| info.total_fires),
            gaps: info.map(|info| info.gaps.len() as u64),
            error: market.error.clone().or_else(|| market.info_error.clone()),
        }
    }
}

fn symbol_row(key: &Key, series: &Series) -> SymbolRow {
    let stats = series.stats.unwrap_or_default();
    let deviation = |price: f64, vwap: f64| (vwap > 0.0).then(|| (price - vwap) / vwap * 100.0);
    SymbolRow {
        name: key.clone(),
        key: text(key.bytes()),
        symbol: text(key.symbol()),
        read_ms: series.read_ms,
        window_ms: series.stats_window_ms,
        count: stats.count,
        volume: stats.volume,
        buy_volume: stats.buy_volume,
        sell_volume: stats.sell_volume,
        p50: stats.p50,
        p80: stats.p80,
        p95: stats.p95,
        vwap: stats.vwap,
        last_price: series.last_price,
        deviation_pct: series.last_price.zip(stats.vwap).and_then(|(price, vwap)| deviation(price, vwap)),
        rate_ratio: stats.rate_ratio,
        last_ms: stats.last_ms,
        hour: series.hour.clone(),
        error: series.error.clone().or_else(|| series.look_error.clone()),
    }
}
