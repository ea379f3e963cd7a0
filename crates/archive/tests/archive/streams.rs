//! Many streams: one that cannot be archived stops no other; and names that look like patterns, ids beyond 2^63.

use liq_harness::{Server, wait_until};

use crate::faults::Running;
use crate::{entries, once, text_of};

/// Two streams of two entries: `a`, which is to fail, and `b`, which sorts behind it.
fn two() -> (Server, tempfile::TempDir) {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    server.connect().pipeline(&["XADD a 1-0 n 1", "XADD a 2-0 n 1", "XADD b 1-0 n 1", "XADD b 2-0 n 1"]);
    (server, dir)
}

#[test]
fn a_server_that_refuses_to_trim_has_all_streams_archived() {
    let (server, dir) = two();
    server.connect().run("REPLICAOF 127.0.0.1 1").ok();
    let (code, told) = once(&server, dir.path(), &["a", "b", "--keep", "1ms"]);
    assert!(code == 1 && told.contains("read only"), "{told}");
    assert_eq!((entries(dir.path(), "a").len(), entries(dir.path(), "b").len()), (2, 2));
}

#[test]
fn a_key_of_another_type_stops_no_stream() {
    let (server, dir) = two();
    server.connect().pipeline(&["DEL a", "SET a x"]);
    let metrics = dir.path().with_extension("prom");
    let (code, told) = once(&server, dir.path(), &["a", "b", "--metrics", metrics.to_str().unwrap()]);
    assert!(code == 1 && told.contains("WRONGTYPE"), "{told}");
    assert_eq!(entries(dir.path(), "b").len(), 2);
    let text = std::fs::read_to_string(&metrics).unwrap();
    std::fs::remove_file(&metrics).unwrap();
    assert!(
        text.contains("liq_archive_entries_total 2\n") && text.contains("liq_archive_streams_failed 1\n"),
        "{text}"
    );
    // A daemon goes on with the other, round by round.
    let _archiver = Running::start(&server.url(), dir.path(), &["a", "b"]);
    server.connect().run("XADD b 3-0 n 1");
    wait_until("it is on disk", || entries(dir.path(), "b").contains_key("3-0"));
}

#[test]
fn a_broken_file_of_one_stream_stops_no_other_and_is_told() {
    let (server, dir) = two();
    assert_eq!(once(&server, dir.path(), &["a", "b"]).0, 0);
    let broken = liq_archive::folder::parts(dir.path(), b"a").unwrap().remove(0).path;
    std::fs::write(&broken, "no parquet").unwrap();
    server.connect().pipeline(&["XADD a 3-0 n 1", "XADD b 3-0 n 1"]);
    let (code, told) = once(&server, dir.path(), &["a", "b"]);
    assert!(code == 1 && told.contains("1-0-2-0.parquet"), "{told}");
    assert_eq!(entries(dir.path(), "b").len(), 3);
    let (code, text) = text_of(&server, &["status", dir.path().to_str().unwrap()]);
    assert!(code == 2 && text.contains("a files=1 broken: ") && text.contains("1-0-2-0.parquet"), "{code}: {text}");
    assert!(text.contains("b files=2 entries=3 last=3-0 missing=0 waiting=0"), "{text}");
    // A stream whose key is of another type now is told beside the others.
    server.connect().pipeline(&["DEL b", "SET b x"]);
    let (code, text) = text_of(&server, &["status", dir.path().to_str().unwrap()]);
    assert!(code == 2 && text.contains("b files=2 entries=3 last=3-0 missing=0 waiting=? unknown=0"), "{code}: {text}");
}

#[test]
fn status_without_redis_shows_what_is_on_disk() {
    let (server, dir) = two();
    assert_eq!(once(&server, dir.path(), &["a", "b"]).0, 0);
    let (code, text) =
        text_of(&server, &["status", dir.path().to_str().unwrap(), "--redis", "redis+unix:///nonexistent"]);
    assert!(code == 1 && text.contains("a files=1 entries=2 last=2-0 missing=0 waiting=-"), "{code}: {text}");
    assert!(text.contains("b files=1") && text.contains("liq-archive: redis: "), "{text}");
}

#[test]
fn a_name_that_looks_like_a_pattern_is_a_name_too() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    server.connect().pipeline(&["XADD x[1] 1-0 n 1", "XADD x1 1-0 n 1", "SET y[1] 1"]);
    let (code, told) = once(&server, dir.path(), &["x[1]", "y[1]"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!((entries(dir.path(), "x[1]").len(), entries(dir.path(), "x1").len()), (1, 1));
}

#[test]
fn whatever_a_stream_is_called_it_is_archived_in_the_folder() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(300);
    // Of `a` there is a file of that name, on that day.
    let names = ["a", "a:1970-01-01:1-0-1-0.parquet", ".lock", "..", "../b", "/", "", "ä\n", &long];
    for name in names {
        server.connect().call(&["XADD", name, "1-0", "n", "1"]);
    }
    for _ in 0..2 {
        let (code, told) = once(&server, dir.path(), &names);
        assert_eq!(code, 0, "{told}");
    }
    let (code, told) = text_of(&server, &["status", dir.path().to_str().unwrap(), "--redis", &server.url()]);
    assert_eq!(code, 0, "{told}");
    for name in names {
        assert_eq!(entries(dir.path(), name).len(), 1, "{name}");
        assert!(told.contains(&format!("{name} files=1 entries=1 last=1-0 missing=0 waiting=0")), "{name}: {told}");
    }
}

#[test]
fn ids_beyond_the_signed_integers_read_back() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let ids = [
        "9223372036854775807-0",
        "9223372036854775808-1",
        "9223372036854775808-9223372036854775808",
        "18446744073709551615-18446744073709551615",
    ];
    for id in ids {
        server.connect().run(&format!("XADD s {id} n 1"));
    }
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0);
    assert_eq!(once(&server, dir.path(), &["s", "--keep", "1ms"]).0, 0);
    let (code, text) = text_of(&server, &["verify", dir.path().to_str().unwrap()]);
    assert!(code == 0 && text.contains("entries=4 problems=0"), "{text}");
    // As columns, and so as text, they are the two's complement.
    assert!(entries(dir.path(), "s").contains_key("-9223372036854775808-1"));
}
