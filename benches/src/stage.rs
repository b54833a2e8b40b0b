use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A state directory to measure in, and the binary to measure. Dropping it stops the worker.
pub struct Stage {
    root: tempfile::TempDir,
    binary: PathBuf,
    generation: u32,
    hang_limit: Option<&'static str>,
    plan: Option<&'static str>,
}

/// The middle and the ends of what was measured.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Half were faster.
    pub p50: Duration,
    /// One of a hundred was slower.
    pub p99: Duration,
}

impl Timing {
    /// Of these samples.
    pub fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let at = |q: f64| samples[((samples.len() - 1) as f64 * q).round() as usize];
        Self { p50: at(0.5), p99: at(0.99) }
    }

    /// How many times the other's middle.
    pub fn ratio(self, other: Self) -> f64 {
        self.p50.as_secs_f64() / other.p50.as_secs_f64()
    }
}

impl Stage {
    /// With this binary, in a fresh directory.
    pub fn new(binary: &str) -> Self {
        Self {
            root: tempfile::tempdir().expect("a temporary directory"),
            binary: binary.into(),
            generation: 0,
            hang_limit: None,
            plan: None,
        }
    }

    /// With another hang limit than the default.
    #[must_use]
    pub fn hang_limit(mut self, limit: &'static str) -> Self {
        self.hang_limit = Some(limit);
        self
    }

    /// With a command to supervise, and helpers: a plan in JSON.
    #[must_use]
    pub fn plan(mut self, plan: &'static str) -> Self {
        self.plan = Some(plan);
        self
    }

    /// The state directory in use.
    pub fn state_dir(&self) -> PathBuf {
        self.root.path().join(format!("state-{}", self.generation))
    }

    /// Goes on in a directory that does not exist yet.
    pub fn fresh(&mut self) {
        self.stop();
        self.generation += 1;
    }

    /// The arguments that make a command one of this stage.
    pub fn args(&self, command: &str) -> Vec<String> {
        let dir = self.state_dir().display().to_string();
        [command, "--no-config", "--state-dir", &dir, "--port", "auto", "--deadline", "60s"]
            .map(str::to_owned)
            .to_vec()
    }

    fn command(&self, command: &str) -> Command {
        let mut built = Command::new(&self.binary);
        // Workers are killed here over and over, which looks like a crash loop and would be held back.
        built
            .args(self.args(command))
            .env("ONEWORKER_BACKOFF_BASE", "0s")
            .envs(self.hang_limit.map(|limit| ("ONEWORKER_HANG_LIMIT", limit)))
            .envs(self.plan.map(|plan| ("ONEWORKER_PLAN", plan)));
        built.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        built
    }

    /// Starts one `ensure`.
    pub fn start(&self) -> Child {
        self.command("ensure").arg("--quiet").spawn().expect("the measured binary starts")
    }

    /// Times one `ensure` from before its start to after its end.
    pub fn time_ensure(&self) -> Duration {
        time(self.command("ensure").arg("--quiet"))
    }

    /// Times one run of the GET floor against the worker.
    pub fn time_floor(&self, floor: &str, address: SocketAddr) -> Duration {
        time(Command::new(floor).arg(address.to_string()).stdin(Stdio::null()).stdout(Stdio::null()))
    }

    /// Runs one `ensure`, and says what it found.
    pub fn ensure(&self) -> Value {
        let output = self
            .command("ensure")
            .arg("--json")
            .stdout(Stdio::piped())
            .output()
            .expect("the measured binary runs");
        assert!(output.status.success(), "ensure failed: {output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// The worker's address.
    pub fn address(&self) -> SocketAddr {
        let url = self.ensure()["url"].as_str().expect("a url").to_owned();
        url.trim_start_matches("http://").parse().expect("an address")
    }

    /// The worker's pid.
    pub fn pid(&self) -> u32 {
        self.ensure()["pid"].as_u64().expect("a pid").try_into().expect("a pid")
    }

    /// Stops the worker in good order.
    pub fn stop(&self) {
        if self.state_dir().exists() {
            let status = self.command("stop").arg("--force").status().expect("the measured binary runs");
            assert!(status.success(), "stop failed");
        }
    }

    /// Starts `n` of them as fast as one thread can, and waits for all: wall time, and how many failed.
    pub fn storm(&self, n: usize) -> (Duration, usize) {
        let begun = Instant::now();
        let children: Vec<Child> = (0..n).map(|_| self.start()).collect();
        let ended = children.into_iter().map(|mut child| child.wait().expect("its status"));
        let failed = ended.filter(|status| !status.success()).count();
        (begun.elapsed(), failed)
    }

    /// The worker's epoch: how many took office so far.
    pub fn epoch(&self) -> u64 {
        let text = std::fs::read_to_string(self.state_dir().join("epoch")).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Times a program from before its start to after its end.
fn time(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let status = command.status().expect("it runs");
    let took = begun.elapsed();
    assert!(status.success(), "{command:?} failed: {status}");
    took
}
