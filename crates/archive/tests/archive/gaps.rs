//! Gaps whose size the server's counts tell exactly, and those whose size nobody can tell: streams that are made anew.

use std::ops::RangeInclusive;

use liq_harness::{Client, Server};

use crate::{entries, once, text_of};

fn add(client: &mut Client, range: RangeInclusive<u64>) {
    let lines: Vec<String> = range.map(|id| format!("XADD s {id}-0 n {id}")).collect();
    client.pipeline(&lines);
}

/// A server whose stream `s` has 1 to 10, and they are on disk.
fn archived() -> (Server, tempfile::TempDir, Client) {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut client = server.connect();
    add(&mut client, 1..=10);
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0);
    (server, dir, client)
}

#[track_caller]
fn status_tells(server: &Server, dir: &tempfile::TempDir, end: &str) {
    let (code, text) = text_of(server, &["status", dir.path().to_str().unwrap()]);
    assert!(code == 2 && text.trim_end().ends_with(end), "{code}: {text}");
}

#[test]
fn a_stream_made_anew_with_higher_ids_is_a_gap_of_unknown_size() {
    let (server, dir, mut client) = archived();
    add(&mut client, 11..=15);
    client.run("DEL s");
    add(&mut client, 16..=18);
    status_tells(&server, &dir, "last=10-0 missing=0 waiting=3 unknown=1");
    let metrics = dir.path().with_extension("prom");
    let (code, told) = once(&server, dir.path(), &["s", "--metrics", metrics.to_str().unwrap()]);
    assert!(code == 2 && told.contains("made anew"), "{told}");
    let metrics_text = std::fs::read_to_string(&metrics).unwrap();
    std::fs::remove_file(&metrics).unwrap();
    assert!(metrics_text.contains("liq_archive_gaps_of_unknown_size_total 1\n"), "{metrics_text}");
    assert_eq!(entries(dir.path(), "s").len(), 13);
    status_tells(&server, &dir, "last=18-0 missing=0 waiting=0 unknown=1");
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0, "told once");
    // From there on the new stream's counts hold.
    add(&mut client, 19..=25);
    client.run("XTRIM s MAXLEN 4");
    let (code, told) = once(&server, dir.path(), &["s"]);
    assert!(code == 2 && told.contains("missing=3"), "{told}");
}

#[test]
fn a_new_stream_that_was_given_more_than_the_archive_has_is_noticed_too() {
    let (server, dir, mut client) = archived();
    client.run("DEL s");
    add(&mut client, 16..=40);
    let (code, told) = once(&server, dir.path(), &["s", "--rows", "10"]);
    assert!(code == 2 && told.contains("made anew"), "{told}");
    assert_eq!(entries(dir.path(), "s").len(), 35);
    status_tells(&server, &dir, "last=40-0 missing=0 waiting=0 unknown=1");
    // Made anew and emptied: no file can tell of it yet.
    client.run("DEL s");
    add(&mut client, 41..=41);
    client.run("XDEL s 41-0");
    status_tells(&server, &dir, "last=40-0 missing=0 waiting=0 unknown=2");
    for _ in 0..2 {
        assert_eq!(once(&server, dir.path(), &["s"]).0, 2, "told until a file tells");
    }
    add(&mut client, 42..=42);
    assert_eq!(once(&server, dir.path(), &["s"]).0, 2);
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0);
    status_tells(&server, &dir, "last=42-0 missing=0 waiting=0 unknown=2");
}

/// As behind a failover to a replica that had got less, which then is given entries with ids behind the archive's end.
#[test]
fn counts_that_do_not_fit_are_told_though_the_streams_beginning_is_there() {
    let (server, dir, mut client) = archived();
    client.run("DEL s");
    add(&mut client, 1..=9);
    add(&mut client, 11..=14);
    let (code, told) = once(&server, dir.path(), &["s"]);
    assert!(code == 2 && told.contains("made anew"), "{told}");
    assert_eq!(entries(dir.path(), "s").len(), 14);
    status_tells(&server, &dir, "last=14-0 missing=0 waiting=0 unknown=1");
    // What is then lost is counted as the new server counts.
    add(&mut client, 15..=20);
    client.run("XTRIM s MAXLEN 3");
    let (code, told) = once(&server, dir.path(), &["s"]);
    assert!(code == 2 && told.contains("missing=3"), "{told}");
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0);
}

#[test]
fn single_entries_that_were_deleted_unread_are_counted_exactly() {
    let (server, dir, mut client) = archived();
    add(&mut client, 11..=20);
    client.run("XDEL s 12-0 14-0 16-0");
    let (code, told) = once(&server, dir.path(), &["s", "--rows", "3"]);
    assert_eq!(code, 2, "{told}");
    status_tells(&server, &dir, "entries=17 last=20-0 missing=3 waiting=0 unknown=0");
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0, "told once");
    // What is deleted behind the archive is no gap.
    add(&mut client, 21..=22);
    client.run("XDEL s 19-0 20-0");
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0);
}

#[test]
fn status_tells_a_gap_that_no_file_tells_of_yet() {
    let (server, dir, mut client) = archived();
    add(&mut client, 11..=13);
    client.run("XTRIM s MAXLEN 0");
    assert_eq!(once(&server, dir.path(), &["s"]).0, 2);
    status_tells(&server, &dir, "entries=10 last=10-0 missing=3 waiting=0 unknown=0");
    add(&mut client, 14..=15);
    status_tells(&server, &dir, "entries=10 last=10-0 missing=3 waiting=2 unknown=0");
    assert_eq!(once(&server, dir.path(), &["s"]).0, 2);
    status_tells(&server, &dir, "entries=12 last=15-0 missing=3 waiting=0 unknown=0");
}
