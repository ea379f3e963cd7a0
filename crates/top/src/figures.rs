//! Figures as people read them: short amounts, prices, shares, lengths of time.

/// An amount in at most six characters: `950`, `12.4k`, `3.10M`.
pub fn amount(value: f64) -> String {
    let size = value.abs();
    let (scale, unit) = match size {
        size if size >= 999.5e9 => (1e12, "T"),
        size if size >= 999.5e6 => (1e9, "G"),
        size if size >= 999.5e3 => (1e6, "M"),
        size if size >= 999.5 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let scaled = value / scale;
    let digits = match scaled.abs() {
        _ if unit.is_empty() && size.fract() == 0.0 => 0,
        part if part >= 99.95 => 0,
        part if part >= 9.995 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{unit}")
}

/// As [`amount`], `-` for nothing.
pub fn optional_amount(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), amount)
}

/// A price with about six figures that count, as markets differ by ten orders of magnitude.
pub fn price(value: f64) -> String {
    let size = value.abs();
    if !(1e-9..1e12).contains(&size) {
        return if value == 0.0 { "0".to_owned() } else { format!("{value:.3e}") };
    }
    let whole = size.log10().floor() as i32 + 1;
    let digits = usize::try_from(6 - whole).unwrap_or(0).min(12);
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// As [`price`], `-` for nothing.
pub fn optional_price(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), price)
}

/// A change with its sign, in at most seven characters: `+1.25%`.
pub fn change(percent: Option<f64>) -> String {
    let text = |percent: f64| match percent.abs() {
        size if size < 99.995 => format!("{percent:+.2}%"),
        size if size < 9999.5 => format!("{percent:+.0}%"),
        _ if percent > 0.0 => ">+9999%".to_owned(),
        _ => "<-9999%".to_owned(),
    };
    percent.map_or_else(|| "-".to_owned(), text)
}

/// How much busier than usual: `3.1x`.
pub fn ratio(value: Option<f64>) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| if value < 99.95 { format!("{value:.1}x") } else { format!("{value:.0}x") },
    )
}

/// Bytes in the units that `redis.conf` has: `240.0mb`.
pub fn bytes(count: u64) -> String {
    let size = count as f64;
    match count {
        0..1024 => format!("{count}b"),
        1024..1_048_576 => format!("{:.1}kb", size / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1}mb", size / 1_048_576.0),
        _ => format!("{:.2}gb", size / 1_073_741_824.0),
    }
}

/// How long ago or for how long, in the largest unit: `5s`, `12m`, `3h`, `2d`.
pub fn age(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{}s", ms / 1000),
        60_000..3_600_000 => format!("{}m", ms / 60_000),
        3_600_000..172_800_000 => format!("{}h", ms / 3_600_000),
        _ => format!("{}d", ms / 86_400_000),
    }
}

/// The time of day in UTC: `14:03:59`.
pub fn time_of_day(ms: u64) -> String {
    let second = ms / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Eight heights of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A row of bars, as wide as it is told: each is the sum of its share of the values, the tallest fills its cell. A span
/// without anything is blank.
pub fn sparkline(values: &[f64], width: usize) -> String {
    if values.is_empty() || width == 0 {
        return " ".repeat(width);
    }
    let sums: Vec<f64> = (0..width)
        .map(|cell| {
            let (from, to) = (cell * values.len() / width, (cell + 1) * values.len() / width);
            values.get(from..to.max(from + 1).min(values.len())).unwrap_or_default().iter().sum()
        })
        .collect();
    let highest = sums.iter().copied().fold(0.0, f64::max);
    let bar = |sum: &f64| {
        let height = (sum / highest * BARS.len() as f64).ceil() as usize;
        if *sum > 0.0 { BARS.get(height.clamp(1, BARS.len()) - 1).copied().unwrap_or('█') } else { ' ' }
    };
    sums.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        let cases = [
            (0.0, "0"),
            (7.0, "7"),
            (999.0, "999"),
            (999.9, "1.00k"),
            (12_345.0, "12.3k"),
            (3.1e6, "3.10M"),
            (-2.5e9, "-2.50G"),
        ];
        for (value, text) in cases {
            assert_eq!(amount(value), text);
        }
    }

    #[test]
    fn prices_keep_the_figures_that_count() {
        let cases =
            [(93_500.0, "93500"), (93_480.55, "93480.6"), (0.000_012_345_6, "0.0000123456"), (1.0, "1"), (0.0, "0")];
        for (value, text) in cases {
            assert_eq!(price(value), text);
        }
    }

    #[test]
    fn changes_keep_their_column() {
        let cases = [(1.253, "+1.25%"), (-99.999, "-100%"), (164_093.2, ">+9999%"), (-12_345.0, "<-9999%")];
        for (value, text) in cases {
            assert_eq!(change(Some(value)), text);
        }
    }

    #[test]
    fn a_sparkline_is_as_wide_as_told() {
        for width in 0..70 {
            let values: Vec<f64> = (0..60).map(f64::from).collect();
            assert_eq!(sparkline(&values, width).chars().count(), width);
            assert_eq!(sparkline(&[], width).chars().count(), width);
        }
        assert_eq!(sparkline(&[0.0, 1.0, 8.0, 4.0], 4), " ▁█▄");
        assert_eq!(sparkline(&[0.0; 3], 3), "   ");
    }

    #[test]
    fn lengths_and_bytes() {
        assert_eq!(
            [age(12), age(5_000), age(720_000), age(10_800_000), age(200_000_000)],
            ["12ms", "5s", "12m", "3h", "2d"]
        );
        assert_eq!([bytes(12), bytes(251_658_240)], ["12b", "240.0mb"]);
        assert_eq!(time_of_day(1_735_689_601_999), "00:00:01");
    }
}
