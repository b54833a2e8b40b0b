use super::*;
use crate::agent::Agent;

fn read_of(agent: Agent, text: &str) -> Result<Payload, String> {
    Payload::read(text.as_bytes(), agent.dialect()).map_err(|error| error.to_string())
}

/// What each agent documents that it writes at a session's start and end.
const RECORDED: &[(Agent, &str, &str, &str, Moment)] = &[
    (
        Agent::ClaudeCode,
        r#"{"session_id":"abc123","transcript_path":"/home/ada/.claude/projects/p/00893aaf.jsonl","cwd":"/home/ada/p","permission_mode":"default","hook_event_name":"SessionStart","source":"startup","model":"claude-sonnet-4-5"}"#,
        "abc123",
        "SessionStart",
        Moment::Start,
    ),
    (
        Agent::ClaudeCode,
        r#"{"session_id":"abc123","transcript_path":"/home/ada/t.jsonl","cwd":"/home/ada","hook_event_name":"SessionEnd","reason":"other"}"#,
        "abc123",
        "SessionEnd",
        Moment::End,
    ),
    (
        Agent::ClaudeCode,
        r#"{"session_id":"abc123","hook_event_name":"PostToolUse","tool_name":"Write","tool_input":{"session_id":"not this"},"tool_response":{"success":true}}"#,
        "abc123",
        "PostToolUse",
        Moment::During,
    ),
    (
        Agent::Codex,
        r#"{"session_id":"0199a213-81c0","transcript_path":null,"cwd":"/repo","hook_event_name":"SessionStart","model":"gpt-5","permission_mode":"default","source":"resume"}"#,
        "0199a213-81c0",
        "SessionStart",
        Moment::Start,
    ),
    (
        Agent::Gemini,
        r#"{"session_id":"s-1","transcript_path":"/t.json","cwd":"/p","hook_event_name":"SessionEnd","timestamp":"2026-01-31T08:00:00Z","reason":"exit"}"#,
        "s-1",
        "SessionEnd",
        Moment::End,
    ),
    (
        Agent::Cursor,
        r#"{"conversation_id":"c-9","generation_id":"g-1","hook_event_name":"sessionStart","workspace_roots":["/p"],"model":"m","cursor_version":"3.0"}"#,
        "c-9",
        "sessionStart",
        Moment::Start,
    ),
    (Agent::Generic, r#"{"session":"mine","event":"end"}"#, "mine", "end", Moment::End),
    (Agent::Generic, r#"{"session":"mine"}"#, "mine", "", Moment::During),
];

#[test]
fn documented_inputs_are_understood() {
    for (agent, text, session, event, moment) in RECORDED {
        let wanted = Payload { session: (*session).to_owned(), event: (*event).to_owned(), moment: *moment };
        assert_eq!(read_of(*agent, text), Ok(wanted), "{text}");
    }
}

#[test]
fn other_inputs_are_refused_in_words() {
    for (text, words) in [
        ("", "is empty"),
        ("{", "ends too early"),
        ("[]", "expected an object"),
        ("hello", "expected"),
        ("{}", "names no session"),
        (r#"{"session_id":""}"#, "names no session"),
        (r#"{"session_id":[[{"session_id":"x"}],1.5,true]}"#, "names no session"),
        ("\u{0}\u{1}", "expected"),
    ] {
        let wrong = read_of(Agent::ClaudeCode, text).unwrap_err();
        assert!(wrong.contains(words), "{text:?}: {wrong}");
    }
    let long = format!(r#"{{"session_id":"{}"}}"#, "x".repeat(LONGEST_NAME + 1));
    assert!(read_of(Agent::ClaudeCode, &long).unwrap_err().contains("names no session"));
}

/// Reads a text, then the rest.
fn then(text: &str, rest: impl Read) -> impl Read {
    std::io::Cursor::new(text.to_owned()).chain(rest)
}

/// Fails the test if anything is read from it.
struct NoMore;

impl Read for NoMore {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("read after the object's end")
    }
}

#[test]
fn a_pipe_that_stays_open_is_not_waited_for() {
    let text = r#"{"hook_event_name":"SessionStart","session_id":"a"}"#;
    assert!(Payload::read(then(text, NoMore), Agent::ClaudeCode.dialect()).is_ok());
}

#[test]
fn an_object_that_never_ends_is_given_up() {
    let endless = then(r#"{"tool_response":""#, std::io::repeat(b'x'));
    let error = Payload::read(endless, Agent::ClaudeCode.dialect()).unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
}
