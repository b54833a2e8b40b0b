use super::*;

/// The fields of the sample with this code, as compact JSON: keys in alphabetical order.
fn fields(code: &str) -> String {
    let error = samples().into_iter().find(|error| error.code() == code).unwrap();
    Value::Object(of(&error)).to_string()
}

#[test]
fn every_error_has_the_fields_that_are_documented() {
    let expected = [
        ("state_dir", r#"{"path":"/state"}"#),
        ("lock_failed", r#"{"path":"/state"}"#),
        ("not_running", "{}"),
        ("starting", r#"{"pid":null,"waited_ms":1000}"#),
        ("leaving", r#"{"pid":7,"waited_ms":1000}"#),
        (
            "unresponsive",
            r#"{"activity":"stopped","busy":false,"limit_ms":10000,"pid":7,"silent_for_ms":1000}"#,
        ),
        ("under_debugger", r#"{"pid":7,"tracer":8}"#),
        ("unkillable", r#"{"activity":"uninterruptible","pid":7,"why":"a disk"}"#),
        ("lock_leaked", r#"{"path":"/state","pids":[8,9]}"#),
        ("foreign", r#"{"address":"127.0.0.1:37777","what":"no proof"}"#),
        ("port_taken", r#"{"pid":7,"port":37777,"program":"nginx"}"#),
        (
            "too_new",
            r#"{"pid":7,"program":"/old/oneworker","protocol":{"max":1,"min":1},"version":"1.0.0","worker_program":"/new/oneworker","worker_protocol":{"max":4,"min":3},"worker_version":"9.0.0"}"#,
        ),
        ("other_machine", r#"{"ours":"b","theirs":"a","what":"host"}"#),
        (
            "cooling_down",
            r#"{"attempts":3,"last_error":"it died","log_tail":"thread panicked\n","retry_in_ms":1000}"#,
        ),
        ("cannot_launch", "{}"),
        ("launch_failed", r#"{"exit_status":101,"log_tail":"thread panicked\n","signal":null}"#),
        ("worker_failed", r#"{"log_tail":"thread panicked\n","worker_code":"no_random"}"#),
        ("not_permitted", r#"{"what":"open a socket"}"#),
        ("timed_out", r#"{"phase":"reading the record","waited_ms":1000}"#),
    ];
    for (code, json) in expected {
        // Compared as values: another crate of the build may have serde_json keep the order of insertion.
        let (left, right): (Value, Value) =
            (serde_json::from_str(&fields(code)).unwrap(), serde_json::from_str(json).unwrap());
        assert_eq!(left, right, "{code}");
    }
    assert_eq!(samples().len(), expected.len());
}

#[test]
fn a_worker_that_cannot_serve_names_the_port_like_a_session_does() {
    let error = ServeError::Tenure(TenureError::PortTaken { port: 1, pid: None, program: None });
    assert_eq!(Value::Object(of_serve(&error)), json!({ "port": 1, "pid": null, "program": null }));
}

#[test]
fn a_wait_is_rounded_up() {
    assert_eq!(rounded_up(Duration::from_micros(1_200_001)).as_millis(), 1300);
}
