//! Which requests are allowed.
//!
//! A loopback port is open to every web page in the user's browser. A page can send requests to it
//! directly; its `Origin` then differs. Or it can let its own host name resolve to 127.0.0.1 and so
//! become "same origin" (DNS rebinding); the `Host` then differs. A request that changes state
//! needs the bearer token, which only programs with access to the state directory can read. See
//! <https://fetch.spec.whatwg.org/#origin-header> and RFC 9110, section 7.2.

use axum::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use axum::http::{Method, Request};
use subtle::ConstantTimeEq;

use super::request_error::RequestError;

/// What any client may read. All else needs the bearer token, because other users of the machine
/// can reach the port. A route that is added later needs it too.
const PUBLIC: [&str; 3] = ["/health", "/ready", "/version"];

/// The rules of one port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    port: u16,
}

impl Gate {
    pub(super) fn new(port: u16) -> Self {
        Self { port }
    }

    /// Checks whether the request is allowed.
    pub(super) fn admit<B>(&self, request: &Request<B>, token: &str) -> Result<(), RequestError> {
        let headers = request.headers();
        // A target in absolute form counts as the host too, whatever the header says (RFC 9112,
        // section 3.2.2).
        let target_is_ours =
            request.uri().authority().is_none_or(|authority| self.is_ours(authority.as_str()));
        if !target_is_ours || !only(headers, &HOST).is_some_and(|host| self.is_ours(host)) {
            return Err(RequestError::BadHost);
        }
        if headers.contains_key(ORIGIN)
            && !only(headers, &ORIGIN).is_some_and(|origin| self.is_our_origin(origin))
        {
            return Err(RequestError::BadOrigin);
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let public = reads && PUBLIC.contains(&request.uri().path());
        if public || bears(headers, token) { Ok(()) } else { Err(RequestError::Unauthorized) }
    }

    /// Returns whether a `Host` is a loopback address with our port, or without one.
    fn is_ours(&self, host: &str) -> bool {
        match split(host) {
            Some((name, port)) => is_loopback(name) && port.is_none_or(|port| port == self.port),
            None => false,
        }
    }

    /// Returns whether an `Origin` is this worker. A missing port means 80.
    fn is_our_origin(&self, origin: &str) -> bool {
        match origin.strip_prefix("http://").and_then(split) {
            Some((name, port)) => is_loopback(name) && port.unwrap_or(80) == self.port,
            None => false,
        }
    }
}

/// Returns the header's value, if there is exactly one and it is text.
fn only<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Splits into name and port. Returns `None` if the port is no number.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_name = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[end_of_name..].find(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (name, port) = authority.split_at(end_of_name + colon);
            let digits = port[1..].bytes().all(|byte| byte.is_ascii_digit());
            // `parse` would take a sign.
            if digits { port[1..].parse().ok().map(|port| (name, Some(port))) } else { None }
        }
    }
}

fn is_loopback(name: &str) -> bool {
    name == "127.0.0.1" || name == "[::1]" || name.eq_ignore_ascii_case("localhost")
}

/// Returns whether the request has the bearer token (RFC 6750, section 2.1). Takes the same time
/// for every wrong token of the same length.
fn bears(headers: &HeaderMap, token: &str) -> bool {
    let Some((scheme, given)) = only(headers, &AUTHORIZATION).and_then(|value| value.split_once(' ')) else {
        return false;
    };
    let (given, token) = (given.trim(), token.trim());
    scheme.eq_ignore_ascii_case("bearer")
        && !token.is_empty()
        && bool::from(given.as_bytes().ct_eq(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: Gate = Gate { port: 37777 };
    const TOKEN: &str = "5ec2e7";

    fn admit(method: Method, target: &str, headers: &[(&str, &str)]) -> Result<(), RequestError> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        GATE.admit(&request.body(()).unwrap(), TOKEN)
    }

    #[test]
    fn loopback_hosts_pass_and_all_others_do_not() {
        for host in [
            "127.0.0.1:37777",
            "localhost:37777",
            "LocalHost:37777",
            "[::1]:37777",
            "127.0.0.1",
            "localhost",
            "[::1]",
        ] {
            assert_eq!(admit(Method::GET, "/health", &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:37777",
            "127.0.0.1:80",
            "127.0.0.1.evil.example:37777",
            "localhost.evil.example",
            "localhost:",
            "localhost:+37777",
            "localhost:37777:37777",
            "user@localhost:37777",
            "127.0.0.1:37777, evil.example",
            "[::1",
            "[::1]x:37777",
            "::1",
            "0.0.0.0:37777",
            "",
        ] {
            assert_eq!(
                admit(Method::GET, "/health", &[("host", host)]),
                Err(RequestError::BadHost),
                "{host}"
            );
        }
    }

    #[test]
    fn a_host_that_is_missing_twice_there_or_overridden_does_not_pass() {
        let good = ("host", "127.0.0.1:37777");
        assert_eq!(admit(Method::GET, "/health", &[]), Err(RequestError::BadHost));
        assert_eq!(admit(Method::GET, "/health", &[good, good]), Err(RequestError::BadHost));
        assert_eq!(admit(Method::GET, "http://evil.example/health", &[good]), Err(RequestError::BadHost));
        assert_eq!(admit(Method::GET, "http://127.0.0.1:37777/health", &[good]), Ok(()));
    }

    #[test]
    fn only_pages_of_this_worker_may_ask() {
        let with = |origin| admit(Method::GET, "/health", &[("host", "localhost:37777"), ("origin", origin)]);
        for origin in ["http://127.0.0.1:37777", "http://localhost:37777", "http://[::1]:37777"] {
            assert_eq!(with(origin), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:37777",
            "http://evil.example:37777",
        ] {
            assert_eq!(with(origin), Err(RequestError::BadOrigin), "{origin}");
        }
    }

    #[test]
    fn whatever_changes_state_needs_the_bearer() {
        let with = |method, value| {
            admit(method, "/admin/shutdown", &[("host", "127.0.0.1:37777"), ("authorization", value)])
        };
        for value in ["Bearer 5ec2e7", "bearer 5ec2e7"] {
            assert_eq!(with(Method::POST, value), Ok(()), "{value}");
        }
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 5ec2e8",
            "Bearer 5ec2e",
            "Bearer 5ec2e77",
            "Basic 5ec2e7",
            "5ec2e7",
        ] {
            assert_eq!(with(Method::POST, value), Err(RequestError::Unauthorized), "{value}");
        }
        let bare = [("host", "127.0.0.1:37777")];
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            assert_eq!(admit(method.clone(), "/health", &bare), Err(RequestError::Unauthorized), "{method}");
        }
        assert_eq!(admit(Method::HEAD, "/health", &bare), Ok(()));
    }

    #[test]
    fn the_data_is_not_for_everybody_to_read() {
        let with = |target, headers: &[(&str, &str)]| admit(Method::GET, target, headers);
        let host = ("host", "127.0.0.1:37777");
        for target in [
            "/observations",
            "/observations?after=1",
            "/search?q=x",
            "/sessions/x",
            "/health/../search",
            "/added-later",
        ] {
            assert_eq!(with(target, &[host]), Err(RequestError::Unauthorized), "{target}");
            assert_eq!(with(target, &[host, ("authorization", "Bearer 5ec2e7")]), Ok(()), "{target}");
        }
    }

    #[test]
    fn an_empty_token_opens_nothing() {
        let request = Request::builder()
            .method(Method::POST)
            .header("host", "localhost")
            .header("authorization", "Bearer ");
        assert_eq!(GATE.admit(&request.body(()).unwrap(), ""), Err(RequestError::Unauthorized));
    }
}
