//! A scheduled task of Windows: <https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema>. The scheduler keeps a copy of
//! its own: the file is what `schtasks` is given.

use std::path::{Path, PathBuf};

use super::definition::Service;
use super::xml::xml;

fn task(service: &Service) -> String {
    format!("oneworker-{}", service.name)
}

/// Started when the user logs on, by that user's own rights, without a time limit; again when it failed.
pub(super) fn text(service: &Service) -> String {
    let (program, arguments) =
        service.words.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let arguments: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>The one worker {} of this user</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>3</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{}</Command>
      <Arguments>{}</Arguments>
    </Exec>
  </Actions>
</Task>
"#,
        xml(&service.name),
        xml(program),
        xml(&arguments.join(" "))
    )
}

pub(super) fn path(service: &Service, set: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    Some(set("LOCALAPPDATA")?.join("oneworker").join(format!("{}.xml", task(service))))
}

pub(super) fn enable(service: &Service, path: &Path) -> String {
    let task = task(service);
    format!("schtasks /Create /TN {task} /XML \"{}\" /F && schtasks /Run /TN {task}", path.display())
}

pub(super) fn disable(service: &Service) -> String {
    format!("schtasks /Delete /TN {} /F", task(service))
}

/// One word, as programs take a command line apart (`CommandLineToArgvW`).
fn quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        if c == '"' {
            quoted.push_str(&"\\".repeat(backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        quoted.push(c);
    }
    quoted.push_str(&"\\".repeat(backslashes));
    quoted.push('"');
    quoted
}
