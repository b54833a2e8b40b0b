//! Checks whether a child is ready, or well.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use coordinator::machine::Ending;
use coordinator::tree;
use tokio::net::TcpStream;

use crate::child_guard::ChildGuard;
use crate::context::ChildContext;
use crate::notify::NotifySocket;
use crate::output::ChildOutput;
use crate::plan::{Check, ChildSpec};

/// The pause between two attempts, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How long one attempt of a readiness check may take.
const ATTEMPT_TIME: Duration = Duration::from_secs(5);
/// How much of a response's body is read at most, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// Runs the checks of one child process.
pub(crate) struct Checker<'a> {
    pub(crate) context: &'a ChildContext,
    pub(crate) spec: &'a ChildSpec,
    pub(crate) output: &'a ChildOutput,
    pub(crate) notify: Option<&'a NotifySocket>,
}

impl Checker<'_> {
    /// Repeats the check until it succeeds. Keeps the last failure in `failure`.
    pub(crate) async fn until_passed(&self, check: &Check, failure: &mut String) {
        let mut pause = FIRST_PAUSE;
        loop {
            match tokio::time::timeout(ATTEMPT_TIME, self.run(check)).await {
                Ok(Ok(())) => return,
                Ok(Err(wrong)) => *failure = wrong,
                // The check may wait without an end, for a line say: that is not repeated.
                Err(_) => *failure = "there is no answer".to_owned(),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Runs the check once.
    pub(crate) async fn run(&self, check: &Check) -> Result<(), String> {
        if let Some(url) = &check.http {
            return self.http(url, check).await;
        }
        if let Some(address) = &check.tcp {
            return self.tcp(address).await;
        }
        if let Some(text) = &check.line {
            self.output.contains(text).await;
            return Ok(());
        }
        if check.notify {
            return self.notified().await;
        }
        self.command(&check.command).await
    }

    async fn http(&self, url: &str, check: &Check) -> Result<(), String> {
        let url = self.context.expand(url);
        let url =
            if url.starts_with('/') { format!("http://127.0.0.1:{}{url}", self.context.port) } else { url };
        let client = coordinator::system::http_client().map_err(|error| error.to_string())?;
        let mut response = client
            .get(&url)
            .send()
            .await
            .map_err(|error| format!("{url} can't be asked: {}", root_cause(&error)))?;
        let status = response.status().as_u16();
        if check.status.map_or(!(200..300).contains(&status), |wanted| wanted != status) {
            return Err(format!("{url} answers with status {status}"));
        }
        let Some(wanted) = &check.body else { return Ok(()) };
        let mut body = Vec::new();
        while body.len() < BODY_LIMIT
            && let Some(more) =
                response.chunk().await.map_err(|error| format!("{url}: {}", root_cause(&error)))?
        {
            body.extend_from_slice(&more);
        }
        if String::from_utf8_lossy(&body).contains(wanted) {
            Ok(())
        } else {
            Err(format!("{url} does not answer {wanted:?}"))
        }
    }

    async fn tcp(&self, address: &str) -> Result<(), String> {
        let given = self.context.expand(address);
        let address = match given.parse::<u16>() {
            Ok(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            Err(_) => given.parse().map_err(|_| format!("{given:?} is no port and no address"))?,
        };
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| format!("nothing can connect to {address}: {error}"))?;
        // An ephemeral port without a listener can connect to itself.
        if stream.local_addr().ok() == stream.peer_addr().ok() {
            return Err(format!("nobody listens on {address}"));
        }
        Ok(())
    }

    async fn notified(&self) -> Result<(), String> {
        let Some(socket) = self.notify else { return Err("there is no socket to hear it over".to_owned()) };
        socket.ready().await.map_err(|error| error.to_string())
    }

    /// Keeps receiving what the child sends after it is ready.
    pub(crate) async fn drain_notifications(&self) {
        if let Some(socket) = self.notify {
            socket.drain().await;
        }
        std::future::pending().await
    }

    async fn command(&self, command: &[String]) -> Result<(), String> {
        let name = command.first().map_or("", String::as_str);
        let wrong = |what: String| format!("{name} {what}");
        let process =
            self.context.process(self.spec, command, None).map_err(|error| wrong(error.to_string()))?;
        let spawned = tokio::task::spawn_blocking(move || tree::spawn(&process)).await;
        let mut child =
            spawned.map_err(|error| error.to_string())?.map_err(|error| wrong(error.to_string()))?;
        // The output is dropped, but the process must not block on a full pipe.
        if let Some(mut pipe) = child.take_output() {
            tokio::task::spawn_blocking(move || std::io::copy(&mut pipe, &mut std::io::sink()));
        }
        let mut child = ChildGuard(child);
        match child.0.ended().await {
            Ending::Exited(0) => Ok(()),
            ending => Err(wrong(ending.to_string())),
        }
    }
}

/// Returns the innermost error: the outer ones only say that a request failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
