//! The control routes, and the gate in front of them.

use super::*;

#[tokio::test]
async fn health_is_answered_with_the_address_that_was_dialled_and_the_proof() {
    let server = TestServer::start(Limits::default());
    let answer = server.ask(&format!("GET /health?challenge={CHALLENGE}"), &[], "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let health: Health = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(health.address, server.address);
    assert_eq!(health.proof.as_deref(), Some(CHALLENGE));
    assert!(is_refusal(&server.ask("GET /health?challenge=xyz", &[], "").await, 400, "bad_challenge"));
}

#[tokio::test]
async fn ready_is_said_only_between_the_opening_and_the_stop() {
    let server = TestServer::start(Limits::default());
    assert!(is_refusal(&server.ask("GET /ready", &[], "").await, 503, "not_ready"));
    server.control.set_ready();
    assert!(server.ask("GET /ready", &[], "").await.ends_with(r#"{"ready":true,"epoch":7}"#));
    server.stop.begin(StopReason::Signal("SIGTERM"));
    assert!(is_refusal(&server.ask("GET /ready", &[], "").await, 503, "not_ready"));
}

#[tokio::test]
async fn the_version_is_told_unknown_paths_and_methods_are_not_taken() {
    let server = TestServer::start(Limits::default());
    let answer = server.ask("GET /version", &[], "").await;
    assert!(answer.ends_with(r#"{"version":"1.2.3","protocol":{"min":1,"max":1}}"#), "{answer}");
    assert!(is_refusal(&server.ask("GET /etc/passwd", &[BEARER], "").await, 404, "not_found"));
    let wrong = server.ask("POST /health", &[BEARER], "").await;
    assert!(is_refusal(&wrong, 405, "wrong_method") && wrong.contains("\r\nallow: GET,HEAD\r\n"), "{wrong}");
    assert!(is_refusal(&server.ask("GET /admin/shutdown", &[BEARER], "").await, 405, "wrong_method"));
}

#[tokio::test]
async fn the_gate_is_in_front_of_every_route() {
    let server = TestServer::start(Limits::default());
    let rebound = format!("host: evil.example:{}", server.address.port());
    for path in ["/health", "/ready", "/version", "/nowhere"] {
        assert!(is_refusal(&server.ask_as(&format!("GET {path}"), &[&rebound], "").await, 421, "bad_host"));
        let page = server.ask(&format!("GET {path}"), &["origin: http://evil.example"], "").await;
        assert!(is_refusal(&page, 403, "bad_origin"), "{page}");
        let bare = server.ask(&format!("POST {path}"), &[], "").await;
        assert!(
            is_refusal(&bare, 401, "unauthorized") && bare.contains("www-authenticate: Bearer\r\n"),
            "{bare}"
        );
    }
}

#[tokio::test]
async fn who_is_refused_before_his_body_is_read_is_told_that_the_connection_closes() {
    let server = TestServer::start(Limits::default());
    for (length, closes) in [(0, false), (9, true)] {
        let mut stream = server.connect().await;
        let head = format!(
            "POST /observations HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n\r\n",
            server.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(is_refusal(&answer, 401, "unauthorized"), "{answer}");
        assert_eq!(answer.contains("connection: close\r\n"), closes, "{answer}");
    }
}

#[tokio::test]
async fn a_hand_over_needs_the_bearer_and_a_successor_and_is_agreed_to_before_the_answer() {
    let server = TestServer::start(Limits::default());
    let hand_over = "POST /admin/hand-over";
    let of = |pid: u32| format!(r#"{{"pid":{pid},"start_time":7,"boot_id":"b","lasts_ms":1000}}"#);
    assert!(is_refusal(&server.ask(hand_over, &[], &of(43)).await, 401, "unauthorized"));
    for body in ["", "{}", r#"{"pid":43}"#] {
        assert!(is_refusal(&server.ask(hand_over, &[BEARER], body).await, 400, "bad_body"), "{body}");
    }
    assert!(is_refusal(&server.ask(hand_over, &[BEARER], &of(44)).await, 409, "not_handed_over"));
    let agreed = tokio::time::timeout(Duration::ZERO, server.handover.raised()).await;
    assert!(agreed.is_err(), "nothing was agreed to");
    let answer = server.ask(hand_over, &[BEARER], &of(43)).await;
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.ends_with(r#"{"handing_over":true}"#), "{answer}");
    tokio::time::timeout(PATIENCE, server.handover.raised()).await.unwrap();
    server.stop.begin(StopReason::Signal("SIGTERM"));
    assert!(is_refusal(&server.ask(hand_over, &[BEARER], &of(43)).await, 503, "not_ready"));
}

#[tokio::test]
async fn a_shutdown_needs_the_bearer_and_is_answered_before_the_server_closes() {
    let server = TestServer::start(Limits::default());
    let shutdown = "POST /admin/shutdown";
    assert!(is_refusal(&server.ask(shutdown, &[], "{}").await, 401, "unauthorized"));
    assert!(is_refusal(
        &server.ask(shutdown, &["authorization: Bearer 5ec2e8"], "").await,
        401,
        "unauthorized"
    ));
    assert!(is_refusal(&server.ask(shutdown, &[BEARER], "{\"why\":").await, 400, "bad_body"));
    assert!(!server.stop.has_begun());
    let answer = server.ask(shutdown, &[BEARER], r#"{"why":"upgrade"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.ends_with(r#"{"stopping":true}"#), "{answer}");
    assert_eq!(server.stop.begun().await, StopReason::Asked { why: "upgrade".to_owned() });
}

#[tokio::test]
async fn a_superseded_office_gives_no_answer_and_stops() {
    let server = TestServer::start(Limits::default());
    *server.tenure.superseded.lock().unwrap() = Some("the directory was replaced".to_owned());
    assert!(is_refusal(&server.ask("GET /health", &[], "").await, 503, "superseded"));
    assert_eq!(
        server.stop.begun().await,
        StopReason::Superseded { why: "the directory was replaced".to_owned() }
    );
}
