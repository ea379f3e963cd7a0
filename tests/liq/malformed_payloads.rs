//! LIQ.MADDPACK fed with what is no batch: refused whole, and nothing is believed before its bytes are there.

use crate::refusals::Checker;
use crate::support::Server;

#[test]
fn malformed_payloads_are_refused() {
    let server = Server::start();
    let mut checker = Checker::new(&server);
    let row: &[u8] = &[0x94, 0xc0, 0x00, 0x64, 0x0a];
    let of = |parts: &[&[u8]]| parts.concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("no array", vec![0x05]),
        ("a map", vec![0x80]),
        ("a row that is no array", vec![0x91, 0x01]),
        ("trailing bytes", of(&[&[0x91], row, &[0xc0]])),
        ("fewer rows than said", of(&[&[0x92], row])),
        ("a length bomb of rows", vec![0xdd, 0xff, 0xff, 0xff, 0xff]),
        ("a length bomb of fields", vec![0x91, 0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0]),
        ("a length bomb in the id", of(&[&[0x91, 0x96, 0xc0, 0x00, 0x64, 0x0a, 0xc0, 0xdb, 0xff, 0xff, 0xff, 0xff]])),
        ("a length bomb in the side", of(&[&[0x91, 0x94, 0xc0, 0xc6, 0xff, 0xff, 0xff, 0xff]])),
        ("three fields", vec![0x91, 0x93, 0xc0, 0x00, 0x64]),
        ("seven fields", vec![0x91, 0x97, 0xc0, 0x00, 0x64, 0x0a, 0xc0, 0xc0, 0xc0]),
        ("an extension", vec![0x91, 0x94, 0xd4, 0x01, 0x00, 0x00, 0x64, 0x0a]),
        ("a nested array", vec![0x91, 0x94, 0xc0, 0x00, 0x91, 0x64, 0x0a]),
        ("a map for a number", vec![0x91, 0x94, 0xc0, 0x00, 0x80, 0x0a]),
        ("a side of 2", vec![0x91, 0x94, 0xc0, 0x02, 0x64, 0x0a]),
        ("a negative time", vec![0x91, 0x94, 0xff, 0x00, 0x64, 0x0a]),
        ("a negative size", vec![0x91, 0x94, 0xc0, 0x00, 0x64, 0xff]),
        ("nil for a price", vec![0x91, 0x94, 0xc0, 0x00, 0xc0, 0x0a]),
        ("nan for a size", of(&[&[0x91, 0x94, 0xc0, 0x00, 0x64, 0xcb], &f64::NAN.to_be_bytes()])),
        ("infinity for a price", of(&[&[0x91, 0x94, 0xc0, 0x00, 0xcb], &f64::INFINITY.to_be_bytes(), &[0x0a]])),
        ("a number as text", vec![0x91, 0x94, 0xc0, 0x00, 0xa3, b'1', b'0', b'0', 0x0a]),
        ("a reserved byte", vec![0x91, 0xc1]),
        ("deep nesting", vec![0x91; 100_000]),
    ];
    for (what, payload) in &cases {
        let reply = checker.client.call(&[b"LIQ.MADDPACK".as_slice(), b"missing", payload]);
        assert!(reply.error().starts_with("ERR "), "{what}: {reply:?}");
        checker.refuses(&[b"LIQ.MADDPACK", b"KEY", payload], Some(""));
    }
    // Every shortened and every flipped form of a good payload is answered, whatever the answer.
    let good = of(&[
        &[0x92, 0x96, 0xcf],
        &1_700_000_000_002_u64.to_be_bytes(),
        &[0xa3],
        b"buy",
        &[0x64, 0x0a, 0xa3],
        b"okx",
        &[0x07],
        row,
    ]);
    for at in 0..good.len() {
        let reply = checker.client.call(&[b"LIQ.MADDPACK".as_slice(), b"short", &good[..at]]);
        assert!(reply.is_error(), "cut at {at}: {reply:?}");
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << bit;
            checker.client.call(&[b"LIQ.MADDPACK".as_slice(), b"flipped", &flipped]);
        }
    }
    assert_eq!(checker.client.run("EXISTS short").int(), 0);
    assert_eq!(checker.client.run("PING").text(), "PONG");
}
