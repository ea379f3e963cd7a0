//! `--svg`: one symbol as a picture for a chat or a report: prices with the VWAP, its bands and the events, volume by
//! side over time, and the distribution of sizes.

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;

use crate::figures::{age, amount, price, time_of_day};
use crate::lines;
use crate::model::{Detail, SymbolRow};
use crate::names::shown;

const SIZE: (u32, u32) = (960, 640);
const HEAD: i32 = 64;
const PRICES: i32 = 330;
const LONGS: RGBColor = RGBColor(0xc0, 0x39, 0x2b);
const SHORTS: RGBColor = RGBColor(0x1e, 0x84, 0x49);
const LINE: RGBColor = RGBColor(0x24, 0x71, 0xa3);
const QUIET: RGBColor = RGBColor(0x80, 0x80, 0x80);
const INK: RGBColor = RGBColor(0x20, 0x20, 0x20);
/// Radius of the smallest and the largest event, pixels.
const DOTS: (f64, f64) = (2.0, 9.0);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// What a picture is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// White.
    White,
    /// Whatever is behind it, light or dark: letters and axes are of a grey that is seen on both.
    Bare,
}

impl Paper {
    const fn ink(self) -> RGBColor {
        match self {
            Self::White => INK,
            Self::Bare => QUIET,
        }
    }
}

/// The picture.
pub fn svg(row: &SymbolRow, detail: &Detail, paper: Paper) -> Result<String, String> {
    let mut out = String::new();
    draw(&mut out, row, detail, paper).map_err(|error| error.to_string())?;
    Ok(out)
}

fn draw(out: &mut String, row: &SymbolRow, detail: &Detail, paper: Paper) -> Drawn {
    let root = SVGBackend::with_string(out, SIZE).into_drawing_area();
    if paper == Paper::White {
        root.fill(&WHITE)?;
    }
    let ink = paper.ink();
    let (head, body) = root.split_vertically(HEAD);
    head_lines(&head, row, detail, ink)?;
    let (upper, lower) = body.split_vertically(PRICES);
    prices(&upper, detail, ink)?;
    let (left, right) = lower.split_horizontally(SIZE.0 / 2);
    volumes(&left, detail, ink)?;
    sizes(&right, detail, ink)?;
    root.present()
}

fn head_lines(area: &Area<'_>, row: &SymbolRow, detail: &Detail, ink: RGBColor) -> Drawn {
    let title = format!(
        "{}, liquidations of {} until {} UTC",
        shown(row.symbol.as_bytes(), 40),
        age(detail.to_ms.saturating_sub(detail.from_ms)),
        time_of_day(detail.to_ms),
    );
    let figures = lines::figures(row).join("  ");
    area.draw_text(&title, &("sans-serif", 20).into_font().color(&ink), (12, 10))?;
    area.draw_text(&figures, &("sans-serif", 13).into_font().color(&ink), (12, 38))
}

fn prices(area: &Area<'_>, detail: &Detail, ink: RGBColor) -> Drawn {
    let bands = detail.bands.map(|bands| [bands.vwap, bands.upper, bands.lower]);
    let averages: Vec<(f64, f64)> =
        detail.spans.iter().filter_map(|span| Some((span.start_ms as f64, span.vwap?))).collect();
    let all = detail.events.iter().map(|event| event.price).chain(bands.into_iter().flatten());
    let all = all.chain(averages.iter().map(|(_, average)| *average));
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| (low.min(one), high.max(one)));
    if !low.is_finite() {
        return area.draw_text("no events in the window", &("sans-serif", 14).into_font().color(&QUIET), (12, 12));
    }
    let margin = ((high - low) * 0.05).max(high.abs() * 1e-6).max(f64::MIN_POSITIVE);
    let (from, to) = (detail.from_ms as f64, (detail.to_ms as f64).max(detail.from_ms as f64 + 1.0));
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption(
            "price: average by time (line), VWAP and 2 deviations (level), events (red: longs, green: shorts)",
            ("sans-serif", 12).into_font().color(&ink),
        )
        .x_label_area_size(22)
        .y_label_area_size(76)
        .build_cartesian_2d(from..to, low - margin..high + margin)?;
    chart
        .configure_mesh()
        .axis_style(ink)
        .label_style(("sans-serif", 12).into_font().color(&ink))
        .light_line_style(TRANSPARENT)
        .bold_line_style(QUIET.mix(0.2))
        .x_label_formatter(&|at| time_of_day(*at as u64))
        .y_label_formatter(&|at| price(*at))
        .draw()?;
    for level in bands.into_iter().flatten() {
        chart.draw_series(LineSeries::new([(from, level), (to, level)], &QUIET))?;
    }
    chart.draw_series(LineSeries::new(averages, LINE.stroke_width(2)))?;
    let largest = detail.events.iter().map(|event| event.size).fold(f64::MIN_POSITIVE, f64::max);
    // The area of a dot is its size.
    let radius = |size: f64| (DOTS.0 + (size / largest).sqrt() * (DOTS.1 - DOTS.0)) as i32;
    chart.draw_series(detail.events.iter().map(|event| {
        let colour = if event.side == "sell" { LONGS } else { SHORTS };
        Circle::new((event.ts_ms as f64, event.price), radius(event.size), colour.mix(0.6).filled())
    }))?;
    Ok(())
}

fn volumes(area: &Area<'_>, detail: &Detail, ink: RGBColor) -> Drawn {
    let span_ms = match detail.spans.as_slice() {
        [first, second, ..] => second.start_ms.saturating_sub(first.start_ms) as f64,
        _ => 60_000.0,
    };
    let highest = detail.spans.iter().map(|span| span.buy_volume + span.sell_volume).fold(0.0, f64::max).max(1.0);
    let (from, to) = (detail.from_ms as f64, (detail.to_ms as f64).max(detail.from_ms as f64 + 1.0));
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption("volume by time: longs below, shorts above", ("sans-serif", 12).into_font().color(&ink))
        .x_label_area_size(22)
        .y_label_area_size(56)
        .build_cartesian_2d(from..to, 0.0..highest * 1.05)?;
    chart
        .configure_mesh()
        .axis_style(ink)
        .label_style(("sans-serif", 12).into_font().color(&ink))
        .disable_mesh()
        .x_labels(4)
        .y_labels(4)
        .x_label_formatter(&|at| time_of_day(*at as u64))
        .y_label_formatter(&|at| amount(*at))
        .draw()?;
    let bars = detail.spans.iter().flat_map(|span| {
        let (start, end) = (span.start_ms as f64, span.start_ms as f64 + span_ms * 0.9);
        let top = span.sell_volume + span.buy_volume;
        [
            Rectangle::new([(start, 0.0), (end, span.sell_volume)], LONGS.filled()),
            Rectangle::new([(start, span.sell_volume), (end, top)], SHORTS.filled()),
        ]
    });
    chart.draw_series(bars)?;
    Ok(())
}

fn sizes(area: &Area<'_>, detail: &Detail, ink: RGBColor) -> Drawn {
    let highest = detail.classes.iter().map(|class| class.count).max().unwrap_or(0).max(1) as f64;
    let width = detail.classes.len().max(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption("events by size", ("sans-serif", 12).into_font().color(&ink))
        .x_label_area_size(22)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..width, 0.0..highest * 1.05)?;
    let edge = |at: &f64| {
        let class = detail.classes.get(at.max(0.0) as usize).map(|class| class.low);
        class.or(detail.classes.last().map(|class| class.high)).map(amount).unwrap_or_default()
    };
    chart
        .configure_mesh()
        .axis_style(ink)
        .label_style(("sans-serif", 12).into_font().color(&ink))
        .disable_mesh()
        .x_labels(6)
        .y_labels(4)
        .x_label_formatter(&edge)
        .draw()?;
    let bars = detail.classes.iter().enumerate().map(|(at, class)| {
        Rectangle::new([(at as f64 + 0.05, 0.0), (at as f64 + 0.95, class.count as f64)], LINE.filled())
    });
    chart.draw_series(bars)?;
    Ok(())
}
