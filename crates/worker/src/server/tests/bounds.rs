//! What clients may use up.

use super::*;

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_announced_or_not() {
    let limits = Limits { body_bytes: 100, ..Limits::default() };
    let server = TestServer::start(limits);
    let body = "x".repeat(101);
    assert!(is_refusal(&server.ask("POST /admin/shutdown", &[BEARER], &body).await, 413, "body_too_large"));
    let mut stream = server.connect().await;
    let head = format!(
        "POST /admin/shutdown HTTP/1.1\r\nhost: localhost\r\n{BEARER}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(format!("{head}65\r\n{body}\r\n").as_bytes()).await.unwrap();
    assert!(is_refusal(&read_answer(&mut stream).await, 413, "body_too_large"));
    assert!(!server.stop.has_begun());
}

#[tokio::test]
async fn heads_that_are_too_large_or_too_slow_end_the_connection() {
    let server = TestServer::start(Limits {
        head_bytes: 8 * 1024,
        head_time: Duration::from_millis(100),
        ..Limits::default()
    });
    let large = format!("x-padding: {}", "x".repeat(9 * 1024));
    let answer = server.ask("GET /health", &[&large], "").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");

    let (mut slow, mut silent) = (server.connect().await, server.connect().await);
    slow.write_all(b"GET /health HTTP/1.1\r\nhost: ").await.unwrap();
    let begun = Instant::now();
    read_to_end(&mut slow).await;
    read_to_end(&mut silent).await;
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let server = TestServer::start(Limits { request_time: Duration::from_millis(100), ..Limits::default() });
    let mut stream = server.connect().await;
    let head =
        format!("POST /admin/shutdown HTTP/1.1\r\nhost: localhost\r\n{BEARER}\r\ncontent-length: 10\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(is_refusal(&read_answer(&mut stream).await, 408, "request_timeout"));
}

#[tokio::test]
async fn quiet_connections_make_room_for_a_probe() {
    let server = TestServer::start(Limits { connections: 3, ..Limits::default() });
    let mut quiet = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        read_answer(&mut stream).await;
        quiet.push(stream);
    }
    assert!(server.ask("GET /health", &[], "").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(read_to_end(&mut quiet[0]).await, "", "the one that was quiet for longest was closed");
    quiet[2].write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(read_answer(&mut quiet[2]).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn one_too_many_is_told_so_when_all_are_in_the_middle_of_a_request() {
    let server = TestServer::start(Limits { connections: 2, ..Limits::default() });
    server.tenure.answers.forget_permits(1000);
    let request = format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        busy.push(stream);
    }
    // A connection whose request has not been read yet is a quiet one, and would have to make room.
    let deadline = Instant::now() + PATIENCE;
    while server.tenure.probes.load(Ordering::Relaxed) < 2 {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    assert!(is_refusal(&server.ask("GET /ready", &[], "").await, 503, "too_many_connections"));
    server.tenure.answers.add_permits(2);
    for stream in &mut busy {
        assert!(read_answer(stream).await.starts_with("HTTP/1.1 200 "));
    }
    assert!(server.ask("GET /health", &[], "").await.starts_with("HTTP/1.1 200 "));
}
