//! Databases read the files: DuckDB and ClickHouse (`chdb`) as they are, PostgreSQL by a pipe. `scripts/databases` installs
//! the first two; where one is missing its test says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use liq_harness::Server;

use crate::once;

/// An archive of 1,000 signals and what their prices sum to.
fn archive() -> (tempfile::TempDir, f64) {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut client = server.connect();
    let mut sum = 0.0;
    let lines: Vec<String> = (1..=1000)
        .map(|number| {
            let price = 42_000.0 + f64::from(number) * 0.25;
            sum += price;
            format!("XADD signals:{{BTCUSDT}} {number}-0 symbol BTCUSDT side buy price {price} extra \"a, b\"")
        })
        .collect();
    client.pipeline(&lines);
    assert_eq!(once(&server, dir.path(), &["signals:*", "--rows", "300"]).0, 0);
    (dir, sum)
}

/// The Python with the databases, when there is one that has `package`.
fn python(package: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/databases-venv/bin/python");
    let python = std::env::var_os("LIQ_DATABASES_PYTHON").map_or(own, PathBuf::from);
    let works = Command::new(&python).args(["-c", &format!("import {package}")]).stderr(Stdio::null()).status();
    if works.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    println!("skipped: no {package}; scripts/databases installs it");
    None
}

#[track_caller]
fn asks(python: &Path, program: &str) -> String {
    let output = Command::new(python).args(["-c", program]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn duckdb_reads_the_files() {
    let Some(python) = python("duckdb") else { return };
    let (dir, sum) = archive();
    let program = format!(
        "import duckdb\nprint(*duckdb.sql(\"SELECT count(*), sum(price), min(rest->>'extra') FROM '{}/signals/**/*.parquet'\").fetchall()[0], sep='|')",
        dir.path().display()
    );
    assert_eq!(asks(&python, &program), format!("1000|{sum:?}|a, b"));
}

#[test]
fn clickhouse_reads_the_files() {
    let Some(python) = python("chdb") else { return };
    let (dir, sum) = archive();
    let program = format!(
        "import chdb\nprint(chdb.query(\"SELECT count(), sum(price), any(JSONExtractString(assumeNotNull(rest), 'extra')) FROM file('{}/signals/**/*.parquet', Parquet)\", 'TSV'))",
        dir.path().display()
    );
    assert_eq!(asks(&python, &program), format!("1000\t{sum}\ta, b"));
}

/// Where PostgreSQL's programs are, which is not always on the path.
fn postgres() -> Option<PathBuf> {
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let debian =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|dir| dir.path().join("bin"));
    let found = on_path.chain(debian).find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file());
    if found.is_none() {
        println!("skipped: no PostgreSQL");
        assert!(std::env::var_os("CI").is_none(), "CI has to have PostgreSQL");
    }
    found
}

/// PostgreSQL refuses to run as root: single-user mode, as another user where this is root, needs no server.
#[test]
fn postgresql_reads_a_pipe() {
    let Some(bin) = postgres() else { return };
    let (dir, sum) = archive();
    let files: Vec<PathBuf> = liq_archive::folder::parts(dir.path(), b"signals:{BTCUSDT}")
        .unwrap()
        .into_iter()
        .map(|part| part.path)
        .collect();
    let csv = Command::new(env!("CARGO_BIN_EXE_liq-archive")).arg("cat").args(&files).output().unwrap();
    assert!(csv.status.success());
    let work = tempfile::tempdir().unwrap();
    let script = work.path().join("run.sh");
    std::fs::write(work.path().join("signals.csv"), &csv.stdout).unwrap();
    std::fs::write(
        &script,
        format!(
            "set -e; cd {work}; export PGDATA={work}/data; {bin}/initdb -A trust -U desk --no-sync >/dev/null\n\
             {bin}/pg_ctl -w -o '-k {work} -c listen_addresses= -c fsync=off' -l log start >/dev/null\n\
             trap '{bin}/pg_ctl -m immediate stop >/dev/null' EXIT\n\
             ask() {{ psql -h {work} -U desk -d postgres -At -c \"$1\"; }}\n\
             ask 'CREATE TABLE signals (id_ms bigint, id_seq bigint, symbol text, key text, side text, entry_reason text, \
             vwap float8, vwap_deviation float8, liquidation_size float8, price float8, timestamp bigint, exchange text, rest jsonb)' >/dev/null\n\
             ask '\\copy signals FROM STDIN CSV HEADER' < signals.csv >/dev/null\n\
             ask \"SELECT count(*), sum(price), min(rest->>'extra') FROM signals\"\n",
            work = work.path().display(),
            bin = bin.display(),
        ),
    )
    .unwrap();
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = Command::new("bash");
    command.arg(&script);
    if is_root {
        let chown = Command::new("chown").args(["-R", "nobody"]).arg(work.path()).status();
        assert!(chown.unwrap().success());
        command = Command::new("setpriv");
        command.args(["--reuid", "nobody", "--clear-groups", "bash"]).arg(&script);
    }
    let output = command.output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert_eq!(told.trim(), format!("1000|{sum}|a, b"));
}
