//! Ports and probes, on loopback addresses only: never a name (`localhost` may be `::1`), and never through a proxy.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use serde::Deserialize;

use oneworker_protocol::machine::{BoundPort, Network, Pid, PortOwner, ProbeAnswer};
use oneworker_protocol::proof::{Challenge, MAX_HEALTH_BYTES};
use oneworker_protocol::{HandOver, HandOverReply};

/// A refusal by a worker, as far as it matters here.
#[derive(Deserialize)]
struct Refusal {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
    #[serde(default)]
    message: String,
}

/// The machine's network.
pub(super) struct SystemNetwork;

/// One HTTP client for the process: without a proxy, redirections and idle connections, so it belongs to no runtime and to no worker.
///
/// # Errors
/// If the system lets none be made.
pub fn client() -> io::Result<&'static Client> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let builder = Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        // A connection lives for one answer: options that find a dead peer after half a minute are only system calls.
        .tcp_keepalive(None)
        .tcp_keepalive_interval(None)
        .tcp_keepalive_retries(None);
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(None);
    let built = builder.build().map_err(io::Error::other)?;
    Ok(CLIENT.get_or_init(|| built))
}

/// The `io::Error` at the bottom of a failed request, if that is what it was.
fn into_io(error: reqwest::Error) -> Result<io::Error, reqwest::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref::<io::Error>() {
            return Ok(found.raw_os_error().map_or_else(
                || io::Error::new(found.kind(), error.to_string()),
                io::Error::from_raw_os_error,
            ));
        }
        source = cause.source();
    }
    Err(error)
}

/// Whether a connection failed for want of something on this side: a worker must not be taken for silent because of it. Sandboxes refuse
/// sockets with EAFNOSUPPORT too (systemd's `RestrictAddressFamilies=`).
#[cfg(unix)]
fn is_of_this_side(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let ours = [
        Errno::AFNOSUPPORT,
        Errno::PROTONOSUPPORT,
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOBUFS,
        Errno::NOMEM,
        Errno::ADDRNOTAVAIL,
    ];
    ours.iter().any(|ours| error.raw_os_error() == Some(ours.raw_os_error()))
}

#[cfg(windows)]
fn is_of_this_side(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::AddrNotAvailable)
}

fn classify(error: reqwest::Error) -> ProbeAnswer {
    match into_io(error) {
        Ok(error) if error.kind() == io::ErrorKind::ConnectionRefused => ProbeAnswer::Refused,
        Ok(error) if error.kind() == io::ErrorKind::PermissionDenied || is_of_this_side(&error) => {
            ProbeAnswer::NotPermitted(error)
        }
        Ok(error) => ProbeAnswer::Broken(error),
        // Bytes that are no HTTP: also what a connection to itself brings back, which the kernel can make when the port is free and
        // lies among the ephemeral ones.
        Err(error) if error.is_request() || error.is_body() || error.is_decode() => {
            ProbeAnswer::Alien { what: error.to_string() }
        }
        Err(error) => ProbeAnswer::Broken(io::Error::other(error)),
    }
}

#[async_trait]
impl Network for SystemNetwork {
    async fn probe(&self, address: SocketAddr, challenge: &Challenge) -> ProbeAnswer {
        let url = format!("http://{address}/health?challenge={}", challenge.as_str());
        let client = match client() {
            Ok(client) => client,
            Err(error) => return ProbeAnswer::Broken(error),
        };
        let mut response = match client.get(url).send().await {
            Ok(response) => response,
            Err(error) => return classify(error),
        };
        let mut body = Vec::with_capacity(512);
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_HEALTH_BYTES => {
                    body.extend_from_slice(&chunk)
                }
                Ok(Some(_)) => return ProbeAnswer::Alien { what: "its answer is too long".to_owned() },
                Ok(None) => break,
                Err(error) => return classify(error),
            }
        }
        let superseded = || {
            serde_json::from_slice::<Refusal>(&body).is_ok_and(|refusal| refusal.error.code == "superseded")
        };
        if response.status() == StatusCode::SERVICE_UNAVAILABLE && superseded() {
            return ProbeAnswer::Superseded;
        }
        if response.status() != StatusCode::OK {
            return ProbeAnswer::Alien { what: format!("it answers with status {}", response.status()) };
        }
        match serde_json::from_slice(&body) {
            Ok(health) => ProbeAnswer::Health(Box::new(health)),
            Err(_) => ProbeAnswer::Alien { what: "its answer is no health answer".to_owned() },
        }
    }

    #[cfg(unix)]
    async fn permitted(&self) -> io::Result<()> {
        use rustix::net::{AddressFamily, SocketType, socket};
        // Closed at once, and a child that is forked just now gets no more than one more socket that is not connected.
        Ok(socket(AddressFamily::INET, SocketType::STREAM, None).map(drop)?)
    }

    async fn request_stop(&self, address: SocketAddr, token: &str, why: &str) -> io::Result<()> {
        let body = serde_json::json!({ "why": why }).to_string();
        let request = client()?
            .post(format!("http://{address}/admin/shutdown"))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body);
        let response =
            request.send().await.map_err(|error| into_io(error).unwrap_or_else(io::Error::other))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(io::Error::other(format!("it refused to stop: status {status}"))),
        }
    }

    async fn request_hand_over(
        &self,
        address: SocketAddr,
        token: &str,
        request: &HandOver,
    ) -> io::Result<HandOverReply> {
        let request = client()?
            .post(format!("http://{address}/admin/hand-over"))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(serde_json::to_vec(request)?);
        let response =
            request.send().await.map_err(|error| into_io(error).unwrap_or_else(io::Error::other))?;
        let status = response.status();
        if status.is_success() {
            return Ok(HandOverReply::Agreed);
        }
        if status == StatusCode::NOT_FOUND {
            return Ok(HandOverReply::Unknown);
        }
        let mut body = response.bytes().await.unwrap_or_default();
        body.truncate(MAX_HEALTH_BYTES);
        let why = serde_json::from_slice::<Refusal>(&body).map(|refusal| refusal.error.message);
        Ok(HandOverReply::Refused(why.unwrap_or_else(|_| format!("status {status}"))))
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<BoundPort> {
        let listener = bind_exclusively(address)?;
        listener.set_nonblocking(true)?;
        Ok(BoundPort { address: listener.local_addr()?, listener: Some(listener) })
    }

    async fn owner(&self, port: u16) -> Option<PortOwner> {
        // Reads every descriptor of every process: off the event loop, and not for ever.
        let search = tokio::task::spawn_blocking(move || {
            listeners::get_process_by_port(port, listeners::Protocol::TCP).ok()
        });
        let process = tokio::time::timeout(Duration::from_secs(1), search).await.ok()?.ok()??;
        Some(PortOwner { pid: Pid(process.pid), program: process.name })
    }
}

/// On Unix, std sets `SO_REUSEADDR` (so that old connections in TIME_WAIT do not matter) and never `SO_REUSEPORT`: two listeners
/// exclude each other.
#[cfg(unix)]
fn bind_exclusively(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    std::net::TcpListener::bind(address)
}

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows::bind_exclusively;
