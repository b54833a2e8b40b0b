//! The configurations in `docs/any-daemon.md` are run as they stand, but for ports and paths.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oneworker_tests::{free_port, wait_until_gone};

use super::{SERVER, child_of, get, script, supervised};

/// The block that begins with this comment.
fn block(name: &str) -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/any-daemon.md");
    let text = std::fs::read_to_string(document).unwrap();
    let found = text.split("```toml\n").find(|block| block.starts_with(&format!("# {name}.toml")));
    found.unwrap_or_else(|| panic!("no {name}.toml")).split("```").next().unwrap().to_owned()
}

/// An identity that is configured by it. Its programs are found in the test's own directory first.
fn documented(name: &str, changes: &[(&str, &str)]) -> (oneworker_tests::Identity, serde_json::Value) {
    let identity = supervised();
    let scratch = identity.scratch().to_string_lossy().into_owned();
    let mut text = block(name).replace("port = 37777\n", "");
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to.replace("{scratch}", &scratch));
    }
    std::fs::write(identity.scratch().join("oneworker.toml"), text).unwrap();
    for program in ["bun", "chroma"] {
        let path =
            script(&identity, program, &format!("#!/bin/sh\nexec python3 {scratch}/{program}.py \"$@\"\n"));
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    script(&identity, "bun.py", &SERVER.replace("ONEWORKER_PORT", "CLAUDE_MEM_WORKER_PORT"));
    script(
        &identity,
        "chroma.py",
        &SERVER
            .replace("os.environ[\"ONEWORKER_PORT\"]", "sys.argv[sys.argv.index(\"--port\") + 1]")
            .replace("import http", "import sys, http"),
    );
    std::fs::create_dir(identity.scratch().join("web")).unwrap();
    script(
        &identity,
        "server.js",
        "require('http').createServer((q, r) => r.end(q.url)).listen(process.env.PORT, '127.0.0.1')",
    );
    let path = format!("{scratch}:{}", std::env::var("PATH").unwrap());
    let (status, answer) = identity.patient_ensure().env("PATH", path).json();
    assert_eq!(status, 0, "{answer}");
    (identity, answer)
}

#[test]
fn the_node_server() {
    let (identity, answer) = documented("node", &[("/srv/notes/server.js", "{scratch}/server.js")]);
    assert_eq!(get(u16::try_from(answer["port"].as_u64().unwrap()).unwrap()).unwrap(), "/");
    identity.stop();
    wait_until_gone(child_of(&answer));
}

#[test]
fn the_python_server() {
    let (identity, answer) = documented("python", &[("/srv/web", "{scratch}/web")]);
    assert!(
        get(u16::try_from(answer["port"].as_u64().unwrap()).unwrap()).unwrap().contains("Directory listing")
    );
    identity.stop();
    wait_until_gone(child_of(&answer));
}

#[test]
fn the_worker_of_claude_mem_and_its_chroma_server() {
    let chroma = free_port().to_string();
    let (identity, answer) = documented("claude-mem", &[("8000", &chroma)]);
    assert!(get(u16::try_from(answer["port"].as_u64().unwrap()).unwrap()).is_some());
    assert!(get(chroma.parse().unwrap()).is_some());
    identity.stop();
    wait_until_gone(child_of(&answer));
    assert!(get(chroma.parse().unwrap()).is_none());
}
