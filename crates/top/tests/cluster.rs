//! `liq-top` over the masters of a cluster: all of them as one, and what is said when one is away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use support::site::Site;
use support::{
    Cluster, Options, assert_as_documented, expect_absences, fail, json, program, stocked_cluster, succeed, wait_until,
};

#[test]
fn a_node_of_a_cluster_says_that_it_is_one() {
    let cluster = Cluster::start();
    let mut client = cluster.nodes[0].connect();
    // Whichever of these the node holds.
    for n in 0..20 {
        client.run(&format!("LIQ.ADD liq:{{S{n}}} * buy 1 5"));
    }
    let picture = json(&cluster.nodes[0].url());
    assert_as_documented(&picture);
    assert_eq!(picture["server"]["is_cluster"], true);
    let warnings = picture["warnings"].to_string();
    assert!(warnings.contains("only the keys of this node"), "{warnings}");
    let rows = picture["symbols"].as_array().unwrap().len();
    assert!((1..20).contains(&rows), "{rows}");
}

#[test]
fn all_of_a_cluster_is_one_picture() {
    let (cluster, _) = stocked_cluster(&["notify-keyspace-events Engxe"]);
    cluster.connect_for("liq:{S07}").run("LIQ.ADD liq:{S07} * sell 90 2000000 EXCHANGE OKX");
    cluster.connect_for("tick:{S03}").run("TICK.ADD tick:{S03} * buy 5 1");
    // One of the nodes that it is told of is not there, and one is not told of.
    let seeds: Vec<String> = cluster.nodes.iter().skip(1).map(|node| format!("127.0.0.1:{}", node.port())).collect();
    let url = format!("redis+cluster://127.0.0.1:1,{}", seeds.join(","));
    let picture = json(&url);
    assert_as_documented(&picture);
    let rows = picture["symbols"].as_array().unwrap();
    let mut names: Vec<&str> = rows.iter().map(|row| row["symbol"].as_str().unwrap()).collect();
    assert_eq!(names[0], "S07", "by volume");
    names.sort_unstable();
    assert_eq!(names, (0..20).map(|n| format!("S{n:02}")).collect::<Vec<_>>());
    assert_eq!((&rows[0]["count"], &rows[1]["count"]), (&4.into(), &3.into()));
    assert_eq!((&picture["keys"]["series"], &picture["keys"]["markets"]), (&20.into(), &1.into()));
    assert_eq!((&picture["markets"][0]["price"], &picture["events"][0]["size"]), (&"5".into(), &2e6.into()));
    assert_eq!(picture["warnings"], serde_json::json!([]));
    let server = &picture["server"];
    assert_eq!(
        (&server["masters"], &server["role"], &server["is_cluster"]),
        (&3.into(), &"master".into(), &true.into())
    );
    let told = server["address"].as_str().unwrap();
    assert!(told.starts_with("cluster 127.0.0.1:1,"), "{told}");
    let text = succeed(program(&url).arg("--once"));
    assert!(text.contains("3 masters") && text.contains("20 series, 1 markets"), "{text}");
    // Wherever the symbol is.
    for symbol in ["S03", "S04", "S05", "S06"] {
        let svg = succeed(program(&url).args(["--svg", "-", "--symbol", symbol]));
        assert!(svg.contains(symbol) && svg.matches("<circle").count() == 3, "{svg}");
    }
    let said = fail(program(&url).args(["--svg", "-", "--symbol", "NONE"]));
    assert!(said.contains("no series of 'NONE'"), "{said}");
}

#[test]
fn memory_is_that_of_the_master_with_the_least_room() {
    let (mut cluster, url) = stocked_cluster(&[]);
    cluster.nodes[1].expect_warning("memory mode critical");
    let mut client = cluster.nodes[1].connect();
    let used = client.run("LIQ.MEMORY").field("used").int();
    client.run(&format!("CONFIG SET liq.memory-budget {}", used / 4)).ok();
    let node = format!("127.0.0.1:{}", cluster.nodes[1].port());
    let picture = json(&url);
    assert_as_documented(&picture);
    let memory = &picture["memory"];
    let budget = client.run("LIQ.MEMORY").field("budget").int();
    assert_eq!((memory["node"].as_str(), memory["budget"].as_i64()), (Some(node.as_str()), Some(budget)));
    assert_eq!((&memory["mode"], &memory["alarm"]), (&"critical".into(), &"alert".into()));
    let text = succeed(program(&url).arg("--once"));
    assert!(text.contains(&format!("used on {node}, ")) && text.contains("ALERT"), "{text}");
}

#[test]
fn what_stands_in_the_way_is_said() {
    let said = fail(program("redis+cluster://127.0.0.1:1,127.0.0.1:2").arg("--once"));
    assert!(said.contains("cluster 127.0.0.1:1,127.0.0.1:2 does not answer"), "{said}");
    let alone = Options::default().tcp().start();
    let said = fail(program(&format!("redis+cluster://127.0.0.1:1,127.0.0.1:{}", alone.port())).arg("--once"));
    assert!(said.contains("cluster support disabled"), "{said}");
    let said = fail(program(&format!("redis+sentinel://127.0.0.1:{}/market", alone.port())).arg("--once"));
    assert!(said.contains("market of sentinels 127.0.0.1:"), "{said}");
    let said = fail(program("redis+sentinel://127.0.0.1:1/market").arg("--once"));
    assert!(said.contains("market of sentinels 127.0.0.1:1 does not answer"), "{said}");
    let said = fail(program("redis+cluster://127.0.0.1:7000,127.0.0.1:high").arg("--once"));
    assert!(said.contains("--redis-url") && said.contains("'127.0.0.1:high' is no host and port"), "{said}");
    let plain = Cluster::plain();
    let said = fail(program(&format!("redis+cluster://127.0.0.1:{}", plain.nodes[0].port())).arg("--once"));
    assert!(said.contains("has no module redis-liq"), "{said}");
}

#[test]
fn the_user_of_the_page_may_read_a_cluster() {
    let (cluster, _) = stocked_cluster(&["notify-keyspace-events Engxe"]);
    let page = include_str!("../../../docs/liq-top.md");
    let rule = page.lines().find(|line| line.starts_with("ACL SETUSER top")).expect("the page has the rule");
    for node in &cluster.nodes {
        node.connect().run(&rule.replace("PASSWORD", "p")).ok();
    }
    let picture = json(&format!("redis+cluster://top:p@127.0.0.1:{}", cluster.nodes[2].port()));
    assert_eq!((&picture["warnings"], &picture["keys"]["series"]), (&serde_json::json!([]), &20.into()));
    let said = fail(program(&format!("redis+cluster://top:wrong@127.0.0.1:{}", cluster.nodes[2].port())).arg("--once"));
    assert!(said.contains("refuses the login") && !said.contains("wrong"), "{said}");
}

#[test]
fn a_picture_of_a_part_is_not_taken_for_the_whole() {
    let (mut cluster, url) = stocked_cluster(&[]);
    expect_absences(&mut cluster.nodes);
    let gone = format!("127.0.0.1:{}", cluster.nodes[2].port());
    cluster.nodes[2].kill();
    let said = fail(program(&url).arg("--once"));
    assert!(said.contains(&format!("{gone} does not answer")), "{said}");
}

#[test]
fn pages_are_of_the_whole_cluster() {
    let (cluster, url) = stocked_cluster(&["notify-keyspace-events Engxe"]);
    let site = Site::open(&url, "127.0.0.1:0", &[]);
    let mut page = String::new();
    wait_until("all masters are on the page", || {
        page = site.page("/");
        page.contains("3 masters") && (0..20).all(|n| page.contains(&format!("S{n:02}")))
    });
    for symbol in ["S01", "S02", "S03"] {
        let link = site.link_to(symbol);
        let shown = site.live(&link.replace("/symbol", "/events")).find(|content| content.contains("<svg")).unwrap();
        assert_eq!(shown.matches("<circle").count(), 3, "{shown}");
    }
    cluster.connect_for("liq:{FRESH}").run("LIQ.ADD liq:{FRESH} * buy 1 5");
    assert!(site.live("/events").any(|content| content.contains("FRESH")), "a new symbol comes without asking");
}
