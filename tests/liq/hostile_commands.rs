//! What an append-only file (or a primary) says is hostile too: tampered internal commands end no server.

use crate::persistence::{feed_on, fill};
use crate::support::oracle::HOUR;
use crate::support::{Client, Server};
use crate::twin::T0;

/// The commands of an append-only file, each as its words.
fn parse(aof: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut rest = aof;
    let line = |sign: u8, rest: &mut &[u8]| -> usize {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").expect("every line ends");
        assert_eq!(rest[0], sign, "{}", rest[..end].escape_ascii());
        let number = std::str::from_utf8(&rest[1..end]).unwrap().parse().unwrap();
        *rest = &rest[end + 2..];
        number
    };
    let mut commands = Vec::new();
    while !rest.is_empty() {
        // Annotations such as timestamps are lines of their own.
        if rest[0] == b'#' {
            let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
            rest = &rest[end + 2..];
            continue;
        }
        let words = line(b'*', &mut rest);
        let mut command = Vec::with_capacity(words);
        for _ in 0..words {
            let length = line(b'$', &mut rest);
            command.push(rest[..length].to_vec());
            rest = &rest[length + 2..];
        }
        commands.push(command);
    }
    commands
}

fn write(commands: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut aof = Vec::new();
    for command in commands {
        aof.extend(format!("*{}\r\n", command.len()).into_bytes());
        for word in command {
            aof.extend(format!("${}\r\n", word.len()).into_bytes());
            aof.extend(word);
            aof.extend(b"\r\n");
        }
    }
    aof
}

/// The internal commands of a filled server: from its stream of changes and from a rewrite.
fn genuine() -> Vec<Vec<Vec<u8>>> {
    let mut commands = Vec::new();
    for rewrite in [false, true] {
        let server = Server::with(&["appendonly yes", "aof-use-rdb-preamble no"]);
        let mut client = server.connect();
        fill(&mut client);
        feed_on(&mut client, 3);
        client.run("LIQ.RESET quiet").ok();
        if rewrite {
            assert!(!client.run("BGREWRITEAOF").is_error());
            server.wait_for_background();
        }
        for entry in std::fs::read_dir(server.dir().join("appendonlydir")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "aof") {
                commands.extend(parse(&std::fs::read(path).unwrap()));
            }
        }
    }
    commands.retain(|command| command[0].to_ascii_lowercase().starts_with(b"liq."));
    commands
}

fn damage(command: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let mut damaged = command.to_vec();
    match random.u32(0..10) {
        0 => drop(damaged.pop()),
        1 => damaged.push(b"x".to_vec()),
        2 => damaged.swap_remove(random.usize(1..command.len())).clear(),
        3 => {
            let at = random.usize(2.min(command.len() - 1)..command.len());
            let length = random.usize(0..=damaged[at].len());
            damaged[at].truncate(length);
        }
        _ => {
            for _ in 0..random.usize(1..5) {
                let at = random.usize(2.min(command.len() - 1)..command.len());
                if !damaged[at].is_empty() {
                    let byte = random.usize(0..damaged[at].len());
                    damaged[at][byte] = [random.u8(..), 0, 0xff, 0x80, b'9'][random.usize(0..5)];
                }
            }
        }
    }
    damaged
}

fn use_everything(client: &mut Client) {
    let keys: Vec<String> =
        client.run("KEYS *").array().iter().map(|key| format!("{}", key.bytes().escape_ascii())).collect();
    for key in keys {
        for read in ["LIQ.PCTL KEY 50", "LIQ.STATS KEY BY EXCHANGE", "LIQ.VWAP KEY", "LIQ.HIST KEY", "LIQ.DIGEST KEY"] {
            let reply = client.call(&read.split(' ').map(|word| word.replace("KEY", &key)).collect::<Vec<_>>());
            let shown = format!("{reply:?}");
            assert!(!shown.contains("NaN") && !shown.contains("internal error"), "{key}: {read}: {shown}");
        }
        client.call(&["LIQ.ADD", &key, &(T0 + 9 * HOUR).to_string(), "buy", "100", "50"]);
    }
    assert_eq!(client.run("PING").text(), "PONG");
}

#[test]
fn a_tampered_append_only_file_ends_no_server() {
    let genuine = genuine();
    let internal = genuine.iter().any(|command| !command[0].to_ascii_lowercase().starts_with(b"liq.add"));
    assert!(internal, "the file holds internal commands");
    let mut random = fastrand::Rng::with_seed(12);
    for round in 0..6 {
        let mut server = Server::start();
        // Valkey, from 8.1 on, looks at the number of words itself and does not start with such a file.
        let counts_words = server.connect().run("INFO server").text().contains("valkey_version");
        let mut commands = Vec::new();
        for _ in 0..1500 {
            let command = &genuine[random.usize(0..genuine.len())];
            let damaged = if random.u32(0..3) == 0 { command.clone() } else { damage(command, &mut random) };
            if !counts_words || damaged.len() == command.len() {
                commands.push(damaged);
            }
        }
        // The server may complain of errors in its own file.
        server.expect_warning("");
        let dir = server.dir().join("appendonlydir");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("appendonly.aof.1.incr.aof"), write(&commands)).unwrap();
        let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\n";
        std::fs::write(dir.join("appendonly.aof.manifest"), manifest).unwrap();
        server.add_line("appendonly yes");
        server.restart();
        assert!(server.connect().run("DBSIZE").int() > 0, "round {round}: nothing was loaded");
        use_everything(&mut server.connect());
        server.assert_alive();
        // What came of it is saved and loaded like anything else.
        server.restart_saving();
        use_everything(&mut server.connect());
    }
}
