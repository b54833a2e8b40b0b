//! What a plan must keep to that no type can say, and the order of its parts.

use std::time::Duration;

use coordinator::tree::Signal;
use coordinator::{InvalidValue, Name};

use super::plan::{COMMAND, Check, Part, Plan, Socket, When};

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
        self.unknown_here().map_or(Ok(()), wrong)
    }

    /// What only Unix has, and this part asks for elsewhere.
    fn unknown_here(&self) -> Option<&'static str> {
        let notify = self.ready.as_ref().is_some_and(|check| check.notify);
        [
            (self.socket == Socket::Pass, "socket: none can be passed to a program on Windows"),
            (notify, "ready.notify: systemd's protocol is not known on Windows"),
            (self.umask.is_some(), "umask: has no meaning on Windows"),
            (self.limits.open_files.is_some(), "limits.open_files: Windows knows no such limit"),
        ]
        .into_iter()
        .find_map(|(asked, what)| (asked && cfg!(windows)).then_some(what))
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
    use crate::children::plan::{Limits, Stop};

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
