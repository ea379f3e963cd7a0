//! A walk over many keys beside the definition by script: SCAN, TYPE, PTTL, MEMORY USAGE, OBJECT IDLETIME; and a walk
//! beside clients that write, flush and make the table grow and shrink.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::audits::audit;
use crate::support::server::wait_until;
use crate::support::{Client, Reply, Server};

const POLICIES: &str = "list: TYPE list MAXITEMS 50; market: TTL 1h MAXTTL 1d; market:deep: TTL NONE; \
                        old: IDLE 7d; big: MAXBYTES 2kb";

/// Scripts here may take long on a busy machine, which the server would warn of.
const PATIENT: &str = "lua-time-limit 0";

/// Answers for every group: name, keys, bytes, no_ttl, idle, broken, and the counts of types as one text.
const DEFINITION: &str = r#"
local policies = {'market:deep:', 'market:', 'list:', 'old:', 'big:'}
local groups, cursor = {}, '0'
local function group_of(name)
    for _, prefix in ipairs(policies) do
        if string.sub(name, 1, #prefix) == prefix then return prefix end
    end
    return string.match(name, '^[^:]*:') or '(none)'
end
repeat
    local page = redis.call('SCAN', cursor, 'COUNT', 1000)
    cursor = page[1]
    for _, name in ipairs(page[2]) do
        local idle = redis.call('OBJECT', 'IDLETIME', name)
        local group = group_of(name)
        local sums = groups[group] or {keys = 0, bytes = 0, no_ttl = 0, idle = 0, broken = 0, types = {}}
        groups[group] = sums
        local kind, ttl = redis.call('TYPE', name).ok, redis.call('PTTL', name)
        local bytes = redis.call('MEMORY', 'USAGE', name)
        sums.keys, sums.bytes = sums.keys + 1, sums.bytes + bytes
        if ttl == -1 then sums.no_ttl = sums.no_ttl + 1 end
        if idle >= 604800 then sums.idle = sums.idle + 1 end
        sums.types[kind] = (sums.types[kind] or 0) + 1
        local broken = false
        if group == 'market:' then broken = ttl == -1 or ttl > 86400000
        elseif group == 'market:deep:' then broken = ttl ~= -1
        elseif group == 'list:' then broken = kind ~= 'list' or redis.call('LLEN', name) > 50
        elseif group == 'old:' then broken = idle >= 604800
        elseif group == 'big:' then broken = bytes > 2048 end
        if broken then sums.broken = sums.broken + 1 end
    end
until cursor == '0'
local rows = {}
for name, sums in pairs(groups) do
    local types = {}
    for kind, count in pairs(sums.types) do table.insert(types, kind .. '=' .. count) end
    table.sort(types)
    table.insert(rows, {name, sums.keys, sums.bytes, sums.no_ttl, sums.idle, sums.broken, table.concat(types, ',')})
end
return rows
"#;

/// Makes about `ARGV[1]` keys of all types, lengths and lives.
const FILL: &str = r#"
local seed = tonumber(ARGV[2])
local function random(n) seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n end
local names = {'market:', 'market:deep:', 'list:', 'big:', 'tick:', 'user:', ''}
for i = 1, tonumber(ARGV[1]) do
    local name = names[random(#names) + 1] .. 'k' .. ARGV[2] .. '-' .. i
    local kind = random(12)
    if kind < 7 then
        local len = random(20) == 0 and random(9000) or random(300)
        redis.call('SET', name, string.rep('x', len))
    elseif kind == 7 then redis.call('SET', name, i)
    elseif kind == 8 then for j = 1, random(120) + 1 do redis.call('RPUSH', name, 'element-' .. j) end
    elseif kind == 9 then for j = 1, random(40) + 1 do redis.call('HSET', name, 'field-' .. j, 'value-' .. j) end
    elseif kind == 10 then for j = 1, random(30) + 1 do redis.call('SADD', name, 'member-' .. j) end
    else for j = 1, random(30) + 1 do redis.call('ZADD', name, j, 'member-' .. j) end end
    if random(2) == 0 then redis.call('PEXPIRE', name, 3600000 + random(2) * 600000000) end
end
return 1
"#;

fn field(row: &Reply, name: &str) -> i64 {
    row.field(name).int()
}

/// The rows of the last report, by name.
fn rows(client: &mut Client) -> BTreeMap<String, Reply> {
    let report = client.run("KEYS.AUDIT REPORT COUNT 65536");
    report.field("rows").array().iter().map(|row| (row.field("prefix").text(), row.clone())).collect()
}

#[test]
fn a_report_is_what_a_script_finds_with_every_key_asked() {
    let keys = if std::env::var_os("LIQ_SOAK").is_some() { 1_000_000 } else { 60_000 };
    let server = Server::with(&[PATIENT]);
    let mut client = server.connect();
    for part in 1..=keys / 20_000 {
        client.call(&["EVAL", FILL, "0", "20000", &part.to_string()]);
    }
    client.run("SET old:source x").ok();
    let dump = client.run("DUMP old:source").bytes().to_vec();
    for place in 0..500 {
        let (name, idle_s) = (format!("old:{place}"), (place * 3_000).to_string());
        client.call(&[b"RESTORE".as_slice(), name.as_bytes(), b"0", &dump, b"IDLETIME", idle_s.as_bytes()]).ok();
    }
    client.call(&["CONFIG", "SET", "liq.key-policies", POLICIES]).ok();
    audit(&mut client);
    let found = rows(&mut client);
    let expected = client.call(&["EVAL", DEFINITION, "0"]);
    assert_eq!(found.len(), expected.array().len());
    for row in expected.array() {
        let [name, count, bytes, no_ttl, idle, broken, types] = row.array() else { panic!("seven values") };
        let name = name.text();
        let own = &found[&name];
        let counts = [field(own, "keys"), field(own, "no_ttl"), field(own, "idle")];
        assert_eq!(counts, [count.int(), no_ttl.int(), idle.int()], "{name}");
        let mut kinds: Vec<String> =
            own.field("types").fields().iter().map(|(kind, keys)| format!("{kind}={}", keys.int())).collect();
        kinds.sort();
        assert_eq!(kinds.join(","), types.text(), "{name}");
        let rules = own.field("broken").fields().iter().map(|(_, keys)| keys.int()).sum::<i64>();
        // A key may break two rules.
        assert!((broken.int()..=2 * broken.int()).contains(&rules), "{name}: {rules} for {}", broken.int());
        let error = field(own, "bytes") as f64 / bytes.int() as f64 - 1.0;
        // Groups of strings and collections mixed: the promise for collections.
        assert!(error.abs() <= 0.1, "{name}: {} bytes, not {}", field(own, "bytes"), bytes.int());
    }
    let report = client.run("KEYS.AUDIT REPORT COUNT 1");
    let broken: i64 = expected.array().iter().map(|row| row.array()[5].int()).sum();
    assert_eq!(field(&report, "broken"), broken);
    assert_eq!(field(&report, "keys"), client.run("DBSIZE").int());
}

#[test]
fn the_memory_of_strings_is_told_within_three_percent() {
    let server = Server::with(&[PATIENT]);
    let mut client = server.connect();
    let fill = "for i = 1, 20000 do redis.call('SET', 's:' .. i, string.rep('x', (i * 7919) % 900)) end";
    client.call(&["EVAL", fill, "0"]);
    audit(&mut client);
    let sum = "local sum = 0 for i = 1, 20000 do sum = sum + redis.call('MEMORY', 'USAGE', 's:' .. i) end return sum";
    let bytes = client.call(&["EVAL", sum, "0"]).f64();
    let row = rows(&mut client)["s:"].clone();
    let error = field(&row, "bytes") as f64 / bytes - 1.0;
    assert!(error.abs() <= 0.03, "{} %", error * 100.0);
    let measured = field(&row, "measured");
    assert!((1_250..2_500).contains(&measured), "{measured} of 20,000 measured");
}

#[test]
fn a_key_that_stays_is_seen_whatever_happens_around_it() {
    let server = Server::with(&[PATIENT]);
    let mut client = server.connect();
    let fill = "for i = 1, 30000 do redis.call('SET', 'stay:' .. i, i) end";
    client.call(&["EVAL", fill, "0"]);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // The table grows to several times its size and shrinks again, over and over.
        scope.spawn(|| {
            let mut writer = server.connect();
            while !is_over.load(Ordering::Relaxed) {
                let grow = "for i = 1, 60000 do redis.call('SET', 'comes:' .. i, i) end";
                let shrink = "for i = 1, 60000 do redis.call('DEL', 'comes:' .. i) end";
                writer.call(&["EVAL", grow, "0"]);
                writer.call(&["EVAL", shrink, "0"]);
            }
        });
        scope.spawn(|| {
            let mut flusher = server.connect();
            flusher.run("SELECT 1").ok();
            while !is_over.load(Ordering::Relaxed) {
                flusher.run("SET there 1").ok();
                flusher.run("FLUSHDB").ok();
            }
        });
        for _ in 0..2 {
            client.run("KEYS.AUDIT START BUDGET 50").ok();
            wait_until("the audit ends", || client.run("KEYS.AUDIT STATUS").field("state").text() == "idle");
            let seen = field(&rows(&mut client)["stay:"], "keys");
            assert!(seen >= 30_000, "{seen} of 30,000");
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_replica_promoted_in_mid_audit_goes_on_and_gives_expiries_from_then_on() {
    let expect = |options: crate::support::Options| options.expect_warning("Master replication ID changed");
    let primary = expect(crate::support::Options::default().tcp().line(PATIENT)).start();
    let mut client = primary.connect();
    client.call(&["EVAL", "for i = 1, 40000 do redis.call('SET', 't:' .. i, i) end", "0"]);
    let replica = Server::replica_of(&primary, &["liq.key-policies \"t: TTL 1h APPLY\""]);
    let mut other = replica.connect();
    other.run("KEYS.AUDIT START BUDGET 5").ok();
    wait_until("it has seen keys", || other.run("KEYS.AUDIT STATUS").field("scanned").int() > 100);
    assert_eq!(other.run("KEYS.AUDIT STATUS").field("given").int(), 0);
    other.run("REPLICAOF NO ONE").ok();
    wait_until("the audit ends", || other.run("KEYS.AUDIT STATUS").field("state").text() == "idle");
    let status = other.run("KEYS.AUDIT STATUS");
    let given = field(&status, "given");
    assert!((1..40_000).contains(&given), "{given}");
    assert_eq!(other.run("KEYS.AUDIT REPORT").field("no_ttl").int(), 40_000, "as it was found");
    assert_eq!(field(&audit(&mut other), "given"), 40_000 - given);
    assert_eq!(other.run("KEYS.AUDIT REPORT").field("keys").int(), 40_000);
    audit(&mut other);
    assert_eq!(other.run("KEYS.AUDIT REPORT").field("no_ttl").int(), 0);
}
