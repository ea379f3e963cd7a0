//! What the server knows of the commands: documentation, keys, arity, flags, categories.

use crate::support::{Client, Reply, Server};

/// Name, lowest number of words, whether it writes, and an example.
const COMMANDS: &[(&str, i64, bool, &str)] = &[
    ("liq.create", 2, true, "LIQ.CREATE k"),
    ("liq.alter", 3, true, "LIQ.ALTER k PERCENTILE 5"),
    ("liq.add", 6, true, "LIQ.ADD k * buy 100 5"),
    ("liq.madd", 7, true, "LIQ.MADD k EVENTS * buy 100 5"),
    ("liq.maddpack", 3, true, "LIQ.MADDPACK k x"),
    ("liq.pctl", 3, false, "LIQ.PCTL k 50"),
    ("liq.rank", 3, false, "LIQ.RANK k 50"),
    ("liq.vwap", 2, false, "LIQ.VWAP k"),
    ("liq.stats", 2, false, "LIQ.STATS k"),
    ("liq.range", 4, false, "LIQ.RANGE k - +"),
    ("liq.hist", 2, false, "LIQ.HIST k"),
    ("liq.digest", 2, false, "LIQ.DIGEST k"),
    ("liq.info", 2, false, "LIQ.INFO k"),
    ("liq.reset", 2, true, "LIQ.RESET k"),
];

/// What replication and loading use between servers; no client may call them.
const INTERNAL: &[&str] = &["liq.apply", "liq.load"];

fn command_info(client: &mut Client, name: &str) -> Vec<Reply> {
    let reply = client.call(&["COMMAND", "INFO", name]);
    reply.array()[0].array().to_vec()
}

fn flags(info: &[Reply]) -> Vec<String> {
    info[2].array().iter().map(Reply::text).collect()
}

#[test]
fn every_command_is_there_with_its_arity_and_flags() {
    let server = Server::start();
    let mut client = server.connect();
    for (name, least, writes, _) in COMMANDS {
        let info = command_info(&mut client, name);
        let arity = info[1].int();
        let exact = ["liq.info", "liq.reset"].contains(name);
        assert!(if exact { arity == *least } else { arity < 0 && -arity <= *least }, "{name}: arity {arity}");
        let flags = flags(&info);
        assert_eq!(flags.contains(&"write".into()), *writes, "{name}: {flags:?}");
        assert_eq!(flags.contains(&"readonly".into()), !*writes, "{name}: {flags:?}");
        assert_eq!(flags.contains(&"denyoom".into()), *name == "liq.create", "{name}: {flags:?}");
        assert_eq!((info[3].int(), info[4].int()), (1, 1), "{name}: first and last key");
    }
    // Of the reads none: each sums a window first when nobody asked for its length lately.
    for (name, ..) in COMMANDS {
        let is_fast = flags(&command_info(&mut client, name)).contains(&"fast".into());
        assert_eq!(is_fast, ["liq.add", "liq.create"].contains(name), "{name}");
    }
}

#[test]
fn the_key_is_found_in_every_command() {
    let server = Server::start();
    let mut client = server.connect();
    for (name, _, writes, example) in COMMANDS {
        let reply = client.run(&format!("COMMAND GETKEYS {example}"));
        assert_eq!(reply.array(), [Reply::Bytes(b"k".to_vec())], "{name}");
        let reply = client.run(&format!("COMMAND GETKEYSANDFLAGS {example}"));
        let flags: Vec<String> = reply.array()[0].array()[1].array().iter().map(Reply::text).collect();
        assert_eq!(flags.contains(&"RO".into()), !*writes, "{name}: {flags:?}");
    }
}

#[test]
fn every_command_is_documented_in_the_server() {
    let server = Server::start();
    let mut client = server.connect();
    for (name, ..) in COMMANDS {
        let docs = client.call(&["COMMAND", "DOCS", name]);
        let docs = docs.field(name).clone();
        assert!(docs.field("summary").text().len() > 10, "{name}: {docs:?}");
        assert!(!docs.field("since").text().is_empty(), "{name}");
        assert!(docs.field("complexity").text().contains("O("), "{name}");
        assert!(!docs.field("arguments").array().is_empty(), "{name}");
    }
}

#[test]
fn no_command_is_left_out_here() {
    let server = Server::start();
    let mut client = server.connect();
    let all = client.run("COMMAND LIST FILTERBY MODULE liq");
    let named: Vec<&str> = COMMANDS.iter().map(|(name, ..)| *name).collect();
    for name in all.array().iter().map(Reply::text) {
        // LIQ.MEMORY and LIQ.TRIM name no key and belong to another chapter.
        let other = ["liq.memory", "liq.trim", "liq._fault", "liq._noop"].contains(&name.as_str());
        let known = named.contains(&name.as_str()) || INTERNAL.contains(&name.as_str());
        assert!(known || other || !name.starts_with("liq."), "{name} is not tested here");
    }
}

#[test]
fn internal_commands_are_refused_to_clients() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s").ok();
    let digest = client.digest("s");
    for name in INTERNAL {
        for args in [
            vec!["s"],
            vec!["s", ""],
            vec!["s", "x"],
            vec!["s", "x", "y", "z"],
            vec!["missing", "x"],
            vec!["missing", "", ""],
        ] {
            let mut words = vec![*name];
            words.extend(args);
            let reply = client.call(&words);
            assert!(reply.is_error(), "{words:?}: {reply:?}");
        }
        let script = format!("return redis.call('{name}', 's', 'x')");
        assert!(client.call(&["EVAL", &script, "0"]).is_error(), "{name} in a script");
    }
    assert_eq!(client.digest("s"), digest);
    assert_eq!(client.run("EXISTS missing").int(), 0);
}

#[test]
fn acl_patterns_and_categories_apply() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("ACL SETUSER reader on >pw %R~liq:* +@read +@connection").ok();
    client.run("ACL SETUSER trader on >pw ~liq:* +@all").ok();
    client.run("ACL SETUSER none on >pw ~liq:* +@all -@write").ok();
    let mut trader = server.connect_as("trader", "pw");
    assert!(!trader.run("LIQ.ADD liq:a * buy 100 5").is_error());
    assert!(trader.run("LIQ.ADD other * buy 100 5").error().starts_with("NOPERM"));
    assert!(trader.run("LIQ.PCTL other 50").error().starts_with("NOPERM"));
    let mut reader = server.connect_as("reader", "pw");
    let mut none = server.connect_as("none", "pw");
    let has_categories = !client.run("ACL CAT liq").is_error() || {
        let listed = client.run("ACL CAT read");
        listed.array().iter().any(|name| name.text() == "liq.pctl")
    };
    if has_categories {
        assert!(!reader.run("LIQ.PCTL liq:a 50").is_error());
        assert!(reader.run("LIQ.ADD liq:a * buy 100 5").error().starts_with("NOPERM"));
        assert!(none.run("LIQ.ADD liq:a * buy 100 5").error().starts_with("NOPERM"));
        // Those that name no key are told apart like the others.
        for line in ["LIQ.TRIM", "LIQ.TRIM AGGRESSIVE"] {
            assert!(none.run(line).error().starts_with("NOPERM"), "{line}");
            assert!(reader.run(line).error().starts_with("NOPERM"), "{line}");
            assert!(!trader.run(line).is_error(), "{line}");
        }
        assert!(!reader.run("LIQ.MEMORY").is_error());
    } else {
        eprintln!("this server lets no module command into an ACL category");
    }
}

#[test]
fn every_command_is_in_the_categories_that_its_flags_say() {
    let server = Server::start();
    let mut client = server.connect();
    let all: Vec<String> = client.run("COMMAND LIST FILTERBY MODULE liq").array().iter().map(Reply::text).collect();
    if !client.run("ACL CAT read").array().iter().any(|name| name.text() == "liq.pctl") {
        eprintln!("this server lets no module command into an ACL category");
        return;
    }
    for (category, flag) in [("read", "readonly"), ("write", "write"), ("dangerous", "admin"), ("fast", "fast")] {
        let listed: Vec<String> = client.run(&format!("ACL CAT {category}")).array().iter().map(Reply::text).collect();
        for name in &all {
            let has_flag = flags(&command_info(&mut client, name)).contains(&flag.into());
            assert_eq!(listed.contains(name), has_flag, "{name} in @{category}");
        }
    }
}

#[test]
fn commands_work_in_transactions_and_scripts() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("MULTI").ok();
    client.run("LIQ.CREATE s CLOCK EVENT");
    client.run("LIQ.ADD s 1700000000000 buy 100 5");
    client.run("LIQ.ADD s 1700000000001 buy x 5");
    client.run("LIQ.PCTL s 50");
    let replies = client.run("EXEC");
    let replies = replies.array();
    assert_eq!(replies[1].field("status").text(), "accepted");
    assert!(replies[2].error().starts_with("ERR price: "));
    assert_eq!(replies[3].numbers(), [Some(5.0)]);
    let status =
        client.call(&["EVAL", "return redis.call('LIQ.ADD', KEYS[1], 1700000000002, 'buy', 100, 5)[2]", "1", "s"]);
    assert_eq!(status.text(), "accepted");
}

#[test]
fn the_module_cannot_be_unloaded_while_its_keys_exist() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s").ok();
    assert!(client.run("MODULE UNLOAD liq").is_error());
    assert!(!client.run("LIQ.INFO s").is_error());
}
