use super::samples::service;
use super::*;

#[test]
fn what_was_said_is_written_down_and_nothing_else() {
    let said = service(&[(Key::Name, "notes"), (Key::Port, "auto"), (Key::EnvPass, "LANG")]);
    let state_dir = format!("--state-dir={}", std::env::temp_dir().join("oneworker service test").display());
    let words = ["/opt/a b/oneworker", "serve", "--foreground", "--no-config", "--name=notes", "--port=auto"];
    let mut words: Vec<&str> = words.to_vec();
    words.extend([state_dir.as_str(), "--idle-timeout=0"]);
    assert_eq!(said.words, words);
    let said = service(&[(Key::IdleTimeout, "1h")]);
    assert!(said.words.contains(&"--idle-timeout=1h".to_owned()), "{:?}", said.words);
}
