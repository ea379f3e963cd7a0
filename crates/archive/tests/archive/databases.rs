//! Databases read the files: DuckDB and PostgreSQL by the commands of the guide, as they stand there, ClickHouse by
//! `chdb`. `scripts/databases` installs DuckDB and `chdb`; where one is missing its test says so.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use liq_harness::Server;

use crate::faults::{add_noise, die_while_writing};
use crate::{old_close, once};

/// 21 November 2026, 12:27 UTC: the guide names the day.
const BEGIN_MS: u64 = 1_795_264_047_513;

/// An archive of 1,000 signals, four of five of BTCUSDT, of an old and a new close, and of what an archiver that was killed
/// left half written; and what the prices of the signals sum to.
fn archive() -> (tempfile::TempDir, f64) {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    old_close(dir.path());
    let mut client = server.connect();
    let mut sum = 0.0;
    let lines: Vec<String> = (1..=1000_u64)
        .map(|number| {
            let price = 42_000.0 + number as f64 * 0.25;
            sum += price;
            let symbol = if number % 5 == 0 { "ETHUSDT" } else { "BTCUSDT" };
            let deviation = if number % 2 == 0 { -2.25 } else { 1.75 };
            format!(
                "XADD signals:{{BTCUSDT}} {}-0 symbol {symbol} side buy price {price} vwap_deviation {deviation} extra \"a, b\"",
                BEGIN_MS + number
            )
        })
        .collect();
    client.pipeline(&lines);
    client.run("XADD closes:{X} 120000-0 event closed symbol X interval 1m start 60000 close 149.90 trades 17");
    assert_eq!(once(&server, dir.path(), &["signals:*", "closes:*", "--rows", "300"]).0, 0);
    add_noise(&server, "signals:{BTCUSDT}", BEGIN_MS + 1000);
    die_while_writing(&server, dir.path(), "signals:{BTCUSDT}");
    (dir, sum)
}

/// The blocks of the guide's section on reading that hold `word`.
fn blocks(word: &str) -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/archive.md");
    let text = std::fs::read_to_string(guide).unwrap();
    let reading = text.split_once("## Reading it\n").unwrap().1;
    let blocks: Vec<&str> = reading.split("```").skip(1).step_by(2).collect();
    blocks.into_iter().filter(|block| block.contains(word)).map(str::to_owned).collect()
}

/// Runs a block of the guide in a shell that finds `liq-archive` and the programs in `programs`.
#[track_caller]
fn run_block(block: &str, archive: &Path, programs: &Path, variables: &[(&str, &str)]) -> String {
    let own = programs.join("liq-archive");
    if !own.exists() {
        symlink(env!("CARGO_BIN_EXE_liq-archive"), &own).unwrap();
    }
    assert!(block.contains("/var/lib/liq-archive/") || block.contains("psql"), "{block}");
    let block = block.replace("/var/lib/liq-archive", archive.to_str().unwrap());
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &block]).env("PATH", path).envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
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

/// The `duckdb` of a command line, made of the Python package.
fn duckdb(python: &Path, programs: &Path) {
    let file = programs.join("duckdb");
    let program = format!(
        "#!{}\nimport duckdb, sys\nassert sys.argv[1] == '-c'\n\
         for row in duckdb.sql(sys.argv[2]).fetchall(): print(*row, sep='|')\n",
        python.display()
    );
    std::fs::write(&file, program).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn duckdb_reads_the_files_as_the_guide_says() {
    let Some(python) = python("duckdb") else { return };
    let (dir, _) = archive();
    let programs = tempfile::tempdir().unwrap();
    duckdb(&python, programs.path());
    let told: Vec<String> =
        blocks("duckdb").iter().map(|block| run_block(block, dir.path(), programs.path(), &[])).collect();
    let [signals, closes] = told.as_slice() else { panic!("{} blocks", told.len()) };
    let mut lines: Vec<&str> = signals.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["BTCUSDT|800|-0.25", "ETHUSDT|200|-0.25"]);
    assert_eq!(closes, "1970-01-01 00:00:00|140.50\n1970-01-01 00:01:00|149.90\n", "the old file's too");
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

/// A PostgreSQL of the test's own on a socket in its folder. It refuses to run as root: then it runs as nobody.
struct Postgres {
    bin: PathBuf,
    dir: tempfile::TempDir,
}

impl Postgres {
    fn start(bin: PathBuf) -> Self {
        let postgres = Self { bin, dir: tempfile::tempdir().unwrap() };
        if is_root() {
            let chown = Command::new("chown").arg("nobody").arg(postgres.dir.path()).status();
            assert!(chown.unwrap().success());
        }
        postgres.control(
            "{bin}/initdb -A trust -U desk --no-sync >/dev/null\n\
             {bin}/pg_ctl -w -o '-k {dir} -c listen_addresses= -c fsync=off' -l {dir}/log start >/dev/null",
        );
        postgres
    }

    fn control(&self, script: &str) {
        let dir = self.dir.path().display().to_string();
        let script = script.replace("{bin}", self.bin.to_str().unwrap()).replace("{dir}", &dir);
        let mut command = Command::new(if is_root() { "setpriv" } else { "bash" });
        if is_root() {
            command.args(["--reuid", "nobody", "--clear-groups", "bash"]);
        }
        command.args(["-ec", &script]).current_dir(&dir).env("PGDATA", format!("{dir}/data"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.control("{bin}/pg_ctl -m immediate stop >/dev/null");
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

#[test]
fn postgresql_reads_a_pipe_as_the_guide_says() {
    let Some(bin) = postgres() else { return };
    let (dir, sum) = archive();
    let postgres = Postgres::start(bin);
    let programs = tempfile::tempdir().unwrap();
    let socket = postgres.dir.path().to_str().unwrap();
    // As lines of values that are alike everywhere.
    std::fs::write(programs.path().join("psqlrc"), "\\set QUIET 1\n\\pset format unaligned\n\\pset tuples_only on\n")
        .unwrap();
    let rc = programs.path().join("psqlrc");
    let variables = [
        ("PGHOST", socket),
        ("PGUSER", "desk"),
        ("PGDATABASE", "postgres"),
        ("PSQLRC", rc.to_str().unwrap()),
        ("PSQL_PAGER", ""),
    ];
    let blocks = blocks("psql");
    let [block] = blocks.as_slice() else { panic!("{} blocks", blocks.len()) };
    let told = run_block(block, dir.path(), programs.path(), &variables);
    let mut lines: Vec<&str> = told.lines().filter(|line| line.contains('|')).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["BTCUSDT|800|-0.25", "ETHUSDT|200|-0.25"], "{told}");
    let query = r#"psql -c "SELECT count(*), sum(price), min(rest->>'extra') FROM signals""#;
    let told = run_block(query, dir.path(), programs.path(), &variables);
    assert_eq!(told.trim(), format!("1000|{sum}|a, b"));
}
