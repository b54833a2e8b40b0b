//! Asking a part whether it is ready, or well.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use coordinator::machine::Ending;
use coordinator::tree;
use tokio::net::TcpStream;

use super::ground::Ground;
use super::notify::Notify;
use super::output::Output;
use super::plan::{Check, Part};

/// Between two tries, at first and at last.
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How long one try may take while it is not ready.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most that is read of an answer's body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// What the answers of one process come over.
pub(super) struct Ear<'a> {
    pub(super) ground: &'a Ground,
    pub(super) part: &'a Part,
    pub(super) output: &'a Output,
    pub(super) notify: Option<&'a Notify>,
}

impl Ear<'_> {
    /// Waits until the question is answered well. What was wrong last is kept in `miss`.
    pub(super) async fn until(&self, check: &Check, miss: &mut String) {
        let mut pause = PAUSE;
        loop {
            match tokio::time::timeout(PATIENCE, self.ask(check)).await {
                Ok(Ok(())) => return,
                Ok(Err(wrong)) => *miss = wrong,
                // It can be waited for without an end: there is no question to repeat.
                Err(_) => *miss = "there is no answer".to_owned(),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks once.
    pub(super) async fn ask(&self, check: &Check) -> Result<(), String> {
        if let Some(url) = &check.http {
            return self.http(url, check).await;
        }
        if let Some(address) = &check.tcp {
            return self.tcp(address).await;
        }
        if let Some(text) = &check.line {
            self.output.says(text).await;
            return Ok(());
        }
        if check.notify {
            return self.notified().await;
        }
        self.run(&check.command).await
    }

    async fn http(&self, url: &str, check: &Check) -> Result<(), String> {
        let url = self.ground.fill(url);
        let url =
            if url.starts_with('/') { format!("http://127.0.0.1:{}{url}", self.ground.port) } else { url };
        let client = coordinator::system::http_client().map_err(|error| error.to_string())?;
        let mut answer = client
            .get(&url)
            .send()
            .await
            .map_err(|error| format!("{url} can't be asked: {}", root(&error)))?;
        let status = answer.status().as_u16();
        if check.status.map_or(!(200..300).contains(&status), |wanted| wanted != status) {
            return Err(format!("{url} answers with status {status}"));
        }
        let Some(wanted) = &check.body else { return Ok(()) };
        let mut body = Vec::new();
        while body.len() < BODY_LIMIT
            && let Some(more) = answer.chunk().await.map_err(|error| format!("{url}: {}", root(&error)))?
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
        let given = self.ground.fill(address);
        let address = match given.parse::<u16>() {
            Ok(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            Err(_) => given.parse().map_err(|_| format!("{given:?} is no port and no address"))?,
        };
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| format!("nothing can connect to {address}: {error}"))?;
        // A port that nobody listens on can connect to itself where it is an ephemeral one.
        if stream.local_addr().ok() == stream.peer_addr().ok() {
            return Err(format!("nobody listens on {address}"));
        }
        Ok(())
    }

    async fn notified(&self) -> Result<(), String> {
        let Some(socket) = self.notify else { return Err("there is no socket to hear it over".to_owned()) };
        socket.ready().await.map_err(|error| error.to_string())
    }

    /// Listens to what it says after it is ready.
    pub(super) async fn hear_all(&self) {
        if let Some(socket) = self.notify {
            socket.hear_all().await;
        }
        std::future::pending().await
    }

    async fn run(&self, command: &[String]) -> Result<(), String> {
        let name = command.first().map_or("", String::as_str);
        let wrong = |what: String| format!("{name} {what}");
        let child = self.ground.child(self.part, command, None).map_err(|error| wrong(error.to_string()))?;
        let spawned = tokio::task::spawn_blocking(move || tree::spawn(&child)).await;
        let mut child =
            spawned.map_err(|error| error.to_string())?.map_err(|error| wrong(error.to_string()))?;
        // Nobody wants to read it, but it must not be kept waiting.
        if let Some(mut pipe) = child.take_output() {
            tokio::task::spawn_blocking(move || std::io::copy(&mut pipe, &mut std::io::sink()));
        }
        let mut child = super::life::Held(child);
        match child.0.ended().await {
            Ending::Exited(0) => Ok(()),
            ending => Err(wrong(ending.to_string())),
        }
    }
}

/// What is at the bottom of an error: the outer ones only say that a request failed.
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
