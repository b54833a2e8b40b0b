//! What happens to the connections when the server ends.

use super::*;

#[cfg(unix)]
#[tokio::test]
async fn connections_between_two_requests_are_passed_on_with_what_was_read_of_them() {
    let server = TestServer::start(Limits::default());
    server.tenure.answers.forget_permits(1000);
    let request = format!("GET /version HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    let slow = format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let [mut quiet, mut fresh, mut half, mut first] =
        [server.connect().await, server.connect().await, server.connect().await, server.connect().await];
    let mut busy = server.connect().await;
    busy.write_all(slow.as_bytes()).await.unwrap();
    for stream in [&mut quiet, &mut half] {
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(read_answer(stream).await.starts_with("HTTP/1.1 200 "));
    }
    let (begun, rest) = request.split_at(20);
    // The one has had an answer, and the other none.
    for stream in [&mut half, &mut first] {
        stream.write_all(begun.as_bytes()).await.unwrap();
    }
    assert!(
        server.ask("GET /version", &[], "").await.starts_with("HTTP/1.1 200 "),
        "and so the others have arrived"
    );

    let socket = TcpListener::from(server.http.socket().unwrap().try_clone_to_owned().unwrap());
    let (tenure, control, address) = (server.tenure.clone(), server.control.clone(), server.address);
    let passing = tokio::spawn(server.http.pass_on(PATIENCE, std::future::pending()));
    // It is not accepted for the time being, and not refused.
    let mut early = TcpStream::connect(address).await.unwrap();
    early.write_all(request.as_bytes()).await.unwrap();
    tenure.answers.add_permits(1);
    let answer = read_to_end(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
    let (drained, connections) = passing.await.unwrap();
    assert_eq!((drained.cut, connections.len()), (0, 4));

    let handler = RequestHandler::new(control, axum::Router::new(), address, Limits::default());
    let _server = HttpServer::start(socket, connections, handler, Limits::default()).unwrap();
    for stream in [&mut half, &mut first] {
        stream.write_all(rest.as_bytes()).await.unwrap();
    }
    for stream in [&mut quiet, &mut fresh] {
        stream.write_all(request.as_bytes()).await.unwrap();
    }
    for stream in [&mut quiet, &mut fresh, &mut half, &mut first, &mut early] {
        assert!(read_answer(stream).await.ends_with(r#""protocol":{"min":1,"max":1}}"#));
    }
}

#[tokio::test]
async fn a_drain_lets_requests_end_and_refuses_new_ones() {
    let server = TestServer::start(Limits::default());
    server.tenure.answers.forget_permits(1000);
    let mut busy = server.connect().await;
    let request = format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    busy.write_all(request.as_bytes()).await.unwrap();
    let _idle = server.connect().await;
    assert!(
        server.ask("GET /health", &[], "").await.starts_with("HTTP/1.1 200 "),
        "and so the others have arrived"
    );
    let (address, tenure) = (server.address, server.tenure.clone());
    let drain = tokio::spawn(server.http.drain(PATIENCE, std::future::pending()));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    tenure.answers.add_permits(1);
    let answer = read_to_end(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(drain.await.unwrap().cut, 0);
}

#[tokio::test]
async fn a_drain_ends_by_its_limit_or_sooner_in_a_hurry() {
    for limit in [Duration::from_millis(200), Duration::from_secs(3600)] {
        let server =
            TestServer::start(Limits { request_time: Duration::from_secs(3600), ..Limits::default() });
        server.tenure.answers.forget_permits(1000);
        let mut busy = server.connect().await;
        let request = format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        busy.write_all(request.as_bytes()).await.unwrap();
        assert!(server.ask("GET /health", &[], "").await.starts_with("HTTP/1.1 200 "));
        server.stop.begin_or_hurry(StopReason::Signal("SIGTERM"));
        if limit > PATIENCE {
            server.stop.begin_or_hurry(StopReason::Signal("SIGTERM"));
        }
        let drained =
            tokio::time::timeout(PATIENCE, server.http.drain(limit, server.stop.hurried())).await.unwrap();
        assert_eq!(drained.cut, 1);
        assert_eq!(read_to_end(&mut busy).await, "");
    }
}
