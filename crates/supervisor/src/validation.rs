//! Checks a plan for what its types cannot express, and orders its children.

use std::time::Duration;

use coordinator::tree::Signal;
use coordinator::{InvalidValue, Name};

use crate::child_guard::KILL_TIME;
use crate::plan::{COMMAND, Check, ChildSpec, Plan, SocketMode, StartPhase};

impl Plan {
    /// Returns whether there is nothing to start.
    pub fn is_empty(&self) -> bool {
        self.command.is_none() && self.helpers.is_empty()
    }

    /// Returns whether the plan has settings for a command but no program. The caller may add it.
    pub fn lacks_words(&self) -> bool {
        self.command.as_ref().is_some_and(|command| command.command.is_empty())
    }

    /// Checks what the types cannot express.
    ///
    /// # Errors
    /// A sentence about the first mistake. It begins with the place of the mistake.
    pub fn check(&self) -> Result<(), String> {
        if let Some(command) = &self.command {
            let extra = [
                ("name", !command.name.is_empty()),
                ("needs", !command.needs.is_empty()),
                ("start", command.start != StartPhase::Before),
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
            if helper.socket == SocketMode::Pass {
                return Err(format!("helper {name:?}: socket: only the worker's command has one"));
            }
            helper.check(&format!("helper {name:?}"))?;
        }
        self.order().map(drop)
    }

    /// Returns the children in the order in which they start: each after the helpers that it needs,
    /// otherwise as written.
    ///
    /// # Errors
    /// If a helper needs an unknown helper, one that starts later, or, directly or not, itself.
    pub(crate) fn order(&self) -> Result<Vec<&ChildSpec>, String> {
        let mut order: Vec<&ChildSpec> = Vec::new();
        for when in [StartPhase::Before, StartPhase::After] {
            let mut left: Vec<&ChildSpec> =
                self.helpers.iter().filter(|helper| helper.start == when).collect();
            while !left.is_empty() {
                let started = |name: &String| order.iter().any(|child| child.name == *name);
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
            if when == StartPhase::Before {
                order.extend(&self.command);
            }
        }
        Ok(order)
    }

    /// Returns the longest time that ending all children takes.
    pub fn stop_budget(&self) -> Duration {
        self.command.iter().chain(&self.helpers).map(|child| child.stop.within + KILL_TIME).sum()
    }
}

impl ChildSpec {
    /// A command with default settings.
    pub fn of_command(command: Vec<String>) -> Self {
        Self { command, ..Self::default() }
    }

    /// Returns the name that the child and its log have.
    pub(crate) fn label(&self) -> &str {
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
        self.unknown_here().map_or(Ok(()), wrong)
    }

    /// Returns what the child asks for that only Unix has, on another system.
    fn unknown_here(&self) -> Option<&'static str> {
        let notify = self.ready.as_ref().is_some_and(|check| check.notify);
        [
            (self.socket == SocketMode::Pass, "socket: none can be passed to a program on Windows"),
            (notify, "ready.notify: systemd's protocol is not known on Windows"),
            (self.umask.is_some(), "umask: has no meaning on Windows"),
            (self.limits.open_files.is_some(), "limits.open_files: Windows knows no such limit"),
        ]
        .into_iter()
        .find_map(|(asked, what)| (asked && cfg!(windows)).then_some(what))
    }

    pub(crate) fn umask(&self) -> Option<u32> {
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

    pub(crate) fn within(&self) -> Duration {
        self.within.unwrap_or(Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{ResourceLimits, StopPolicy};

    fn helper(name: &str, needs: &[&str]) -> ChildSpec {
        let needs = needs.iter().map(ToString::to_string).collect();
        ChildSpec { name: name.to_owned(), needs, ..ChildSpec::of_command(vec!["true".to_owned()]) }
    }

    fn order(helpers: Vec<ChildSpec>) -> Result<Vec<String>, String> {
        let plan = Plan { command: Some(ChildSpec::of_command(vec!["node".to_owned()])), helpers };
        plan.check()?;
        Ok(plan.order()?.into_iter().map(|child| child.label().to_owned()).collect())
    }

    #[test]
    fn helpers_are_started_after_those_that_they_need() {
        let late = |child: ChildSpec| ChildSpec { start: StartPhase::After, ..child };
        let helpers = vec![helper("a", &["c"]), late(helper("b", &["a"])), helper("c", &[])];
        assert_eq!(order(helpers).unwrap(), ["c", "a", "command", "b"]);
    }

    #[test]
    fn helpers_that_can_never_be_started_are_refused() {
        let late = ChildSpec { start: StartPhase::After, ..helper("late", &[]) };
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
        let command = || ChildSpec::of_command(vec!["node".to_owned()]);
        let check = |check: Check| ChildSpec { ready: Some(check), ..command() };
        let stop = StopPolicy { signal: "SEGV".to_owned(), ..StopPolicy::default() };
        for (command, wrong) in [
            (ChildSpec::of_command(vec![String::new()]), "worker: command: there is no program"),
            (ChildSpec { name: "x".to_owned(), ..command() }, "worker.name: only a helper"),
            (
                ChildSpec { directory: Some("relative".into()), ..command() },
                "worker: directory: not an absolute",
            ),
            (check(Check::default()), "worker: ready: exactly one of"),
            (check(Check { tcp: Some("1".into()), notify: true, ..Check::default() }), "exactly one of"),
            (check(Check { tcp: Some("1".into()), status: Some(200), ..Check::default() }), "for http"),
            (check(Check { http: Some("ftp://x".into()), ..Check::default() }), "begins with '/'"),
            (check(Check { notify: true, failures: Some(1), ..Check::default() }), "are for alive"),
            (ChildSpec { stop, ..command() }, "worker: stop.signal"),
            (ChildSpec { umask: Some("9".into()), ..command() }, "worker: umask"),
            (ChildSpec { nice: Some(20), ..command() }, "worker: nice"),
        ] {
            let plan = Plan { command: Some(command), helpers: Vec::new() };
            let said = plan.check().unwrap_err();
            assert!(said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn a_plan_is_the_same_after_its_way_over_a_command_line() {
        let limits = ResourceLimits {
            memory: Some(1 << 20),
            open_files: Some(64),
            cpu: Some(Duration::from_secs(60)),
        };
        let ready =
            Check { http: Some("/".into()), within: Some(Duration::from_millis(1500)), ..Check::default() };
        let command = ChildSpec {
            limits,
            ready: Some(ready),
            ..ChildSpec::of_command(vec!["node".into(), "a b".into()])
        };
        let plan = Plan { command: Some(command), helpers: vec![helper("a", &[]), helper("b", &["a"])] };
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan, "{text}");
        assert!(
            serde_json::from_str::<Plan>(&text.replace("limits", "limit")).is_err(),
            "unknown keys are refused"
        );
    }
}
