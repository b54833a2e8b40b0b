use super::*;
use crate::config::FileChoice;

fn service(flags: &[(Key, &str)]) -> Service {
    let dir = std::env::temp_dir().join("oneworker service test");
    let mut flags: Vec<_> = flags.iter().map(|(key, text)| (*key, OsString::from(text))).collect();
    flags.push((Key::StateDir, dir.into()));
    let settings = Settings::resolve(&flags, &FileChoice::None, &|_| None).unwrap();
    Service::new(Path::new("/opt/a b/oneworker"), &settings, true).unwrap()
}

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

#[test]
fn each_manager_reads_its_words_as_they_are() {
    let odd =
        Service { name: "a".to_owned(), words: vec![r#"/p q"#.into(), r#"--x=%h $HOME "q" \<&\"#.into()] };
    assert!(odd.text(Kind::Systemd).contains(r#"ExecStart="/p q" "--x=%%h $$HOME \"q\" \\<&\\""#));
    assert!(odd.text(Kind::Launchd).contains(r"<string>--x=%h $HOME &quot;q&quot; \&lt;&amp;\</string>"));
    let task = odd.text(Kind::Schtasks);
    assert!(
        task.contains(r"<Arguments>&quot;--x=%h $HOME \&quot;q\&quot; \&lt;&amp;\\&quot;</Arguments>"),
        "{task}"
    );
}

#[test]
#[cfg(unix)] // What an absolute path is.
fn each_manager_has_its_place() {
    let home = |variable: &str| match variable {
        "HOME" => Some(OsString::from("/home/ada")),
        "LOCALAPPDATA" => Some(OsString::from("/local")),
        _ => None,
    };
    let moved = |variable: &str| (variable == "XDG_CONFIG_HOME").then(|| OsString::from("/config"));
    let notes = service(&[(Key::Name, "notes")]);
    let unit = "systemd/user/oneworker-notes.service";
    for (kind, path) in [
        (Kind::Systemd, format!("/home/ada/.config/{unit}")),
        (Kind::Launchd, "/home/ada/Library/LaunchAgents/oneworker.notes.plist".to_owned()),
        (Kind::Schtasks, "/local/oneworker/oneworker-notes.xml".to_owned()),
    ] {
        assert_eq!(notes.path(kind, &home), Some(PathBuf::from(path)));
        assert_eq!(notes.path(kind, &|_| None), None);
    }
    assert_eq!(notes.path(Kind::Systemd, &moved), Some(PathBuf::from(format!("/config/{unit}"))));
}

#[test]
fn the_program_is_read_back_from_what_each_manager_reads() {
    for program in ["/p q", r#"/a"b\c$d%e&f<g"#, "/plain"] {
        let service = Service { name: "a".to_owned(), words: vec![program.into(), "serve".into()] };
        for kind in [Kind::Systemd, Kind::Launchd, Kind::Schtasks] {
            assert_eq!(Service::program(kind, &service.text(kind)), Some(program.into()), "{kind:?}");
        }
    }
    assert_eq!(Service::program(Kind::Systemd, "ExecStart=/bin/x serve"), Some("/bin/x".into()));
    for other in ["", "[Service]", "ExecStart=\"/open", "ExecStart=\"%h/x\""] {
        assert_eq!(Service::program(Kind::Systemd, other), None, "{other}");
    }
}
