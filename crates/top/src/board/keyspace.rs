//! Policies and audits of keys: what is asked of them, and what that answers.

use redis::{RedisError, Value};
use redis_liq::{AuditState, AuditStatus, Bytes, KeyReport, KeyRow, PolicyInfo, Reply, ReportOrder, keys};

use super::Board;
use super::answers::{Refused, read, text};
use super::asking::{Batch, Question};
use crate::model::{AuditRow, GroupRow, MOST_GROUPS, PolicyRow, in_order};
use crate::trouble::is_unknown_command;

const POLICY: &str = "KEYS.POLICY";
/// Policies are read again after so many refreshes: what changes of them are counts.
const POLICY_TURN: u64 = 10;

/// What is known of the keys.
#[derive(Debug, Default)]
pub struct Keyspace {
    status: Option<AuditStatus>,
    report: Option<KeyReport>,
    policies: Vec<PolicyInfo>,
    /// The end of the audit whose report was asked for.
    asked_ms: Option<u64>,
    /// Refreshes so far.
    rounds: u64,
    audits: Access,
    policy_access: Access,
    /// Whether the report that is due was refused.
    is_report_refused: bool,
}

/// Whether something is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Access {
    #[default]
    Given,
    /// Not when it was last asked, as by a server that is busy: it is asked again.
    Refused,
    /// Not to be asked again: an older module has no such command, or the user may not use it.
    Never,
}

impl Access {
    fn behind(refusal: &Refused) -> Self {
        if refusal.is_for_good() { Self::Never } else { Self::Refused }
    }
}

impl Keyspace {
    /// Whether all was answered, or refused, that there is to ask.
    pub const fn is_read(&self) -> bool {
        let is_asked = self.status.is_some() || !matches!(self.audits, Access::Given);
        self.rounds > 0 && is_asked && (self.is_report_refused || !self.is_report_due())
    }

    const fn is_report_due(&self) -> bool {
        let ended_ms = if let Some(status) = &self.status { status.last_ms } else { None };
        match (ended_ms, self.asked_ms) {
            (Some(ended_ms), Some(asked_ms)) => ended_ms != asked_ms,
            (ended_ms, _) => ended_ms.is_some(),
        }
    }

    /// The audit as it is shown.
    pub fn audit_row(&self) -> AuditRow {
        let report = self.report.as_ref();
        let of = |field: fn(&KeyReport) -> u64| report.map(field);
        let state = |status: &AuditStatus| match status.state {
            AuditState::Idle => "idle".to_owned(),
            AuditState::Running => "running".to_owned(),
        };
        let mut groups: Vec<GroupRow> = report.into_iter().flat_map(|report| &report.rows).map(group_row).collect();
        in_order(&mut groups);
        AuditRow {
            state: self.status.as_ref().map(state),
            progress_pct: self.status.filter(|status| status.started_ms.is_some()).map(|status| status.progress_pct),
            at_ms: of(|report| report.at_ms),
            took_ms: of(|report| report.took_ms),
            keys: of(|report| report.keys),
            bytes: of(|report| report.bytes),
            no_ttl: of(|report| report.no_ttl),
            unregistered: of(|report| report.unregistered),
            broken: of(|report| report.broken),
            groups,
        }
    }

    /// The policies as they are shown, by prefix.
    pub fn policy_rows(&self) -> Vec<PolicyRow> {
        self.policies.iter().map(policy_row).collect()
    }
}

impl Board {
    pub(super) fn ask_keyspace(&mut self, batch: &mut Batch) {
        let keyspace = &mut self.keyspace;
        if keyspace.audits != Access::Never {
            batch.ask(Question::Audit, keys::keys_audit_status());
            if keyspace.is_report_due() {
                keyspace.asked_ms = keyspace.status.as_ref().and_then(|status| status.last_ms);
                batch.ask(Question::Report, keys::keys_audit_report(ReportOrder::Broken, MOST_GROUPS as u64));
            }
        }
        let is_turn = match keyspace.policy_access {
            Access::Given => keyspace.rounds.is_multiple_of(POLICY_TURN),
            Access::Refused => true,
            Access::Never => false,
        };
        if is_turn {
            batch.ask(Question::Policies, keys::keys_policy_list());
        }
        keyspace.rounds += 1;
    }

    pub(super) fn take_audit(&mut self, answer: Result<Value, RedisError>) {
        match read::<Reply<AuditStatus>>(answer) {
            Ok(status) => {
                (self.keyspace.status, self.keyspace.audits) = (Some(status.into_inner()), Access::Given);
                self.warn("audit", None);
            }
            Err(error) => {
                self.keyspace.audits = Access::behind(&error);
                self.told(&error);
                self.warn("audit", refusal("KEYS.AUDIT", &error));
            }
        }
    }

    pub(super) fn take_report(&mut self, answer: Result<Value, RedisError>) {
        match read::<Reply<KeyReport>>(answer) {
            Ok(report) => {
                (self.keyspace.report, self.keyspace.is_report_refused) = (Some(report.into_inner()), false);
                self.warn("report", None);
            }
            Err(error) => {
                self.keyspace.is_report_refused = true;
                if error.may_pass() {
                    self.keyspace.asked_ms = None;
                }
                self.told(&error);
                self.warn("report", refusal("KEYS.AUDIT", &error));
            }
        }
    }

    pub(super) fn take_policies(&mut self, answer: Result<Value, RedisError>) {
        match read::<Reply<Vec<PolicyInfo>>>(answer) {
            Ok(policies) => {
                (self.keyspace.policies, self.keyspace.policy_access) = (policies.into_inner(), Access::Given);
                self.warn("policies", None);
            }
            Err(error) => {
                self.keyspace.policy_access = Access::behind(&error);
                self.told(&error);
                self.warn("policies", refusal(POLICY, &error));
            }
        }
    }
}

/// What is told of a refusal; nothing where the module is from before there was such a command.
fn refusal(command: &str, error: &Refused) -> Option<String> {
    match error {
        Refused::Server(error) if is_unknown_command(error) => None,
        // Who may read what audits found need not be able to set policies, which is the same command.
        Refused::Server(error) if command == POLICY && error.code() == Some("NOPERM") => None,
        error => Some(format!("{command}: {}", error.text())),
    }
}

fn group_row(row: &KeyRow) -> GroupRow {
    GroupRow {
        db: row.db,
        prefix: text(&row.prefix.0),
        policy: row.policy.as_ref().map(|policy| text(&policy.0)),
        keys: row.keys,
        bytes: row.bytes,
        no_ttl: row.no_ttl,
        idle: row.idle,
        broken: row.broken.0.iter().map(|(rule, keys)| (text(&rule.0), *keys)).collect(),
        keys_per_hour: row.keys_per_hour,
        bytes_per_hour: row.bytes_per_hour,
    }
}

fn policy_row(policy: &PolicyInfo) -> PolicyRow {
    let rule = |(name, value): &(Bytes, Bytes)| format!("{} {}", text(&name.0), text(&value.0));
    PolicyRow {
        prefix: text(&policy.prefix.0),
        rules: policy.rules.0.iter().map(rule).collect::<Vec<_>>().join(" "),
        is_applied: policy.is_applied,
        given: policy.given,
        shortened: policy.shortened,
        misses: policy.misses,
        expired: policy.expired,
        evicted: policy.evicted,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::names::Key;

    const BUSY: &str = "-BUSY Redis is busy running a script.\r\n";
    const FOR_GOOD: [&str; 2] = [
        "-NOPERM User top has no permissions to run this command\r\n",
        "-ERR unknown command 'KEYS.AUDIT', with args beginning with:\r\n",
    ];

    fn take(board: &mut Board, question: &Question, reply: &str) {
        board.take(question, redis::parse_redis_value(reply.as_bytes()));
    }

    fn is_asked(board: &mut Board, question: &Question) -> bool {
        board.batch(std::iter::empty()).questions.contains(question)
    }

    /// Of an audit that ended.
    fn status() -> String {
        let words = "+state\r\n+idle\r\n+db\r\n:0\r\n+scanned\r\n:1\r\n+progress\r\n+100\r\n+started\r\n:5\r\n+cpu_ms\r\n:1\r\n\
                     +longest_us\r\n:1\r\n+given\r\n:0\r\n+shortened\r\n:0\r\n+dropped\r\n:0\r\n+last\r\n:7\r\n";
        format!("*22\r\n{words}")
    }

    #[test]
    fn what_a_busy_server_refuses_is_asked_again() {
        let mut board = Board::new("x", 3_600_000);
        for question in [Question::Audit, Question::Policies] {
            for _ in 0..3 {
                take(&mut board, &question, BUSY);
                assert!(board.snapshot().warnings.iter().any(|text| text.contains("BUSY")));
                assert!(is_asked(&mut board, &question), "{question:?}");
            }
            let answer = if question == Question::Audit { status() } else { "*0\r\n".to_owned() };
            take(&mut board, &question, &answer);
            assert_eq!(board.snapshot().warnings, [""; 0]);
        }
        assert_eq!(board.snapshot().audit.state.as_deref(), Some("idle"));
        // The report of the audit that ended was asked for once, and is so again only where it is refused.
        assert!(!is_asked(&mut board, &Question::Report));
        take(&mut board, &Question::Report, BUSY);
        assert!(board.keyspace.is_read(), "one picture waits for no report that is refused");
        assert!(is_asked(&mut board, &Question::Report));
        take(&mut board, &Question::Report, FOR_GOOD[0]);
        assert!(!is_asked(&mut board, &Question::Report));
    }

    #[test]
    fn what_is_not_there_or_not_permitted_is_not_asked_again() {
        for refusal in FOR_GOOD {
            let mut board = Board::new("x", 3_600_000);
            for question in [Question::Audit, Question::Policies] {
                take(&mut board, &question, refusal);
                let is_asked_again = (0..2 * POLICY_TURN).any(|_| is_asked(&mut board, &question));
                assert!(!is_asked_again, "{question:?} behind {refusal}");
            }
        }
    }

    #[test]
    fn a_key_of_which_a_busy_server_does_not_say_what_it_is_is_asked_about_again() {
        let mut board = Board::new("x", 3_600_000);
        let question = Question::Type(Key::from(b"liq:{NEW}".as_slice()));
        take(&mut board, &question, BUSY);
        assert!(board.snapshot().warnings.iter().any(|text| text.starts_with("TYPE: BUSY")));
        assert!(is_asked(&mut board, &question));
        take(&mut board, &question, FOR_GOOD[0]);
        assert!(!is_asked(&mut board, &question));
        assert!(board.snapshot().warnings.iter().any(|text| text.starts_with("TYPE: NOPERM")));
        take(&mut board, &question, BUSY);
        assert!(is_asked(&mut board, &question));
        take(&mut board, &question, "+liqseries\r\n");
        assert_eq!((board.snapshot().warnings, board.known()), (Vec::new(), 1));
    }
}
