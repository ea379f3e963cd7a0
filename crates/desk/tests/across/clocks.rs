//! Four processes whose clocks differ by minutes and hours: ages, due times and ends are measured by the server's.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use liq_harness::{Child, Server, child};
use redis_liq_desk::cache::Layer;
use redis_liq_desk::queue::{Job, Lease, Outcome, Worker};
use redis_liq_desk::sessions::{Sessions, Token};
use redis_liq_desk::{Cache, Link, Queue, Space};

use crate::HOUR;

/// How far the clocks of the processes are off, seconds.
const SHIFTS: [i64; 4] = [0, -13 * 60, 17 * 60, 3 * 3600];
/// No machine is so slow, and no clock above so near.
const LATE: Duration = Duration::from_secs(300);

/// The library that moves a program's clock, and a file for each shift.
fn build_clocks(dir: &Path) -> (PathBuf, Vec<PathBuf>) {
    let library = dir.join("clock_shift.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/clock_shift.c");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let built = Command::new(compiler).args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    assert!(built.expect("a C compiler (CC, cc)").success());
    let write = |shift: &i64| {
        let path = dir.join(format!("shift{shift}"));
        std::fs::write(&path, (shift * 1_000_000).to_ne_bytes()).unwrap();
        path
    };
    (library, SHIFTS.iter().map(write).collect())
}

/// This process goes on as one whose clock is off.
fn shift_clock(library: &str, shift: &str) {
    const SHIFT_FILE: &str = "CLOCK_SHIFT_FILE";
    if std::env::var_os(SHIFT_FILE).is_none() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        let failed = again.args(std::env::args_os().skip(1)).env("LD_PRELOAD", library).env(SHIFT_FILE, shift).exec();
        panic!("the program cannot be started again: {failed}");
    }
}

fn own_clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Does what it is told, on its own clock.
#[test]
fn shifted_process() {
    let Some(args) = child::args("shifted_process") else { return };
    shift_clock(&args[1], &args[2]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let link = Link::open_with(&args[0], Duration::from_secs(30), 3).unwrap();
        let cache = Cache::<u64>::builder(Space::new("market:ticker")).fresh(LATE).local(Duration::ZERO);
        let cache = cache.build(&link).unwrap();
        let queue = Queue::<u64>::builder("orders").build(&link).unwrap();
        let sessions: Sessions<u64> = Sessions::new(&link, Space::new("session"), LATE).unwrap();
        let mut serving = Vec::new();
        child::say(&own_clock_ms().to_string());
        while let Some(line) = child::hear() {
            let words: Vec<&str> = line.split(' ').collect();
            let told = match words[..] {
                ["put", id] => cache.put(id, 7).await.map(|()| String::new()).unwrap(),
                ["read", id] => {
                    let hit = cache.get(id, || async { Ok::<_, String>(None) }).await.unwrap();
                    format!("{:?} {} {}", hit.from, hit.stale, hit.age < LATE / 2)
                }
                ["push"] => {
                    queue.push(Job::new(1)).await.unwrap();
                    queue.push(Job::new(2).after(Duration::from_millis(50)).expires(LATE)).await.unwrap();
                    String::new()
                }
                ["work"] => {
                    let (sender, mut ages) = tokio::sync::mpsc::unbounded_channel();
                    let handler = move |job: Lease<u64>| {
                        let _ = sender.send(job.age() < LATE / 2 && !job.redelivered());
                        async { Outcome::Done }
                    };
                    let working = queue.work(Worker::default(), handler).unwrap();
                    let both = [ages.recv().await.unwrap(), ages.recv().await.unwrap()];
                    format!("{both:?} {}", working.stop(HOUR).await.expired)
                }
                ["begin", server] => {
                    serving.push(sessions.serve(server).await.unwrap());
                    let token = sessions.begin("ann", &7).await.unwrap();
                    assert!(sessions.listen(&token, "BTCUSDT", server).await.unwrap());
                    token.as_str().to_owned()
                }
                ["seen", token] => {
                    let session = sessions.get(&Token::parse(token).unwrap()).await.unwrap();
                    session.map_or("ended".to_owned(), |session| session.data.to_string())
                }
                ["listeners"] => sessions.listeners("BTCUSDT").await.unwrap().len().to_string(),
                _ => panic!("{line}"),
            };
            child::say(&told);
        }
    });
}

/// Says a line to a process and answers what it says.
fn ask(process: &mut Child, line: &str) -> String {
    process.say(line);
    process.hear()
}

#[test]
fn processes_whose_clocks_differ_agree_on_ages_and_ends() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let (library, shifts) = build_clocks(dir.path());
    let start = |shift: &PathBuf| {
        let args = [&server.url(), library.to_str().unwrap(), shift.to_str().unwrap()];
        Child::start("clocks::shifted_process", &args)
    };
    let mut processes: Vec<Child> = shifts.iter().map(start).collect();
    for (process, shift) in processes.iter_mut().zip(SHIFTS) {
        let off_ms = process.hear().parse::<i64>().unwrap() - own_clock_ms().cast_signed();
        assert!((off_ms - shift * 1000).abs() < 60_000, "a clock that is off by {shift} s is off by {off_ms} ms");
    }
    for (number, process) in processes.iter_mut().enumerate() {
        ask(process, &format!("put id{number}"));
    }
    for process in &mut processes {
        for number in 0..SHIFTS.len() {
            assert_eq!(ask(process, &format!("read id{number}")), format!("{:?} false true", Layer::Redis));
        }
    }
    // Each pushes what another one works off: those before and those behind it in time.
    for (pusher, worker) in [(0, 3), (3, 1), (1, 2), (2, 0)] {
        ask(&mut processes[pusher], "push");
        assert_eq!(ask(&mut processes[worker], "work"), "[true, true] 0");
    }
    let mut tokens = Vec::new();
    for (number, process) in processes.iter_mut().enumerate() {
        tokens.push(ask(process, &format!("begin w{number}")));
    }
    for process in &mut processes {
        for token in &tokens {
            assert_eq!(ask(process, &format!("seen {token}")), "7");
        }
        assert_eq!(ask(process, "listeners"), "4");
    }
}
