//! How calls ended: in time, and with errors that something gave a reason for.

use super::{Call, Round, Verdict, Violation, slack_ms};
use crate::history::Answer;
use crate::plan::{Fault, Plan, Squat};

/// How long the program waits for a kill to take effect.
const KILL_PATIENCE_MS: u64 = 2000;

/// What happened in a round, as far as it gives a reason for errors.
struct Reasons {
    worker_ended: bool,
    stopped: bool,
    files: bool,
    replaced: bool,
    port: bool,
    disk: bool,
    commands: bool,
    short_hang_limit: bool,
    stalled: bool,
}

impl Reasons {
    fn of(plan: &Plan, round: &Round, stall_ms: u64) -> Self {
        let any = |test: fn(&Fault) -> bool| round.harms.iter().any(|harm| test(&harm.fault));
        let failpoint = plan.failpoints().next().is_some();
        Self {
            worker_ended: failpoint
                || any(|fault| {
                    matches!(
                        fault,
                        Fault::KillWorker
                            | Fault::ReusePid { .. }
                            | Fault::Squat(Squat { kills: true, .. })
                            | Fault::TermWorker
                            | Fault::HangWorker
                            | Fault::PauseWorker { .. }
                            | Fault::ReplaceDirectory { .. }
                            | Fault::Stop { .. }
                            | Fault::Restart
                    )
                }),
            stopped: failpoint
                || any(|fault| {
                    matches!(
                        fault,
                        Fault::HangWorker | Fault::PauseWorker { .. } | Fault::PauseSession { .. }
                    )
                }),
            files: any(|fault| {
                matches!(
                    fault,
                    Fault::Delete { .. }
                        | Fault::Garble { .. }
                        | Fault::Truncate { .. }
                        | Fault::ReplaceDirectory { .. }
                )
            }),
            replaced: any(|fault| matches!(fault, Fault::ReplaceDirectory { .. })),
            port: any(|fault| matches!(fault, Fault::Squat(_))),
            disk: any(|fault| matches!(fault, Fault::Fill { .. })),
            commands: any(|fault| matches!(fault, Fault::Stop { .. } | Fault::Restart | Fault::Serve)),
            short_hang_limit: plan.hang_limit_ms < 5000,
            stalled: 10 * stall_ms >= KILL_PATIENCE_MS,
        }
    }

    /// Whether the round gives a reason for this error. A code that is not named here has none, whatever happens.
    fn allow(&self, code: &str, deadline_ms: u64) -> bool {
        let ended = self.worker_ended || self.short_hang_limit;
        match code {
            // A short deadline is reason enough; a long one has to be met while nothing keeps the worker from answering.
            "starting" | "timed_out" | "unresponsive" | "leaving" => {
                deadline_ms < 20_000 || ended || self.stopped || self.files || self.port || self.disk
            }
            "launch_failed" | "cooling_down" => {
                ended || self.files || self.port || self.disk || self.commands
            }
            "worker_failed" => self.files || self.port || self.disk,
            // A worker whose directory is gone, or whom a kill takes its time to end, still has the port.
            "port_taken" => self.port || self.replaced || (self.stopped && self.files),
            "foreign" => self.port || self.files,
            "lock_leaked" => self.files || self.stopped || self.disk,
            // No fault makes a process that outlives a kill. But a kill takes effect only when its victim runs.
            "unkillable" => self.stalled,
            "superseded" => self.replaced,
            "state_dir" | "lock_failed" | "cannot_launch" => self.disk || self.replaced,
            "io" => self.disk,
            _ => false,
        }
    }
}

pub(super) fn check(plan: &Plan, round: &Round, stall_ms: u64, verdict: &mut Verdict) {
    let reasons = Reasons::of(plan, round, stall_ms);
    let slack_ms = slack_ms(plan, stall_ms);
    for call in &round.calls {
        let word = match &call.answer {
            Answer::Worker { outcome, .. } => outcome.clone(),
            Answer::Error { code, .. } => format!("error {code}"),
            Answer::Done => format!("{} done", call.command),
            Answer::Killed { .. } => "killed".to_owned(),
            Answer::Garbage { .. } => "garbage".to_owned(),
        };
        *verdict.answers.entry(word).or_default() += 1;
        check_code(&reasons, round, call, verdict);
        check_time(round, call, slack_ms, verdict);
    }
}

fn check_code(reasons: &Reasons, round: &Round, call: &Call, verdict: &mut Verdict) {
    let (kind, what) = match &call.answer {
        Answer::Error { code, message } if !reasons.allow(code, call.deadline_ms) => {
            ("an error without a reason", format!("{code}: {message}"))
        }
        Answer::Garbage { output } => ("no answer", output.clone()),
        // Only who was to be killed may be: by the campaign, or by its failpoint.
        Answer::Killed { signal }
            if !(*signal == 9 && (call.failpoint.is_some() || round.killed.contains(&call.pid))) =>
        {
            ("a session was ended", format!("signal {signal}"))
        }
        _ => return,
    };
    let what = format!("call {} ({}): {what}", call.number, call.command);
    verdict.violations.push(Violation { kind, what, at: call.ended });
}

fn check_time(round: &Round, call: &Call, slack_ms: u64, verdict: &mut Verdict) {
    let killed = matches!(call.answer, Answer::Killed { .. });
    // Who was stopped can't keep a deadline.
    let excused = call.failpoint.is_some() || round.stopped.contains(&call.pid);
    if killed || excused {
        return;
    }
    let took_ms = call.ended.saturating_sub(call.begun) / 1_000_000;
    let overshoot = took_ms.saturating_sub(call.deadline_ms);
    verdict.worst_overshoot_ms = verdict.worst_overshoot_ms.max(overshoot);
    if overshoot > slack_ms {
        verdict.violations.push(Violation {
            kind: "too late",
            what: format!(
                "call {} ({}): took {took_ms} ms of {} ms, with a slack of {slack_ms} ms",
                call.number, call.command, call.deadline_ms
            ),
            at: call.ended,
        });
    }
}
