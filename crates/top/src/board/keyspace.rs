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
    /// Not to be asked again: an older module has no such commands, or the user may not use them.
    has_no_audits: bool,
    has_no_policies: bool,
}

impl Keyspace {
    /// Whether all was answered that there is to ask.
    pub const fn is_read(&self) -> bool {
        self.rounds > 0 && (self.has_no_audits || self.status.is_some()) && !self.is_report_due()
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
        if !keyspace.has_no_audits {
            batch.ask(Question::Audit, keys::keys_audit_status());
            if keyspace.is_report_due() {
                keyspace.asked_ms = keyspace.status.as_ref().and_then(|status| status.last_ms);
                batch.ask(Question::Report, keys::keys_audit_report(ReportOrder::Broken, MOST_GROUPS as u64));
            }
        }
        if !keyspace.has_no_policies && keyspace.rounds.is_multiple_of(POLICY_TURN) {
            batch.ask(Question::Policies, keys::keys_policy_list());
        }
        keyspace.rounds += 1;
    }

    pub(super) fn take_audit(&mut self, answer: Result<Value, RedisError>) {
        match read::<Reply<AuditStatus>>(answer) {
            Ok(status) => self.keyspace.status = Some(status.into_inner()),
            Err(error) => {
                self.keyspace.has_no_audits = true;
                self.told(&error);
                self.warn("audit", refusal("KEYS.AUDIT", &error));
            }
        }
    }

    pub(super) fn take_report(&mut self, answer: Result<Value, RedisError>) {
        match read::<Reply<KeyReport>>(answer) {
            Ok(report) => self.keyspace.report = Some(report.into_inner()),
            Err(error) => {
                self.told(&error);
                self.warn("report", refusal("KEYS.AUDIT", &error));
            }
        }
    }

    pub(super) fn take_policies(&mut self, answer: Result<Value, RedisError>) {
        match read::<Reply<Vec<PolicyInfo>>>(answer) {
            Ok(policies) => self.keyspace.policies = policies.into_inner(),
            Err(error) => {
                self.keyspace.has_no_policies = true;
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
