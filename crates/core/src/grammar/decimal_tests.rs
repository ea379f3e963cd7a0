//! Decimals against text written by hand, and against the slow way.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<String, DecimalError> {
    Decimal::parse(text.as_bytes()).map(|value| value.to_string())
}

#[test]
fn text_of_exchanges_is_read_exactly_and_written_shortest() {
    let cases = [
        ("93509.10", "93509.1"),
        ("1e-06", "0.000001"),
        ("0", "0"),
        ("0.0", "0"),
        ("-0", "0"),
        ("+1", "1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("007.500", "7.5"),
        ("1E3", "1000"),
        ("1.25e2", "125"),
        ("1000000000000000", "1000000000000000"),
        ("0.000000000001", "0.000000000001"),
        ("123456789012.345678", "123456789012.345678"),
        // The 16th digit behind the point, and the 19th in all: half to even.
        ("0.0000000000000005", "0"),
        ("0.0000000000000015", "0.000000000000002"),
        ("0.00000000000000050000000001", "0.000000000000001"),
        ("1234567890123.456785", "1234567890123.45678"),
        ("1234567890123.456775", "1234567890123.45678"),
        ("999999999999999999.5", "OutOfRange"),
        ("99999.99999999999999", "100000"),
        ("99999.9999999999999", "99999.9999999999999"),
        ("9.999999999999999999", "10"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("1e17", "100000000000000000"),
        ("1e18", "OutOfRange"),
        ("1e400000000000", "OutOfRange"),
        ("1e-400000000000", "0"),
        ("-1", "OutOfRange"),
    ];
    for (text, wanted) in cases {
        let got = read(text).unwrap_or_else(|error| format!("{error:?}"));
        assert_eq!(got, wanted, "{text}");
    }
    assert_eq!(read("1234567890123.4567850"), read("1234567890123.456785"), "zeros at the end are nothing");
}

#[test]
fn what_is_no_number_is_refused() {
    for text in ["", ".", "-", "e5", "1e", "1e+", "1.2.3", "0x10", "nan", "inf", " 1", "1 ", "1_0", "1,5", "1\0", "--1"]
    {
        assert_eq!(read(text), Err(DecimalError::NotANumber), "{text:?}");
    }
    let long = "1".repeat(10_000_000);
    assert_eq!(read(&long), Err(DecimalError::NotANumber));
}

#[test]
fn a_refusal_names_the_argument_and_the_bounds() {
    let range = Decimal::ten_to(-12)..=Decimal::ten_to(15);
    let error = |text: &str| decimal("price", text.as_bytes(), &range).unwrap_err().to_string();
    assert_eq!(error("0"), "price: must be 0.000000000001 to 1000000000000000, got '0'");
    assert_eq!(error("1e16"), "price: must be 0.000000000001 to 1000000000000000, got '1e16'");
    assert_eq!(error("abc"), "price: not a number, got 'abc'");
    assert!(decimal("price", b"1e15", &range).is_ok());
}

#[test]
fn products_are_exact_up_to_eighteen_digits_behind_the_point() {
    let parse = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    let text = |a: &str, b: &str| PlainBuffer::new().units(parse(a).product(parse(b)), 18).to_owned();
    assert_eq!(text("61755.70", "0.012"), "741.0684");
    assert_eq!(text("0.000000001", "0.000000001"), "0.000000000000000001");
    // 10^-20 · 5 is half of nothing that is even; three times that is nearer to 10^-19 · 2 … rounded at the 18th.
    assert_eq!(text("0.0000000000005", "0.000001"), "0");
    assert_eq!(text("0.0000000000015", "0.000001"), "0.000000000000000002");
    assert_eq!(text("1000000000000000", "1"), "1000000000000000");
}

#[test]
fn sums_are_written_whole_whatever_their_size() {
    let text = |units, scale| PlainBuffer::new().units(units, scale).to_owned();
    assert_eq!(text(u128::MAX, 18), "340282366920938463463.374607431768211455");
    assert_eq!(text(u128::MAX, 0), u128::MAX.to_string());
    assert_eq!(text(1, 18), "0.000000000000000001");
    assert_eq!(text(10_u128.pow(18), 18), "1");
    assert_eq!(text(0, 18), "0");
}

/// The digits of a number written plainly, rounded half to even at the place that 15 behind the point and 18 in all allow,
/// all as text.
fn slow(whole: &str, fraction: &str) -> Option<String> {
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    let significant = digits.len() - leading;
    let cut = fraction.len().saturating_sub(15).max(significant.saturating_sub(18));
    if cut > fraction.len() {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0_u128, |value, digit| value * 10 + u128::from(*digit));
    let (kept, gone) = digits.split_at(digits.len() - cut);
    let mut value = number(kept);
    let half: Vec<u8> = std::iter::once(5).chain(std::iter::repeat(0)).take(gone.len()).collect();
    if gone > half.as_slice() || (!gone.is_empty() && gone == half.as_slice() && value % 2 == 1) {
        value += 1;
    }
    let scale = fraction.len() - cut;
    let text = format!("{value:0>width$}", width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{}{point}{fraction}", if whole.is_empty() { "0" } else { whole }))
}

proptest! {
    #[test]
    fn reading_is_rounding_of_the_text(whole in "[0-9]{1,16}", fraction in "[0-9]{0,25}", tail in "(0|9|4|5){0,6}") {
        let fraction = fraction + &tail;
        let text = if fraction.is_empty() { whole.clone() } else { format!("{whole}.{fraction}") };
        if let Some(wanted) = slow(&whole, &fraction) {
            prop_assert_eq!(read(&text), Ok(wanted), "{}", text);
        }
    }

    #[test]
    fn an_exponent_moves_the_point(mantissa in 0_u64..1_000_000_000, point in 0_i32..9, exponent in -6_i32..6) {
        let digits = format!("{mantissa:010}");
        let (whole, fraction) = digits.split_at(digits.len() - point as usize);
        let moved = format!("{whole}.{fraction}e{exponent}");
        let scale = point - exponent;
        let wanted = if scale < 0 { mantissa * 10_u64.pow(scale.unsigned_abs()) } else { mantissa };
        let wanted = Decimal::new(wanted, scale.max(0) as u8).unwrap();
        prop_assert_eq!(Decimal::parse(moved.as_bytes()), Ok(wanted));
    }

    #[test]
    fn what_is_written_reads_back_and_order_is_that_of_the_numbers(
        a in 0_u64..MANTISSA_END, b in 0_u64..MANTISSA_END, scale_a in 0_u8..=15, scale_b in 0_u8..=15,
    ) {
        let (a, b) = (Decimal::new(a, scale_a).unwrap(), Decimal::new(b, scale_b).unwrap());
        prop_assert_eq!(Decimal::parse(a.to_string().as_bytes()), Ok(a));
        prop_assert_eq!(a.cmp(&b), a.femto().cmp(&b.femto()));
        prop_assert_eq!(a == b, a.femto() == b.femto());
        prop_assert_eq!(Decimal::from_femto(a.femto()), Some(a));
    }

    #[test]
    fn a_double_is_its_shortest_text(value in 0.0_f64..1e12) {
        let decimal = Decimal::from_double(value).unwrap();
        prop_assert!((decimal.to_f64() - value).abs() <= value * 1e-15 + 1e-15);
    }

    #[test]
    fn no_bytes_stop_the_reader(text in proptest::collection::vec(any::<u8>(), 0..40), digits in "[-+0-9.eE]{0,30}") {
        let _ = Decimal::parse(&text);
        let _ = Decimal::parse(digits.as_bytes());
    }
}
