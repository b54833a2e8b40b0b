use super::*;

#[test]
fn a_file_that_its_own_program_has_written_meanwhile_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.json");
    let absent = WrittenFile::read(&path).unwrap();
    fs::write(&path, "a").unwrap();
    let read = WrittenFile::read(&path).unwrap();
    fs::write(&path, "b").unwrap();
    for stale in [absent, read] {
        let Refused(why) = stale.write("ours").unwrap_err();
        assert!(why.contains("has changed meanwhile"), "{why}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "b");
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    WrittenFile::read(&path).unwrap().write("ours").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
}

#[test]
fn what_is_no_small_file_of_text_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large");
    File::create(&path).unwrap().set_len(MOST + 1).unwrap();
    for (path, words) in [(path.as_path(), "larger than"), (dir.path(), "no regular file")] {
        let Err(Refused(why)) = WrittenFile::read(path) else { panic!("it was read") };
        assert!(why.contains(words), "{why}");
    }
    let path = dir.path().join("bytes");
    fs::write(&path, b"{\"a\":\"\xff\"}").unwrap();
    let Err(Refused(why)) = WrittenFile::read(&path) else { panic!("it was read") };
    assert!(why.contains("UTF-8"), "{why}");
}
