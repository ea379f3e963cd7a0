//! Who takes the events: the process behind an address, or those of a cluster's masters. One that was started anew may lack
//! what it had taken. It calls itself otherwise then (`run_id`), though a cluster's node keeps its name.

use std::collections::BTreeMap;

/// Masters by the node's name, each with its process where that was told.
pub type Masters = BTreeMap<String, Option<String>>;

/// Who was seen last.
#[derive(Debug, Default)]
pub struct Seen(Option<Masters>);

impl Seen {
    /// How many masters there are, the ones that are gone and nobody took the place of among them.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, Masters::len)
    }

    /// Whether somebody answers by now who may lack what was taken before; one who never tells may be another each time.
    pub fn is_other(&mut self, mut now: Masters) -> bool {
        let Some(last) = self.0.take() else {
            self.0 = Some(now);
            return false;
        };
        let mut is_other = now.is_empty();
        for (name, process) in &mut now {
            match last.get(name) {
                // Who does not tell just now is who it was.
                Some(before) if process.is_none() => process.clone_from(before),
                before => is_other |= before != Some(process),
            }
        }
        self.0 = Some(now);
        is_other
    }
}

/// The process that `INFO server` tells of.
pub fn run_id_of(info: &str) -> Option<String> {
    info.lines().find_map(|line| line.strip_prefix("run_id:")).map(|id| id.trim_end().to_owned())
}

/// A master as `CLUSTER NODES` has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    /// The node's.
    pub name: String,
    /// Host and port, where they are told.
    pub address: Option<(String, u16)>,
    /// Whether the others say that it is gone. It takes events again long before they call it healthy.
    pub is_failed: bool,
}

/// The masters with slots that `CLUSTER NODES` names, also one that failed: its slots are nobody else's.
pub fn masters_of(nodes: &str) -> Vec<Listed> {
    let master = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        // Behind the eighth field stand the slots.
        let [name, address, flags, _, _, _, _, _, _, ..] = fields[..] else { return None };
        let is = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
        let listed = Listed { name: name.to_owned(), address: host_and_port(address), is_failed: is("fail") };
        (is("master") && !is("handshake") && !is("noaddr")).then_some(listed)
    };
    nodes.lines().filter_map(master).collect()
}

/// Of `127.0.0.1:6379@16379,name`.
fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.split('@').next()?.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_with_slots_are_told_apart() {
        let nodes = "b 127.0.0.1:2@2,name myself,master - 0 0 2 connected 0-5460\n\
                     a ::1:1@1 master - 0 0 1 connected 5461-16383\n\
                     c 127.0.0.1:3@3 slave a 0 0 1 connected\n\
                     d 127.0.0.1:4@4 master,fail - 0 0 3 connected 9-9\n\
                     e 127.0.0.1:5@5 master - 0 0 4 connected\n\
                     f :0@0 master,noaddr - 0 0 4 disconnected 10\n\
                     g 127.0.0.1:6@6 master - 0 0 4 disconnected 11\n";
        let one = |name: &str, host: &str, port, is_failed| {
            let address = Some((host.to_owned(), port));
            Listed { name: name.to_owned(), address, is_failed }
        };
        let local = |name: &str, port, is_failed| one(name, "127.0.0.1", port, is_failed);
        let expected = [local("b", 2, false), one("a", "::1", 1, false), local("d", 4, true), local("g", 6, false)];
        assert_eq!(masters_of(nodes), expected);
        assert_eq!(masters_of(""), []);
    }

    #[test]
    fn who_was_started_anew_is_another() {
        let masters = |told: &[(&str, &str)]| -> Masters {
            let process = |run: &str| (!run.is_empty()).then(|| run.to_owned());
            told.iter().map(|(name, run)| ((*name).to_owned(), process(run))).collect()
        };
        let mut seen = Seen::default();
        for (told, expected) in [
            (&[("a", "1"), ("b", "2")][..], false),
            (&[("a", "1"), ("b", "2")], false),
            (&[("a", "1"), ("b", "")], false),
            (&[("a", "1"), ("b", "2")], false),
            (&[("a", "1"), ("b", "")], false),
            (&[("a", "1"), ("b", "3")], true),
            (&[("a", "1"), ("c", "4")], true),
            (&[("a", "1")], false),
            (&[], true),
            (&[], true),
            (&[("a", "1")], true),
        ] {
            assert_eq!(seen.is_other(masters(told)), expected, "{told:?}");
        }
        assert_eq!(seen.count(), 1);
    }
}
