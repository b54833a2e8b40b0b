//! An agent runs its hook and is not held up, whatever happens.

use std::fs;
use std::io::Write;
use std::process::Output;

use coordinator::lifecycle::{EventKind, read_history};
use oneworker_tests::{Identity, Run};

use super::{given, printed, run, sessions};
use crate::identity;

/// The hook of this agent, with all the time in the world.
fn hook(identity: &Identity, agent: &str) -> Run {
    run(identity, &format!("hook {agent} --deadline 10m"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Each agent, its start and its end of the session `s`, and what it takes for nothing said.
pub(crate) const AGENTS: &[(&str, &str, &str, &str)] = &[
    (
        "claude-code",
        r#"{"session_id":"s","transcript_path":"/t","cwd":"/","hook_event_name":"SessionStart","source":"startup"}"#,
        r#"{"session_id":"s","transcript_path":"/t","cwd":"/","hook_event_name":"SessionEnd","reason":"exit"}"#,
        "",
    ),
    (
        "codex",
        r#"{"session_id":"s","transcript_path":null,"cwd":"/","hook_event_name":"SessionStart","model":"m","source":"clear"}"#,
        r#"{"session_id":"s","transcript_path":null,"cwd":"/","hook_event_name":"SessionEnd"}"#,
        "",
    ),
    (
        "gemini",
        r#"{"session_id":"s","hook_event_name":"SessionStart","timestamp":"2026-01-31T08:00:00Z","source":"resume"}"#,
        r#"{"session_id":"s","hook_event_name":"SessionEnd","timestamp":"2026-01-31T08:00:00Z","reason":"exit"}"#,
        "{}\n",
    ),
    (
        "cursor",
        r#"{"conversation_id":"s","generation_id":"g","hook_event_name":"sessionStart","workspace_roots":["/"]}"#,
        r#"{"conversation_id":"s","generation_id":"g","hook_event_name":"sessionEnd","workspace_roots":["/"]}"#,
        "{}\n",
    ),
    ("generic", r#"{"session_id":"s","event":"start"}"#, r#"{"session_id":"s","event":"end"}"#, ""),
];

#[test]
fn a_session_has_a_lease_from_its_start_to_its_end_and_the_model_is_told_nothing() {
    let identity = identity();
    for (agent, start, end, silence) in AGENTS {
        for _ in 0..2 {
            let output = given(hook(&identity, agent), &identity, start).output();
            assert_eq!(printed(&output), *silence, "{agent}");
        }
        assert_eq!(sessions(&identity), ["s"], "{agent}");
        let output = given(hook(&identity, agent), &identity, end).output();
        assert_eq!(printed(&output), *silence, "{agent}");
        assert!(sessions(&identity).is_empty(), "{agent}");
    }
}

#[test]
fn the_model_is_told_the_address_where_that_is_wanted() {
    let identity = identity();
    let url = identity.patient().url;
    for (agent, start, end, silence) in AGENTS {
        let said = printed(&given(hook(&identity, agent).arg("--context"), &identity, start).output());
        assert!(said.contains(&url), "{agent}: {said}");
        if *agent != "generic" {
            let object: serde_json::Value = serde_json::from_str(&said).unwrap();
            let context = &object["hookSpecificOutput"]["additionalContext"];
            assert!(context.is_string() || object["additional_context"].is_string(), "{agent}: {said}");
        }
        let said = printed(&given(hook(&identity, agent).arg("--context"), &identity, end).output());
        assert_eq!(said, *silence, "{agent}");
    }
}

#[test]
fn the_end_of_a_session_starts_no_worker() {
    let identity = identity();
    for (agent, _, end, silence) in AGENTS {
        let output = given(hook(&identity, agent), &identity, end).output();
        assert_eq!((printed(&output).as_str(), stderr(&output).as_str()), (*silence, ""), "{agent}");
    }
    assert!(identity.record().is_none());
}

#[test]
fn whatever_is_on_standard_input_an_agent_gets_its_silence_and_exit_code_0() {
    let identity = identity();
    let huge = format!(r#"{{"tool_response":"{}"#, "x".repeat(40 << 20));
    for input in ["", "garbage", "{", "[1]", r#"{"session_id":7}"#, "\u{0}", &"[".repeat(1 << 20), &huge] {
        for (agent, _, _, silence) in AGENTS {
            let output = given(hook(&identity, agent), &identity, input).output();
            assert_eq!(printed(&output), *silence, "{agent}");
            assert!(stderr(&output).contains("not understood"), "{agent}: {}", stderr(&output));
            if input.len() > 1000 {
                break;
            }
        }
    }
    assert!(identity.record().is_none(), "no worker was started for nothing");
}

#[test]
fn a_large_object_is_read_past_its_large_parts() {
    let identity = identity();
    let large = format!(
        r#"{{"tool_response":"{}","session_id":"s","hook_event_name":"PostToolUse"}}"#,
        "x".repeat(8 << 20)
    );
    printed(&given(hook(&identity, "claude-code"), &identity, large).output());
    assert_eq!(sessions(&identity), ["s"]);
}

#[test]
fn standard_input_that_never_ends_ends_with_the_budget() {
    let identity = identity();
    for begun in ["", r#"{"session_id":"s","hook_event_na"#] {
        let (reader, writer) = std::io::pipe().unwrap();
        (&writer).write_all(begun.as_bytes()).unwrap();
        let hook = run(&identity, "hook gemini --deadline 300ms").with(|command| {
            command.stdin(reader);
        });
        let output = hook.output();
        drop(writer);
        assert_eq!(printed(&output), "{}\n");
        assert!(stderr(&output).contains("[timed_out]"), "{}", stderr(&output));
    }
}

#[test]
fn only_a_strict_hook_fails_and_never_with_what_agents_take_for_a_refusal() {
    let identity = identity();
    let broken = identity.scratch().join("broken.toml");
    fs::write(&broken, "port = [").unwrap();
    for (flag, status) in [("", 0), (" --strict", 1)] {
        for (input, config) in [("garbage", None), (AGENTS[0].1, Some(&broken))] {
            let mut hook = run(&identity, &format!("hook claude-code --deadline 10m{flag}"));
            if let Some(config) = config {
                hook = hook.env("ONEWORKER_CONFIG", config);
            }
            let output = given(hook, &identity, input).output();
            assert_eq!(output.status.code(), Some(status), "{}", stderr(&output));
            assert!(stderr(&output).contains("[usage]"), "{}", stderr(&output));
        }
    }
    let output = run(&identity, "hook claude-code --no-such-flag").output();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn why_a_hook_failed_is_in_the_history() {
    let identity = identity();
    identity.patient();
    printed(&given(hook(&identity, "claude-code"), &identity, "garbage").output());
    let events = read_history(&identity.state_dir(), 100).unwrap();
    let failed = events.iter().find(|event| event.kind == EventKind::HookFailed).expect("the failure");
    assert!(failed.reason.as_deref().is_some_and(|why| why.contains("not understood")), "{failed:?}");
}
