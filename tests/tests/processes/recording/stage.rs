//! Where a scene is played: one identity, whose commands are run and noted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use oneworker_tests::{Identity, PATIENT, Run};
use serde_json::{Value, json};

use super::normal::Names;
use crate::mess::Mess;

pub(super) struct Stage {
    pub(super) mess: Mess,
    program: PathBuf,
    names: Names,
    env: Vec<(String, String)>,
    steps: Vec<Value>,
    /// What the doctor has looked for.
    checks: Option<Value>,
    /// What a configuration says of the mess.
    pub(super) strays: String,
}

impl Stage {
    pub(super) fn new(program: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // The doctor looks for namesakes, of other runs too.
        let name = format!("recorded-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mess = Mess::of(Identity::new(program.to_str().unwrap()));
        let config = mess.identity.scratch().join("oneworker.toml");
        let strays = fs::read_to_string(&config).unwrap();
        fs::write(config, "").unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let scratch = mess.identity.scratch().to_owned();
        for folder in ["home", "work"] {
            fs::create_dir(scratch.join(folder)).unwrap();
        }
        let names = vec![
            (text(&scratch.canonicalize().unwrap()), "<scratch>"),
            (text(&scratch), "<scratch>"),
            (text(&std::env::current_dir().unwrap()), "<here>"),
            (text(&program.canonicalize().unwrap()), "<program>"),
            (text(program), "<program>"),
            (name.clone(), "<name>"),
            (env!("CARGO_PKG_VERSION").to_owned(), "<version>"),
        ];
        let env = [
            ("HOME", text(&scratch.join("home"))),
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("ONEWORKER_NAME", name),
            ("ONEWORKER_STATE_DIR", text(&mess.identity.state_dir())),
            ("ONEWORKER_CONFIG", text(&scratch.join("oneworker.toml"))),
            ("ONEWORKER_PORT", "auto".to_owned()),
            // Nothing is a matter of time.
            ("ONEWORKER_DEADLINE", PATIENT.to_owned()),
            ("ONEWORKER_HANG_LIMIT", PATIENT.to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        Self {
            mess,
            program: program.to_owned(),
            names: Names::new(names),
            env,
            steps: Vec::new(),
            checks: None,
            strays,
        }
    }

    pub(super) fn into_steps(self) -> Vec<Value> {
        self.steps
    }

    /// From now on with this variable.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// What is written for this run, such as a port, becomes a marker.
    pub(super) fn hide(&mut self, text: &str, marker: &'static str) {
        self.names.hide(text, marker);
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.mess.identity.scratch().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The command of these words; `@` stands for the test's own directory.
    pub(super) fn command(&self, words: &str) -> Run {
        let mut command = Command::new(&self.program);
        let scratch = self.path("").to_str().unwrap().trim_end_matches('/').to_owned();
        command.args(words.split_whitespace().map(|word| word.replace('@', &scratch)));
        command.env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        Run::new(command).in_dir(self.path("work"))
    }

    /// Runs it, and notes what came of it.
    pub(super) fn run(&mut self, words: &str) -> Output {
        self.note(words, self.command(words))
    }

    /// The same, with this on standard input.
    pub(super) fn given(&mut self, input: &str, words: &str) -> Output {
        self.write("input", input);
        let file = fs::File::open(self.path("input")).unwrap();
        let run = self.command(words).with(|command| {
            command.stdin(file);
        });
        self.note(words, run)
    }

    fn note(&mut self, words: &str, run: Run) -> Output {
        let output = run.output();
        let mut step = json!({ "command": self.names.in_text(words), "exit": output.status.code() });
        step["stdout"] = self.said(&output.stdout);
        if let Some(checks) = step["stdout"].get_mut("checks") {
            // A long list, and the same each time.
            let said = std::mem::replace(checks, "<as before>".into());
            let before = self.checks.replace(said.clone());
            if before.as_ref() != Some(&said) {
                *checks = said;
            }
        }
        // With --json it is written for people, besides.
        step["stderr"] = if output.stderr.is_empty() { "" } else { "<text>" }.into();
        self.steps.push(step);
        output
    }

    fn said(&self, bytes: &[u8]) -> Value {
        let text = String::from_utf8_lossy(bytes);
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        match (serde_json::from_str::<Value>(&text), lines) {
            _ if text.is_empty() => "".into(),
            (Ok(whole), _) => self.names.in_value(&whole),
            (_, Ok(lines)) => json!({ "lines": self.names.in_value(&lines.into()) }),
            _ if is_url(text.trim_end()) => "<url>".into(),
            _ => "<text>".into(),
        }
    }

    /// Notes what is in a JSON file of the state directory.
    pub(super) fn json_file(&mut self, name: &str) {
        let path = self.mess.identity.file(name);
        self.json_at(name, &path);
    }

    /// Notes what is in a JSON file anywhere.
    pub(super) fn json_at(&mut self, name: &str, path: &Path) {
        let held: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let held = self.names.in_value(&held);
        self.steps.push(json!({ "file": name, "holds": held }));
    }

    /// Notes what a text file of the state directory is like: digits and letters by their number.
    pub(super) fn text_file(&mut self, name: &str) {
        let text = fs::read_to_string(self.mess.identity.file(name)).unwrap();
        let digits = text.chars().all(|c| c.is_ascii_digit() || c == '\n');
        let shape = if digits { "<number>" } else { "<text>" };
        let length = if digits { Value::Null } else { text.trim_end().len().into() };
        self.steps
            .push(json!({ "file": name, "holds": shape, "length": length, "ends": text.ends_with('\n') }));
    }

    /// Notes the names of what lies in a directory.
    pub(super) fn directory(&mut self, name: &str) {
        let entries = fs::read_dir(self.path(name)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        // What SQLite keeps beside a database comes and goes.
        let mut names: Vec<String> =
            names.filter(|name| !name.ends_with("-shm") && !name.ends_with("-wal")).collect();
        names.sort();
        self.steps.push(json!({ "directory": name, "files": names }));
    }

    /// Notes the tables of a database of the state directory.
    pub(super) fn tables(&mut self, name: &str) {
        let db = rusqlite::Connection::open(self.mess.identity.file(name)).unwrap();
        let mut query =
            db.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        let squeezed = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let tables: serde_json::Map<String, Value> = query
            .query_map([], |row| Ok((row.get(0)?, squeezed(row.get(1)?).into())))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let version: u32 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        self.steps.push(json!({ "database": name, "user_version": version, "tables": tables }));
    }
}

fn is_url(text: &str) -> bool {
    text.strip_prefix("http://127.0.0.1:").is_some_and(|port| port.parse::<u16>().is_ok())
}
