use super::*;

#[test]
fn each_manager_reads_its_words_as_they_are() {
    let odd =
        Service { name: "a".to_owned(), words: vec![r#"/p q"#.into(), r#"--x=%h $HOME "q" \<&\"#.into()] };
    assert!(odd.text(Manager::Systemd).contains(r#"ExecStart="/p q" "--x=%%h $$HOME \"q\" \\<&\\""#));
    assert!(odd.text(Manager::Launchd).contains(r"<string>--x=%h $HOME &quot;q&quot; \&lt;&amp;\</string>"));
    let task = odd.text(Manager::Schtasks);
    assert!(
        task.contains(r"<Arguments>&quot;--x=%h $HOME \&quot;q\&quot; \&lt;&amp;\\&quot;</Arguments>"),
        "{task}"
    );
}

#[test]
#[cfg(unix)] // What an absolute path is.
fn each_manager_has_its_place() {
    use super::super::definition::samples::service;
    use crate::config::Key;

    let home = |variable: &str| match variable {
        "HOME" => Some(OsString::from("/home/ada")),
        "LOCALAPPDATA" => Some(OsString::from("/local")),
        _ => None,
    };
    let moved = |variable: &str| (variable == "XDG_CONFIG_HOME").then(|| OsString::from("/config"));
    let notes = service(&[(Key::Name, "notes")]);
    let unit = "systemd/user/oneworker-notes.service";
    for (manager, path) in [
        (Manager::Systemd, format!("/home/ada/.config/{unit}")),
        (Manager::Launchd, "/home/ada/Library/LaunchAgents/oneworker.notes.plist".to_owned()),
        (Manager::Schtasks, "/local/oneworker/oneworker-notes.xml".to_owned()),
    ] {
        assert_eq!(notes.path(manager, &home), Some(PathBuf::from(path)));
        assert_eq!(notes.path(manager, &|_| None), None);
    }
    assert_eq!(notes.path(Manager::Systemd, &moved), Some(PathBuf::from(format!("/config/{unit}"))));
}

#[test]
fn the_program_is_read_back_from_what_each_manager_reads() {
    for program in ["/p q", r#"/a"b\c$d%e&f<g"#, "/plain"] {
        let service = Service { name: "a".to_owned(), words: vec![program.into(), "serve".into()] };
        for manager in [Manager::Systemd, Manager::Launchd, Manager::Schtasks] {
            assert_eq!(
                Service::program(manager, &service.text(manager)),
                Some(program.into()),
                "{manager:?}"
            );
        }
    }
    assert_eq!(Service::program(Manager::Systemd, "ExecStart=/bin/x serve"), Some("/bin/x".into()));
    for other in ["", "[Service]", "ExecStart=\"/open", "ExecStart=\"%h/x\""] {
        assert_eq!(Service::program(Manager::Systemd, other), None, "{other}");
    }
}
