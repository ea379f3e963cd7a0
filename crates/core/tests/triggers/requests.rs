//! The arguments of `TRIG.*`: read, written and read again, and what is refused in which words.

use liq_core::grammar::Args;
use liq_core::market::request::{DeleteTriggers, ListTriggers, SetTrigger};

fn words(text: &str) -> Vec<&[u8]> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes).collect()
}

fn refusal(text: &str) -> String {
    SetTrigger::parse(Args::new(&words(text))).expect_err(text).to_string()
}

#[test]
fn what_is_written_is_read_again() {
    for (text, written) in [
        ("a long sl 61000.10 tp 63000 by MARK", "a LONG SL 61000.1 TP 63000 BY mark"),
        ("a SHORT TRAILPCT 0.80 ACTIVATE 6e4 BY last NX", "a SHORT TRAILPCT 0.8 ACTIVATE 60000 NX"),
        (
            "a ABOVE 1 BY bid BELOW 0.5 EXPIRES 99 PAYLOAD {} XX AT 7",
            "a ABOVE 1 BY bid BELOW 0.5 EXPIRES 99 PAYLOAD {} XX AT 7",
        ),
        ("a LONG TRAIL 0.000001 EXTREME 70000 BY index SL 5", "a LONG SL 5 TRAIL 0.000001 EXTREME 70000 BY index"),
    ] {
        let read = words(text);
        let request = SetTrigger::parse(Args::new(&read)).expect(text);
        let args = request.to_args();
        assert_eq!(String::from_utf8(args.join(&b' ')).unwrap(), written);
        let again: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        assert_eq!(SetTrigger::parse(Args::new(&again)), Ok(request), "{text}");
    }
}

#[test]
fn refusals_name_the_argument() {
    for (text, expected) in [
        ("a", "id: needs a leg: SL, TP, TRAIL, TRAILPCT, ABOVE or BELOW, got 'a'"),
        ("a SL 5", "SL: needs LONG or SHORT, got '5'"),
        ("a TRAIL 5", "TRAIL: needs LONG or SHORT, got '5'"),
        ("a TRAILPCT 1.50", "TRAILPCT: needs LONG or SHORT, got '1.5'"),
        ("a LONG SL 5 TP 5", "SL: must be below TP for LONG, got '5'"),
        ("a SHORT SL 5 TP 6", "SL: must be above TP for SHORT, got '5'"),
        ("a LONG SL 5 SL 6", "SL: given more than once, got '6'"),
        ("a LONG SHORT SL 5", "LONG: LONG and SHORT do not go together, and each is given once, got 'SHORT'"),
        (
            "a LONG TRAIL 5 TRAILPCT 1",
            "TRAIL: TRAIL and TRAILPCT do not go together, and each is given once, got 'TRAILPCT'",
        ),
        ("a LONG TRAILPCT 0", "TRAILPCT: must be above 0 and below 100, got '0'"),
        ("a LONG TRAILPCT 100", "TRAILPCT: must be above 0 and below 100, got '100'"),
        ("a LONG TRAILPCT 0.1234567", "TRAILPCT: has more than 6 decimals, got '0.1234567'"),
        ("a LONG SL 5 ACTIVATE 3", "ACTIVATE: comes behind TRAIL or TRAILPCT, got '3'"),
        ("a BY mark SL 5", "BY: comes once behind a leg, got 'mark'"),
        ("a LONG SL 5 BY mark BY bid", "BY: comes once behind a leg, got 'bid'"),
        ("a LONG SL 5 BY best", "BY: must be last, bid, ask, mid, mark or index, got 'best'"),
        ("a LONG SL nan", "SL: not a number, got 'nan'"),
        ("a LONG SL 0", "SL: must be 0.000000000001 to 1000000000000000, got '0'"),
        ("a ABOVE 5 NX XX", "NX: NX and XX do not go together, and each is given once, got 'XX'"),
        ("a ABOVE 5 EXPIRES soon", "EXPIRES: not an integer, got 'soon'"),
        ("a ABOVE 5 QTY 1", "option: unknown, got 'QTY'"),
        ("a ABOVE", "ABOVE: needs a value, got ''"),
    ] {
        assert_eq!(refusal(text), expected);
    }
    assert!(refusal(&format!("{} ABOVE 5", "i".repeat(65))).starts_with("id: must have 1 to 64 bytes"));
    let payload = format!("a ABOVE 5 PAYLOAD {}", "p".repeat(1025));
    assert!(refusal(&payload).starts_with("PAYLOAD: longer than 1024 bytes"));
}

#[test]
fn ids_and_prefixes_are_told_apart() {
    for text in ["a", "a b c", "PREFIX a", "PREFIX", "PREFIX a b"] {
        let read = words(text);
        let request = DeleteTriggers::parse(Args::new(&read)).expect(text);
        assert_eq!(matches!(request, DeleteTriggers::Prefix(_)), text == "PREFIX a", "{text}");
        assert_eq!(request.to_args(), read);
    }
    for text in ["", "ID a COUNT 5", "PREFIX user42: AFTER 1723161300200", "AFTER 5 COUNT 1000"] {
        let read = words(text);
        let request = ListTriggers::parse(Args::new(&read)).expect(text);
        assert_eq!(request.to_args(), read);
    }
    for text in ["ID a PREFIX b", "COUNT 0", "COUNT 1001", "AFTER -1", "ID", "STATE armed"] {
        assert!(ListTriggers::parse(Args::new(&words(text))).is_err(), "{text}");
    }
}
