//! What is started in this worker's place and beside it, as a configuration writes it: the tables `[worker]` and `[[helper]]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use coordinator::tree::Signal;
use coordinator::{InvalidValue, Name};
use serde::{Deserialize, Serialize};

use super::text;

/// The name of the command among its helpers: of its log, too.
pub(super) const COMMAND: &str = "command";

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// The command that serves in the worker's place, and has its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Part>,
    /// What belongs to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub helpers: Vec<Part>,
}

/// One program, how it is started and ended, and what becomes of it in between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Part {
    /// A helper's name: that of its log, too. The command has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The program and its arguments; `{port}` stands for the worker's port and `{state_dir}` for its directory.
    pub command: Vec<String>,
    /// Where it runs, an absolute path; without, the state directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// What it gets besides the allow-list.
    pub env: Env,
    /// How it is known to be ready. The command is by a connection to its port, unless that is passed to it; helpers are at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Check>,
    /// How it is known to be well, once it is ready; without, it is for as long as it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alive: Option<Check>,
    /// When it is started again.
    pub restart: Restart,
    /// How it is ended.
    pub stop: Stop,
    /// What it may use up.
    pub limits: Limits,
    /// Its priority, -20 to 19: the higher, the less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// The rights that its files don't get, in octal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<String>,
    /// A helper's: whether it is started before the command, or once that is ready.
    pub start: When,
    /// A helper's: those that have to be ready before it is started. They are ended after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// The command's: whether it gets the listening socket, by the protocol of systemd (`LISTEN_FDS`). Clients then wait for it, and are not refused.
    pub socket: Socket,
}

impl Default for Part {
    fn default() -> Self {
        Self {
            name: String::new(),
            command: Vec::new(),
            directory: None,
            env: Env::default(),
            ready: None,
            alive: None,
            restart: Restart::default(),
            stop: Stop::default(),
            limits: Limits::default(),
            nice: None,
            umask: None,
            start: When::Before,
            needs: Vec::new(),
            socket: Socket::Own,
        }
    }
}

/// A part's environment, besides the allow-list of [`coordinator::LaunchCommand`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Env {
    /// Variables of the session that starts the worker.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
    /// Variables that are set; `{port}` and `{state_dir}` are replaced here too.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
}

/// A question to a part: exactly one of `http`, `tcp`, `line`, `notify` and `command`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// A `GET` of this URL, or of this path on the worker's port, is answered with [`Check::status`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// The status; without, any from 200 to 299.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's first 64 KiB contain this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A connection to this address, or to this port of 127.0.0.1, can be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    /// A line of its output contains this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// It says `READY=1` by the protocol of systemd (`NOTIFY_SOCKET`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub notify: bool,
    /// This program ends with status 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// For `ready`: it is ended if it is not ready within this; 30 s without.
    #[serde(with = "text::some_duration", skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// For `alive`: it is asked this often; every 10 s without.
    #[serde(with = "text::some_duration", skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// For `alive`: it may take so long to answer; 5 s without.
    #[serde(with = "text::some_duration", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// For `alive`: after so many misses in a row it is ended and started again; 3 without. One that uses the CPU meanwhile is given six times as many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
}

/// When a part is started again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restart {
    /// After which endings.
    pub when: RestartWhen,
    /// The pause before the first time; doubled by each further one, and up to a half longer by chance.
    #[serde(with = "text::duration")]
    pub base: Duration,
    /// The longest pause.
    #[serde(with = "text::duration")]
    pub max: Duration,
    /// Given up after so many within [`Restart::within`].
    pub limit: u32,
    /// See [`Restart::limit`].
    #[serde(with = "text::duration")]
    pub within: Duration,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            when: RestartWhen::OnFailure,
            base: Duration::from_millis(200),
            max: Duration::from_secs(30),
            limit: 5,
            within: Duration::from_secs(60),
        }
    }
}

/// After which endings a part is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// After all but the one with status 0.
    #[default]
    OnFailure,
    /// After all.
    Always,
    /// After none.
    Never,
}

/// How a part is ended: its process group gets the signal, and what is left of it SIGKILL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// The signal: TERM, INT, QUIT, HUP, USR1, USR2 or KILL.
    pub signal: String,
    /// How long it may take.
    #[serde(with = "text::duration")]
    pub within: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Self { signal: "TERM".to_owned(), within: Duration::from_secs(5) }
    }
}

/// What a part may use up; each process of it, and nothing is limited without.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of its own (`RLIMIT_DATA`), such as `512MiB`.
    #[serde(with = "text::some_size", skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Open files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// Time on the CPU, in all.
    #[serde(with = "text::some_duration", skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Duration>,
}

/// When a helper is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before the command.
    #[default]
    Before,
    /// Once the command is ready.
    After,
}

/// Whose the listening socket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Socket {
    /// The command makes its own.
    #[default]
    Own,
    /// It is passed to the command.
    Pass,
}

impl Plan {
    /// Whether there is nothing to start.
    pub fn is_empty(&self) -> bool {
        self.command.is_none() && self.helpers.is_empty()
    }

    /// Whether there is a command of which only the rest is said: its words may come later.
    pub fn lacks_words(&self) -> bool {
        self.command.as_ref().is_some_and(|part| part.command.is_empty())
    }

    /// Checks what no type can say.
    ///
    /// # Errors
    /// The first thing that does not fit, in words that begin with where it is.
    pub fn check(&self) -> Result<(), String> {
        if let Some(command) = &self.command {
            let extra = [
                ("name", !command.name.is_empty()),
                ("needs", !command.needs.is_empty()),
                ("start", command.start != When::Before),
            ];
            if let Some((key, _)) = extra.into_iter().find(|(_, given)| *given) {
                return Err(format!("worker.{key}: only a helper has that"));
            }
            if !self.lacks_words() {
                command.check("worker")?;
            }
        }
        for (at, helper) in self.helpers.iter().enumerate() {
            let name = &helper.name;
            name.parse::<Name>()
                .map_err(|InvalidValue { rule, .. }| format!("helper {name:?}: name: {rule}"))?;
            if name == COMMAND
                || name == "worker"
                || self.helpers[..at].iter().any(|other| other.name == *name)
            {
                return Err(format!("helper {name:?}: there is another of this name"));
            }
            if helper.socket == Socket::Pass {
                return Err(format!("helper {name:?}: socket: only the worker's command has one"));
            }
            helper.check(&format!("helper {name:?}"))?;
        }
        self.order().map(drop)
    }

    /// The parts in the order in which they are started. Each is started after those that it needs; else as they are written.
    ///
    /// # Errors
    /// If a helper needs one that there is not, one that is started later, or itself in the end.
    pub(super) fn order(&self) -> Result<Vec<&Part>, String> {
        let mut order: Vec<&Part> = Vec::new();
        for when in [When::Before, When::After] {
            let mut left: Vec<&Part> = self.helpers.iter().filter(|helper| helper.start == when).collect();
            while !left.is_empty() {
                let started = |name: &String| order.iter().any(|part| part.name == *name);
                let Some(next) = left.iter().position(|helper| helper.needs.iter().all(started)) else {
                    let stuck = left[0];
                    let missing = stuck.needs.iter().find(|name| !started(name)).map_or("", String::as_str);
                    return Err(format!(
                        "helper {:?}: needs: {missing:?} is no helper that can be started before it",
                        stuck.name
                    ));
                };
                order.push(left.remove(next));
            }
            if when == When::Before {
                order.extend(&self.command);
            }
        }
        Ok(order)
    }

    /// The longest that ending all of them takes.
    pub(crate) fn stop_budget(&self) -> Duration {
        self.command.iter().chain(&self.helpers).map(|part| part.stop.within + super::KILL).sum()
    }
}

impl Part {
    /// A command with nothing else said.
    pub fn of_command(command: Vec<String>) -> Self {
        Self { command, ..Self::default() }
    }

    /// Its name: that of its log.
    pub(super) fn label(&self) -> &str {
        if self.name.is_empty() { COMMAND } else { &self.name }
    }

    fn check(&self, place: &str) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{place}: {what}"));
        if self.command.first().is_none_or(String::is_empty) {
            return wrong("command: there is no program");
        }
        if self.directory.as_ref().is_some_and(|dir| !dir.is_absolute()) {
            return wrong("directory: not an absolute path");
        }
        if let Some(check) = &self.ready {
            check.check(&format!("{place}: ready"))?;
            if check.every.is_some() || check.timeout.is_some() || check.failures.is_some() {
                return wrong("ready: every, timeout and failures are for alive");
            }
        }
        if let Some(check) = &self.alive {
            check.check(&format!("{place}: alive"))?;
            if check.within.is_some() || check.line.is_some() || check.notify {
                return wrong("alive: within, line and notify are for ready");
            }
        }
        if let Err(unknown) = self.stop.signal.parse::<Signal>() {
            return wrong(&format!("stop.signal: {unknown}"));
        }
        if self.umask.is_some() && self.umask().is_none() {
            return wrong("umask: must be octal digits up to 777");
        }
        if self.nice.is_some_and(|nice| !(-20..=19).contains(&nice)) {
            return wrong("nice: must be from -20 to 19");
        }
        Ok(())
    }

    pub(super) fn umask(&self) -> Option<u32> {
        u32::from_str_radix(self.umask.as_deref()?, 8).ok().filter(|umask| *umask <= 0o777)
    }
}

impl Check {
    fn check(&self, place: &str) -> Result<(), String> {
        let named = usize::from(self.http.is_some())
            + usize::from(self.tcp.is_some())
            + usize::from(self.line.is_some())
            + usize::from(self.notify)
            + usize::from(!self.command.is_empty());
        if named != 1 {
            return Err(format!(
                "{place}: exactly one of http, tcp, line, notify and command is to be there"
            ));
        }
        if (self.status.is_some() || self.body.is_some()) && self.http.is_none() {
            return Err(format!("{place}: status and body are for http"));
        }
        if let Some(url) = &self.http
            && !url.starts_with('/')
            && !url.starts_with("http://")
        {
            return Err(format!(
                "{place}: http: must be a path that begins with '/', or a URL that begins with http://"
            ));
        }
        Ok(())
    }

    pub(super) fn within(&self) -> Duration {
        self.within.unwrap_or(Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn helper(name: &str, needs: &[&str]) -> Part {
        let needs = needs.iter().map(ToString::to_string).collect();
        Part { name: name.to_owned(), needs, ..Part::of_command(vec!["true".to_owned()]) }
    }

    fn order(helpers: Vec<Part>) -> Result<Vec<String>, String> {
        let plan = Plan { command: Some(Part::of_command(vec!["node".to_owned()])), helpers };
        plan.check()?;
        Ok(plan.order()?.into_iter().map(|part| part.label().to_owned()).collect())
    }

    #[test]
    fn helpers_are_started_after_those_that_they_need() {
        let late = |part: Part| Part { start: When::After, ..part };
        let helpers = vec![helper("a", &["c"]), late(helper("b", &["a"])), helper("c", &[])];
        assert_eq!(order(helpers).unwrap(), ["c", "a", "command", "b"]);
    }

    #[test]
    fn helpers_that_can_never_be_started_are_refused() {
        let late = Part { start: When::After, ..helper("late", &[]) };
        for (helpers, wrong) in [
            (vec![helper("a", &["b"]), helper("b", &["a"])], "can be started before it"),
            (vec![helper("a", &["a"])], "can be started before it"),
            (vec![helper("a", &["x"])], "\"x\" is no helper"),
            (vec![helper("a", &["late"]), late], "can be started before it"),
            (vec![helper("a", &[]), helper("a", &[])], "another of this name"),
            (vec![helper("command", &[])], "another of this name"),
            (vec![helper("../x", &[])], "name"),
        ] {
            let said = order(helpers).unwrap_err();
            assert!(said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        let part = || Part::of_command(vec!["node".to_owned()]);
        let check = |check: Check| Part { ready: Some(check), ..part() };
        let stop = Stop { signal: "SEGV".to_owned(), ..Stop::default() };
        for (command, wrong) in [
            (Part::of_command(vec![String::new()]), "worker: command: there is no program"),
            (Part { name: "x".to_owned(), ..part() }, "worker.name: only a helper"),
            (Part { directory: Some("relative".into()), ..part() }, "worker: directory: not an absolute"),
            (check(Check::default()), "worker: ready: exactly one of"),
            (check(Check { tcp: Some("1".into()), notify: true, ..Check::default() }), "exactly one of"),
            (check(Check { tcp: Some("1".into()), status: Some(200), ..Check::default() }), "for http"),
            (check(Check { http: Some("ftp://x".into()), ..Check::default() }), "begins with '/'"),
            (check(Check { notify: true, failures: Some(1), ..Check::default() }), "are for alive"),
            (Part { stop, ..part() }, "worker: stop.signal"),
            (Part { umask: Some("9".into()), ..part() }, "worker: umask"),
            (Part { nice: Some(20), ..part() }, "worker: nice"),
        ] {
            let plan = Plan { command: Some(command), helpers: Vec::new() };
            let said = plan.check().unwrap_err();
            assert!(said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn a_plan_is_the_same_after_its_way_over_a_command_line() {
        let limits =
            Limits { memory: Some(1 << 20), open_files: Some(64), cpu: Some(Duration::from_secs(60)) };
        let ready =
            Check { http: Some("/".into()), within: Some(Duration::from_millis(1500)), ..Check::default() };
        let command =
            Part { limits, ready: Some(ready), ..Part::of_command(vec!["node".into(), "a b".into()]) };
        let plan = Plan { command: Some(command), helpers: vec![helper("a", &[]), helper("b", &["a"])] };
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan, "{text}");
        assert!(
            serde_json::from_str::<Plan>(&text.replace("limits", "limit")).is_err(),
            "unknown keys are refused"
        );
    }
}
