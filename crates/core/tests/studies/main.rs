//! Studies against the figures of TA-Lib and pandas-ta, stored with the script that makes them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs, reason = "tests may stop")]

use liq_core::market::studies::{Bar, Kind, Study, StudyError};

const TABLE: &str = include_str!("reference.csv");

/// The studies of the table, in the order of its columns.
fn studies() -> Vec<Study> {
    let stochastic = |rsi, range, k, d| Kind::StochRsi { rsi, range, k, d };
    [
        Kind::Sma(2),
        Kind::Sma(14),
        Kind::Ema(2),
        Kind::Ema(14),
        Kind::Rsi(2),
        Kind::Rsi(14),
        Kind::Atr(1),
        Kind::Atr(14),
        Kind::Adx(2),
        Kind::Adx(14),
        Kind::Bb(5, 2.0),
        Kind::Bb(20, 1.5),
        stochastic(14, 14, 3, 3),
        stochastic(5, 8, 2, 4),
    ]
    .map(|kind| Study::new(kind).unwrap())
    .into()
}

/// Compares every figure of a table to 1e-9 relative; tells how many there were.
fn compare(table: &str) -> usize {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').skip(4).collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let kinds = rows.chunk_by(|one, other| one[0] == other[0]);
    let mut compared = 0;
    for rows in kinds {
        let number = |text: &str| text.parse::<f64>().unwrap();
        let bars: Vec<Bar> =
            rows.iter().map(|row| Bar { high: number(row[1]), low: number(row[2]), close: number(row[3]) }).collect();
        let columns: Vec<_> = studies().iter().flat_map(|study| study.over(&bars)).collect();
        assert_eq!(columns.len(), names.len());
        for (at, (column, name)) in columns.iter().zip(&names).enumerate() {
            for (row, cells) in rows.iter().enumerate() {
                let expected = Some(cells[at + 4]).filter(|text| !text.is_empty()).map(number);
                let found = column.at(row);
                let place = format!("{} {name}, row {row}: {found:?}, and {expected:?} in the table", cells[0]);
                assert_eq!(found.is_some(), expected.is_some(), "{place}");
                let Some((found, expected)) = found.zip(expected) else { continue };
                // Of what is near 0 among figures up to 100 only as much is known as of those.
                let room = 1e-9 * expected.abs().max(if name.contains("rsi") { 1e-3 } else { 0.0 });
                assert!((found - expected).abs() <= room, "{place}");
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn figures_are_those_of_ta_lib_and_pandas_ta() {
    assert!(compare(TABLE) > 5_000);
    if let Ok(path) = std::env::var("LIQ_STUDIES") {
        let compared = compare(&std::fs::read_to_string(path).unwrap());
        println!("{compared} figures of the given table");
    }
}

#[test]
fn too_few_rows_give_no_figure() {
    let bar = Bar { high: 2.0, low: 1.0, close: 1.5 };
    for study in studies() {
        for rows in 0..40 {
            let columns = study.over(&vec![bar; rows]);
            assert_eq!(columns.len(), study.columns().len());
            for column in columns {
                assert_eq!(column.values.len(), rows.saturating_sub(column.first), "{study:?} of {rows}");
                assert_eq!(column.at(rows), None);
                assert!(column.values.iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn lengths_that_a_study_is_not_defined_for_are_refused() {
    for kind in [Kind::Sma(1), Kind::Ema(0), Kind::Rsi(1), Kind::Adx(1), Kind::Bb(501, 2.0)] {
        assert_eq!(Study::new(kind), Err(StudyError::Length { least: 2 }), "{kind:?}");
    }
    assert_eq!(Study::new(Kind::Atr(0)), Err(StudyError::Length { least: 1 }));
    for width in [-0.1, 1000.1, f64::NAN] {
        assert_eq!(Study::new(Kind::Bb(20, width)), Err(StudyError::Width));
    }
    for (rsi, range, k, d) in [(1, 14, 3, 3), (14, 1, 3, 3), (14, 14, 0, 3), (14, 14, 3, 501)] {
        assert!(Study::new(Kind::StochRsi { rsi, range, k, d }).is_err());
    }
    let longest = Study::new(Kind::StochRsi { rsi: 500, range: 500, k: 500, d: 500 }).unwrap();
    let bars: Vec<Bar> =
        (0..5_500).map(|row| f64::from(row % 77)).map(|at| Bar { high: at, low: at, close: at }).collect();
    assert_eq!(longest.over(&bars)[1].first, 500 + 499 + 499 + 499);
}

#[test]
fn prices_at_both_ends_of_the_range_give_finite_figures() {
    let bars: Vec<Bar> = (0..600)
        .map(|row| if row % 2 == 0 { 1e15 } else { 1e-12 })
        .map(|price| Bar { high: price, low: price, close: price })
        .collect();
    for column in studies().iter().flat_map(|study| study.over(&bars)) {
        assert!(column.values.iter().all(|value| value.is_finite()));
    }
}
