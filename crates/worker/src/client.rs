//! A client of the worker's data: finds the worker, or starts it, and asks again when it goes away meanwhile.
//!
//! ```no_run
//! # async fn demo(request: &coordinator::EnsureRequest) -> Result<(), worker::client::ClientError> {
//! use worker::client::{Client, observation};
//!
//! let client = Client::new(request);
//! let receipts = client.put(vec![observation("session-1", "note", "the disk is full")]).await?;
//! println!("observation {}", receipts[0].id);
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use coordinator::machine::Machine;
use coordinator::{Deadline, EnsureError, EnsureRequest, Worker, ensure_on, proof, read_token, system};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::api::{
    Filter, LeaseInfo, LeaseRequest, Leases, Listed, NewObservation, Observation, Reason, Receipt, Refusal,
    Taken,
};

/// Why the worker did not do what it was asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no worker to ask.
    #[error(transparent)]
    Worker(#[from] EnsureError),
    /// It refused.
    #[error("{message}")]
    Refused {
        /// A stable code.
        code: String,
        /// Why.
        message: String,
    },
    /// It could not be asked by the deadline.
    #[error("the worker could not be asked within {0:.1?}: {1}")]
    Unreachable(Duration, String),
}

impl ClientError {
    /// A code that stays the same in every version.
    pub fn code(&self) -> &str {
        match self {
            Self::Worker(error) => error.code(),
            Self::Refused { code, .. } => code,
            Self::Unreachable(..) => "unreachable",
        }
    }
}

/// An observation without metadata, whose key [`Client::put`] chooses.
pub fn observation(session: &str, kind: &str, text: &str) -> NewObservation {
    NewObservation {
        session: session.to_owned(),
        kind: kind.to_owned(),
        text: text.to_owned(),
        metadata: None,
        key: None,
    }
}

/// Asks the worker of a spec. Each call takes at most the spec's deadline, starts a worker if none runs and the spec allows it, and goes on with
/// the next one if the worker ends in its midst.
pub struct Client<'a> {
    request: &'a EnsureRequest,
    machine: Machine,
}

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// How a try went that may be repeated.
enum Miss {
    /// There may be another worker by now, or it has room again.
    Again(String),
    Final(ClientError),
}

impl<'a> Client<'a> {
    /// Returns a client of the worker of this request.
    pub fn new(request: &'a EnsureRequest) -> Self {
        Self::on(system::machine(), request)
    }

    /// The same on a given machine.
    pub fn on(machine: Machine, request: &'a EnsureRequest) -> Self {
        Self { request, machine }
    }

    /// Hands observations in, all or none; returns after they were committed. Those without a key get one, so that none is doubled if the
    /// worker ends after the commit and before its answer.
    ///
    /// # Errors
    /// See [`ClientError`]. After [`ClientError::Unreachable`] they may have been taken or not: with keys of one's own one may try again.
    pub async fn put(&self, mut observations: Vec<NewObservation>) -> Result<Vec<Receipt>, ClientError> {
        for observation in observations.iter_mut().filter(|observation| observation.key.is_none()) {
            observation.key = Some(
                proof::random_hex::<16>(&*self.machine.random)
                    .map_err(|source| EnsureError::NotPermitted { what: "draw random bytes", source })?,
            );
        }
        let taken: Taken = self.ask(Method::POST, "/observations", Some(&observations)).await?;
        Ok(taken.observations)
    }

    /// The observations after the cursor, at most `limit`, and the cursor for the next call.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list(
        &self,
        filter: &Filter,
        after: i64,
        limit: u32,
    ) -> Result<(Vec<Observation>, i64), ClientError> {
        let path =
            path("/observations", filter, &[("after", &after.to_string()), ("limit", &limit.to_string())]);
        self.listed(&path, after).await
    }

    /// The last observations, the oldest of them first, and the cursor for [`Client::list`].
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn last(&self, filter: &Filter, count: u32) -> Result<(Vec<Observation>, i64), ClientError> {
        self.listed(&path("/observations", filter, &[("last", &count.to_string())]), 0).await
    }

    async fn listed(&self, path: &str, after: i64) -> Result<(Vec<Observation>, i64), ClientError> {
        let listed: Listed = self.ask(Method::GET, path, None::<&()>).await?;
        Ok((listed.observations, listed.next.unwrap_or(after)))
    }

    /// The observations that have all these words, best first. A word that ends with `*` stands for those that begin with it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn search(
        &self,
        words: &str,
        filter: &Filter,
        limit: u32,
    ) -> Result<Vec<Observation>, ClientError> {
        let path = path("/search", filter, &[("q", words), ("limit", &limit.to_string())]);
        let listed: Listed = self.ask(Method::GET, &path, None::<&()>).await?;
        Ok(listed.observations)
    }

    /// Begins a session's lease, or goes on with it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn keep_session(&self, lease: &LeaseRequest) -> Result<(), ClientError> {
        self.ask::<serde::de::IgnoredAny>(Method::POST, "/sessions", Some(lease)).await.map(drop)
    }

    /// Ends a session's lease; whether there was one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn end_session(&self, session: &str) -> Result<bool, ClientError> {
        #[derive(Deserialize)]
        struct Ended {
            ended: bool,
        }
        let ended: Ended =
            self.ask(Method::DELETE, &format!("/sessions/{}", escape(session)), None::<&()>).await?;
        Ok(ended.ended)
    }

    /// All leases.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sessions(&self) -> Result<Vec<LeaseInfo>, ClientError> {
        let leases: Leases = self.ask(Method::GET, "/sessions", None::<&()>).await?;
        Ok(leases.sessions)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let clock = &*self.machine.clock;
        let begun = clock.now();
        let deadline = Deadline::after(clock, self.request.deadline(), "asking the worker");
        let body = body.map(|body| serde_json::to_vec(body).unwrap_or_default());
        let mut last = "it did not answer".to_owned();
        let asked = deadline.limit(clock, async {
            loop {
                let worker = ensure_on(&self.machine, self.request, &|_| {}).await?;
                match self.try_once(&worker, &method, path, body.as_deref()).await {
                    Ok(answer) => return Ok(answer),
                    Err(Miss::Final(error)) => return Err(error),
                    Err(Miss::Again(why)) => last = why,
                }
                clock.sleep(PAUSE).await;
            }
        });
        match asked.await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Unreachable(clock.now().since(begun), last)),
        }
    }

    async fn try_once<T: DeserializeOwned>(
        &self,
        worker: &Worker,
        method: &Method,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<T, Miss> {
        let again = |why: String| Miss::Again(why);
        let token = read_token(&self.machine, self.request.id()).await.unwrap_or_default();
        let client = system::http_client().map_err(|error| again(error.to_string()))?;
        let mut request =
            client.request(method.clone(), format!("http://{}{path}", worker.control)).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_vec());
        }
        let response = request.send().await.map_err(|error| again(error.to_string()))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| again(error.to_string()))?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| {
                let message = format!("the worker's answer is not understood: {error}");
                Miss::Final(ClientError::Refused { code: "bad_answer".to_owned(), message })
            });
        }
        let reason = serde_json::from_slice::<Refusal>(&bytes).map_or_else(
            |_| Reason { code: "refused".to_owned(), message: format!("the worker answered {status}") },
            |refusal| refusal.error,
        );
        match status {
            // The token may be of the last epoch, or of the next.
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::UNAUTHORIZED => Err(again(reason.message)),
            _ => Err(Miss::Final(ClientError::Refused { code: reason.code, message: reason.message })),
        }
    }
}

/// A path with a query.
fn path(path: &str, filter: &Filter, more: &[(&str, &str)]) -> String {
    let text = |number: Option<i64>| number.map(|number| number.to_string());
    let filters = [
        ("id", text(filter.id)),
        ("session", filter.session.clone()),
        ("kind", filter.kind.clone()),
        ("since_ms", text(filter.since_ms)),
        ("before_ms", text(filter.before_ms)),
    ];
    let filters = filters.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let pairs: Vec<String> =
        filters.chain(more).map(|(name, value)| format!("{name}={}", escape(&value))).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// Percent-encodes all but what RFC 3986 calls unreserved.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_escaped() {
        let filter = Filter { session: Some("a&b=c d".to_owned()), since_ms: Some(-1), ..Filter::default() };
        assert_eq!(
            path("/search", &filter, &[("q", "ä%")]),
            "/search?session=a%26b%3Dc%20d&since_ms=-1&q=%C3%A4%25"
        );
    }
}
