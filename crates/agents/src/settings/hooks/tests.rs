use proptest::prelude::*;
use serde_json::json;

use super::*;

fn hooks() -> Vec<Hook> {
    ["SessionStart", "SessionEnd"]
        .map(|event| Hook {
            event,
            entry: json!({ "hooks": [{ "type": "command", "command": "oneworker hook x", "timeout": 5 }] }),
            command: "oneworker hook x".to_owned(),
        })
        .into()
}

fn back_and_forth(text: &str) -> String {
    let with = add(text, &hooks()).unwrap();
    assert_eq!(with.matches("\"oneworker hook x\"").count(), 2, "{with}");
    assert_eq!(add(&with, &hooks()).unwrap(), with, "adding again changes nothing");
    assert_eq!(remove(&with, &hooks()).unwrap(), text, "{with}");
    with
}

#[test]
fn a_new_file_reads_as_if_written_by_hand() {
    assert_eq!(
        back_and_forth("{}\n"),
        r#"{
  "hooks": {
    "SessionStart": [
      {
        "hooks": [
          {
            "command": "oneworker hook x",
            "timeout": 5,
            "type": "command"
          }
        ]
      }
    ],
    "SessionEnd": [
      {
        "hooks": [
          {
            "command": "oneworker hook x",
            "timeout": 5,
            "type": "command"
          }
        ]
      }
    ]
  }
}
"#
    );
}

#[test]
fn documents_as_people_leave_them_come_back_to_the_byte() {
    for text in [
        "{}",
        "{ }",
        "{\n}",
        "{ // mine\n}",
        "{ /* mine */ }",
        "\u{feff}{\r\n\t\"model\": \"ö\", // why\r\n\t\"x\": [1, 2,],\r\n}\r\n",
        "// head\n{\n      \"a\": 1 // last\n}\n// tail",
        r#"{"a":1}"#,
        r#"{"a":1,}"#,
        r#"{"hooks":{}}"#,
        "{\n  \"hooks\": {\n  }\n}",
        "{\n  \"hooks\": { // none yet\n  }\n}",
        r#"{"hooks":{"SessionStart":[]}}"#,
        r#"{"hooks":{"SessionEnd":[]}}"#,
        r#"{"hooks":{"SessionEnd":[ ]}}"#,
        "{\n  \"hooks\": {\n    \"SessionStart\": [ /* none */ ],\n    \"SessionEnd\": []\n  }\n}",
        r#"{"hooks":{"SessionStart":[{"hooks":[{"type":"command","command":"other"}]}],"PreToolUse":[]}}"#,
        "{\n  \"hooks\": {\n    \"SessionEnd\": [ // theirs\n      {\"hooks\": [{\"command\": \"a\"}]}, // a\n    ],\n  },\n}",
        // Of two, the last counts.
        r#"{"hooks":1,"hooks":{"SessionStart":[]}}"#,
        "{\n\"unindented\": 1\n}",
    ] {
        back_and_forth(text);
    }
}

#[test]
fn a_comment_behind_a_bracket_stays_with_it() {
    let with = back_and_forth("{ // mine\n  \"a\": 1\n}");
    assert!(with.starts_with("{ // mine\n  \"hooks\": {"), "{with}");
}

#[test]
fn reformatted_hooks_are_removed_and_nothing_else() {
    let command = r#"{"type":"command","command":"oneworker hook x --context"}"#;
    for (with, without) in [
        (
            format!("{{\"hooks\":{{\"SessionStart\":[ {{\"hooks\":[{command}]}} /* c */ , 1]}}}}"),
            "{\"hooks\":{\"SessionStart\":[  /* c */  1]}}",
        ),
        (
            format!("{{\"hooks\":{{\"SessionStart\":[1, // one\n  {{\"hooks\":[{command}]}} // ours\n]}}}}"),
            "{\"hooks\":{\"SessionStart\":[1 // one\n   // ours\n]}}",
        ),
        // In a group with others.
        (
            format!("{{\"hooks\":{{\"SessionEnd\":[{{\"hooks\":[{{\"command\":\"a\"}},{command}]}}]}}}}"),
            "{\"hooks\":{\"SessionEnd\":[{\"hooks\":[{\"command\":\"a\"}]}]}}",
        ),
        // Twice, and without a group.
        (
            format!("{{\"hooks\":{{\"SessionEnd\":[\n  {command},\n  {command}\n]}}}}"),
            "{\"hooks\":{\"SessionEnd\":[\n]}}",
        ),
    ] {
        assert_eq!(remove(&with, &hooks()).unwrap(), without, "{with}");
    }
}

#[test]
fn the_command_of_another_agent_is_not_ours() {
    let other = r#"{"hooks":{"SessionEnd":[{"hooks":[{"command":"oneworker hook xy"}]}]}}"#;
    assert_eq!(remove(other, &hooks()).unwrap(), other);
    back_and_forth(other);
}

#[test]
fn what_is_not_understood_is_refused() {
    for (text, words) in [
        ("", "no JSON object"),
        ("[]", "no JSON object"),
        ("{\"a\": 1", "is no JSON"),
        ("{a: 1}", "is no JSON"),
        (r#"{"hooks":[]}"#, "no object"),
        (r#"{"hooks":{"SessionStart":{}}}"#, "no list"),
        (&"[".repeat(100_000), "is no JSON"),
    ] {
        let wrong = add(text, &hooks()).unwrap_err().to_string();
        assert!(wrong.contains(words), "{wrong}");
    }
}

/// Blanks, line ends and comments between two words of a document.
fn gap() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        4 => Just(""), 2 => Just(" "), 2 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\t"), 1 => Just("\n    "),
        1 => Just(" // a, \"b\" {\n"), 1 => Just("// c\r\n"), 1 => Just("/* , } */"), 1 => Just(" // ö\n  "),
    ];
    prop::collection::vec(one, 0..3).prop_map(|parts| parts.concat())
}

/// What stands between two brackets: the parts, gaps and commas, the last comma by chance.
fn inside(parts: Vec<String>, gaps: &[String], trailing: bool) -> String {
    let (count, mut text) = (parts.len(), gaps[0].clone());
    for (at, part) in parts.into_iter().enumerate() {
        text.push_str(&part);
        text.push_str(&gaps[(2 * at + 1) % gaps.len()]);
        if at + 1 < count || trailing {
            text.push(',');
            text.push_str(&gaps[(2 * at + 2) % gaps.len()]);
        }
    }
    text
}

fn gaps() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(gap(), 1..8)
}

fn list(of: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (prop::collection::vec(of, 0..4), gaps(), any::<bool>())
        .prop_map(|(parts, gaps, trailing)| format!("[{}]", inside(parts, &gaps, trailing)))
}

fn object(
    name: impl Strategy<Value = String>,
    of: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    (prop::collection::vec((name, gap(), gap(), of), 0..4), gaps(), any::<bool>()).prop_map(
        |(members, gaps, trailing)| {
            let member = |(name, before, after, value): (String, String, String, String)| {
                format!("\"{name}\"{before}:{after}{value}")
            };
            format!("{{{}}}", inside(members.into_iter().map(member).collect(), &gaps, trailing))
        },
    )
}

fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1"),
        Just("-2.5e3"),
        Just("null"),
        Just("\"ö \\\" // {\""),
        Just("\"\\u00e4\""),
        Just("true"),
    ];
    leaf.prop_map(str::to_owned)
        .prop_recursive(3, 12, 3, |inner| prop_oneof![list(inner.clone()), object("[a-c]", inner)])
}

fn document() -> impl Strategy<Value = String> {
    let event =
        prop_oneof![Just("SessionStart"), Just("SessionEnd"), Just("PreToolUse")].prop_map(str::to_owned);
    let hooks = object(event, list(any_value()));
    let members = (
        prop::collection::vec(("[a-d]", any_value()), 0..3),
        proptest::option::of(hooks),
        any::<prop::sample::Index>(),
    );
    (members, gaps(), any::<bool>(), gap(), gap(), any::<bool>()).prop_map(
        |((others, hooks, at), gaps, trailing, head, tail, bom)| {
            let mut members: Vec<_> =
                others.into_iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            if let Some(hooks) = hooks {
                members.insert(at.index(members.len() + 1), format!("\"hooks\":{hooks}"));
            }
            let bom = if bom { "\u{feff}" } else { "" };
            format!("{bom}{head}{{{}}}{tail}", inside(members, &gaps, trailing))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        // `PROPTEST_CASES=60000` for a thorough run.
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_document_comes_back_to_the_byte(text in document()) {
        back_and_forth(&text);
    }

    /// Whatever is in the file: no panic, and what is not understood is not changed.
    #[test]
    fn any_text_is_changed_and_changed_back_or_refused(text in "[\\PC\n]{0,60}|[{}\\[\\],:\"a/* \n]{0,40}") {
        if let Ok(with) = add(&text, &hooks()) {
            prop_assert_eq!(remove(&with, &hooks()).unwrap(), text);
        }
    }
}
