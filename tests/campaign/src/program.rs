//! The program under test: how it is called, and how its answers are read. The shipped `oneworker` is one, whoever links `coordinator` into a
//! program of their own describes theirs in a file.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use serde::Deserialize;
use serde_json::Value;

use crate::history::Answer;
use crate::plan::{Fault, Plan};

/// What the campaign asks a program to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Give a session the worker.
    Ensure,
    /// Be the worker.
    Serve,
    /// End the worker.
    Stop {
        /// By signals, if it does not obey.
        force: bool,
    },
    /// End the worker, and give a session another.
    Restart,
}

impl Verb {
    /// The word for it in histories.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ensure => "ensure",
            Self::Serve => "serve",
            Self::Stop { .. } => "stop",
            Self::Restart => "restart",
        }
    }
}

/// A program. In arguments and in the environment's values, `{state_dir}`, `{port}` (a number or `auto`), and, in milliseconds,
/// `{deadline}`, `{hang_limit}` and `{backoff}` are filled in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The file; a path in a description is relative to that.
    pub executable: PathBuf,
    /// The file's name in both install paths; its own, if it is not given.
    #[serde(default)]
    pub installed_as: Option<String>,
    /// The arguments with which it gives a session the worker.
    pub ensure: Vec<String>,
    /// Those with which it is the worker, by hand.
    pub serve: Vec<String>,
    /// Those with which it ends the worker.
    pub stop: Vec<String>,
    /// Those with which it ends a worker that does not obey, too.
    #[serde(default)]
    pub force_stop: Option<Vec<String>>,
    /// Those with which it ends the worker and gives a session another.
    #[serde(default)]
    pub restart: Option<Vec<String>>,
    /// An argument that each of its workers has and no session.
    #[serde(default = "default_worker_argument")]
    pub worker_argument: String,
    /// Its environment, besides the campaign's own.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where its answers, a JSON object on standard output, say what.
    #[serde(default)]
    pub answer: AnswerShape,
}

fn default_worker_argument() -> String {
    "serve".to_owned()
}

/// Where an answer says what: JSON pointers (RFC 6901), and the words that are expected there. The defaults are those of `oneworker`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerShape {
    /// How it went, of a success.
    pub outcome: String,
    /// The worker's process.
    pub pid: String,
    /// Its epoch.
    pub epoch: String,
    /// The error's code, of a failure: as `EnsureError::code` has it.
    pub code: String,
    /// Its words.
    pub message: String,
    /// The outcomes that come with a worker.
    pub with_worker: Vec<String>,
    /// Those that come without.
    pub without_worker: Vec<String>,
}

impl Default for AnswerShape {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            outcome: "/outcome".to_owned(),
            pid: "/pid".to_owned(),
            epoch: "/epoch".to_owned(),
            code: "/error/code".to_owned(),
            message: "/error/message".to_owned(),
            with_worker: words(&["reused", "waited", "started", "replaced"]),
            without_worker: words(&["stopped", "nothing_ran"]),
        }
    }
}

/// What is filled in.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// `{state_dir}`.
    pub state_dir: &'a Path,
    /// `{port}`; `auto` without one.
    pub port: Option<u16>,
    /// `{deadline}`.
    pub deadline_ms: u64,
    /// `{hang_limit}`.
    pub hang_limit_ms: u64,
    /// `{backoff}`.
    pub backoff_ms: u64,
}

impl Values<'_> {
    /// The text with these values.
    pub fn fill(&self, text: &str) -> String {
        let port = self.port.map_or_else(|| "auto".to_owned(), |port| port.to_string());
        text.replace("{state_dir}", &self.state_dir.to_string_lossy())
            .replace("{port}", &port)
            .replace("{deadline}", &self.deadline_ms.to_string())
            .replace("{hang_limit}", &self.hang_limit_ms.to_string())
            .replace("{backoff}", &self.backoff_ms.to_string())
    }
}

impl Program {
    /// The shipped one: the campaign's own executable is it, under that name.
    pub fn oneworker() -> Self {
        let common = [
            "--state-dir",
            "{state_dir}",
            "--port",
            "{port}",
            "--hang-limit",
            "{hang_limit}ms",
            "--no-config",
        ];
        let command = |words: &[&str]| words.iter().chain(&common).map(|&word| word.to_owned()).collect();
        // Without a sabotage that is told to the campaign there is no such variable.
        let starting = |verb| [verb, "--json", "--deadline", "{deadline}ms", "--env", "ONEWORKER_SABOTAGE"];
        let environment = [
            ("ONEWORKER_BACKOFF_BASE", "{backoff}ms"),
            ("ONEWORKER_BACKOFF_MAX", "1s"),
            ("ONEWORKER_DRAIN", "500ms"),
            // So that workers leave by themselves while sessions come.
            ("ONEWORKER_IDLE_TIMEOUT", "1s"),
            // Not the hang limit, which may be shorter than what a loaded machine stalls.
            ("ONEWORKER_WATCHDOG", "10s"),
        ];
        Self {
            executable: std::env::current_exe().expect("this program"),
            installed_as: Some("oneworker".to_owned()),
            ensure: command(&starting("ensure")),
            serve: command(&["serve"]),
            stop: command(&["stop", "--json", "--deadline", "{deadline}ms"]),
            force_stop: Some(command(&["stop", "--json", "--deadline", "{deadline}ms", "--force"])),
            restart: Some(command(&starting("restart"))),
            worker_argument: default_worker_argument(),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            answer: AnswerShape::default(),
        }
    }

    /// One that is described in a file (TOML).
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn described_in(path: &Path) -> Result<Self, String> {
        let wrong = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let mut program: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let beside = path.parent().unwrap_or(Path::new("")).join(&program.executable);
        program.executable = beside
            .canonicalize()
            .map_err(|error| wrong(format!("executable {}: {error}", beside.display())))?;
        program.validate().map_err(wrong)?;
        Ok(program)
    }

    /// What the campaign can't do without.
    fn validate(&self) -> Result<(), String> {
        let environment = || self.environment.values();
        for (command, words) in [("ensure", &self.ensure), ("serve", &self.serve), ("stop", &self.stop)] {
            // It is how the processes of a round are found.
            if !words.iter().any(|word| word.contains("{state_dir}")) {
                return Err(format!("{command} needs {{state_dir}} among its arguments"));
            }
        }
        for (command, words) in [("ensure", &self.ensure), ("stop", &self.stop)] {
            if !words.iter().chain(environment()).any(|word| word.contains("{deadline}")) {
                return Err(format!(
                    "{command} needs {{deadline}} among its arguments, or in its environment"
                ));
            }
        }
        if !self.ensure.iter().chain(environment()).any(|word| word.contains("{hang_limit}")) {
            return Err("ensure needs {hang_limit} among its arguments, or in its environment".to_owned());
        }
        Ok(())
    }

    /// The name of its file in the install paths.
    pub fn file_name(&self) -> &str {
        let own = || self.executable.file_name().and_then(|name| name.to_str());
        self.installed_as.as_deref().or_else(own).unwrap_or("program")
    }

    /// The arguments for this. What it has no arguments for is no part of its plans.
    pub fn arguments(&self, verb: Verb) -> &[String] {
        match verb {
            Verb::Ensure => &self.ensure,
            Verb::Serve => &self.serve,
            Verb::Stop { force: false } => &self.stop,
            Verb::Stop { force: true } => self.force_stop.as_ref().unwrap_or(&self.stop),
            Verb::Restart => self.restart.as_ref().unwrap_or(&self.stop),
        }
    }

    /// Takes out of a plan what this program can't be asked for.
    pub fn fit(&self, plan: &mut Plan) {
        let takes_port = || {
            let words = self.ensure.iter().chain(&self.serve).chain(self.environment.values());
            words.into_iter().any(|word| word.contains("{port}"))
        };
        plan.fixed_port &= takes_port();
        plan.faults.retain(|timed| match timed.fault {
            Fault::Stop { force } => !force || self.force_stop.is_some(),
            Fault::Restart => self.restart.is_some(),
            _ => true,
        });
    }

    /// What a process that has ended with this output answered.
    pub fn read(&self, status: ExitStatus, output: &str) -> Answer {
        if let Some(signal) = status.signal() {
            return Answer::Killed { signal };
        }
        let json: Value = serde_json::from_str(output).unwrap_or(Value::Null);
        let shape = &self.answer;
        let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
        if let (Some(code), false) = (text(&shape.code), status.success()) {
            let message = text(&shape.message).unwrap_or_default().to_owned();
            return Answer::Error { code: code.to_owned(), message };
        }
        let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_u64);
        let outcome = text(&shape.outcome).filter(|_| status.success()).map(str::to_owned);
        let worker = number(&shape.pid).and_then(|pid| u32::try_from(pid).ok());
        match (outcome, worker, number(&shape.epoch)) {
            (Some(outcome), Some(worker), Some(epoch)) if shape.with_worker.contains(&outcome) => {
                Answer::Worker { outcome, worker, epoch }
            }
            (Some(outcome), ..) if shape.without_worker.contains(&outcome) => Answer::Done,
            _ => Answer::Garbage { output: format!("{status}: {output}") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Timed;

    const OWN: &str = r#"
        executable = "Cargo.toml"
        ensure = ["get", "{state_dir}", "{deadline}", "{hang_limit}"]
        serve = ["run", "{state_dir}"]
        stop = ["end", "{state_dir}", "{deadline}"]
        worker_argument = "run"
        [answer]
        pid = "/worker/process"
        epoch = "/worker/tenure"
        outcome = "/how"
        with_worker = ["found"]
    "#;

    fn described(text: &str) -> Result<Program, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Cargo.toml"), "").unwrap();
        std::fs::write(dir.path().join("own.toml"), text).unwrap();
        Program::described_in(&dir.path().join("own.toml"))
    }

    #[test]
    fn a_description_is_read_and_what_the_campaign_needs_is_asked_for() {
        let program = described(OWN).unwrap();
        assert!(program.executable.is_absolute());
        assert_eq!((program.file_name(), program.worker_argument.as_str()), ("Cargo.toml", "run"));
        for (needed, instead) in [
            (r#"["run", "{state_dir}"]"#, r#"["run"]"#),
            (r#""{deadline}", "{hang_limit}""#, r#""{deadline}""#),
            (r#"["end", "{state_dir}", "{deadline}"]"#, r#"["end", "{state_dir}"]"#),
            ("Cargo.toml", "no.toml"),
            ("worker_argument", "worker_arguments"),
        ] {
            assert!(described(&OWN.replacen(needed, instead, 1)).is_err(), "{instead}");
        }
        assert!(Program::oneworker().validate().is_ok());
    }

    #[test]
    fn values_are_filled_in() {
        let state_dir = Path::new("/s");
        let values = Values { state_dir, port: None, deadline_ms: 1, hang_limit_ms: 2, backoff_ms: 3 };
        assert_eq!(values.fill("{state_dir}:{port}:{deadline}ms:{hang_limit}:{backoff}"), "/s:auto:1ms:2:3");
        assert_eq!(Values { port: Some(7), ..values }.fill("--port={port}"), "--port=7");
    }

    #[test]
    fn an_answer_is_read_where_the_description_says() {
        let program = described(OWN).unwrap();
        let (ok, failed) = (ExitStatus::from_raw(0), ExitStatus::from_raw(256));
        let found = r#"{"how":"found","worker":{"process":7,"tenure":3}}"#;
        let worker = Answer::Worker { outcome: "found".into(), worker: 7, epoch: 3 };
        assert_eq!(program.read(ok, found), worker);
        assert!(matches!(program.read(failed, found), Answer::Garbage { .. }));
        assert_eq!(program.read(ok, r#"{"how":"stopped"}"#), Answer::Done);
        let error = r#"{"error":{"code":"starting","message":"wait"}}"#;
        assert_eq!(
            program.read(failed, error),
            Answer::Error { code: "starting".into(), message: "wait".into() }
        );
        assert!(matches!(program.read(ok, error), Answer::Garbage { .. }));
        assert_eq!(program.read(ExitStatus::from_raw(9), ""), Answer::Killed { signal: 9 });
    }

    #[test]
    fn a_plan_asks_a_program_for_nothing_that_it_can_not_do() {
        let program = described(OWN).unwrap();
        let mut plan = Plan::draw(7, 10, false);
        plan.fixed_port = true;
        let faults =
            [Fault::Restart, Fault::Stop { force: true }, Fault::Stop { force: false }, Fault::KillWorker];
        plan.faults = faults.map(|fault| Timed { at: 0, fault }).into();
        program.fit(&mut plan);
        assert!(!plan.fixed_port);
        let left: Vec<_> = plan.faults.into_iter().map(|timed| timed.fault).collect();
        assert_eq!(left, [Fault::Stop { force: false }, Fault::KillWorker]);
        let mut plan = Plan::draw(7, 10, false);
        let whole = serde_json::to_string(&plan).unwrap();
        Program::oneworker().fit(&mut plan);
        assert_eq!(serde_json::to_string(&plan).unwrap(), whole);
    }
}
