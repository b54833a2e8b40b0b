use super::*;

#[test]
fn a_file_that_has_changed_meanwhile_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.json");
    let absent = WrittenFile::read(&path).unwrap();
    fs::write(&path, "a").unwrap();
    let read = WrittenFile::read(&path).unwrap();
    fs::write(&path, "b").unwrap();
    for stale in [absent, read] {
        let why = stale.write("ours").unwrap_err().to_string();
        assert!(why.contains("has changed meanwhile"), "{why}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "b");
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    WrittenFile::read(&path).unwrap().write("ours").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
}

#[test]
fn only_a_small_file_of_text_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large");
    File::create(&path).unwrap().set_len(MOST + 1).unwrap();
    for (path, words) in [(path.as_path(), "larger than"), (dir.path(), "no regular file")] {
        let why = WrittenFile::read(path).unwrap_err().to_string();
        assert!(why.contains(words), "{why}");
    }
    let path = dir.path().join("bytes");
    fs::write(&path, b"{\"a\":\"\xff\"}").unwrap();
    let why = WrittenFile::read(&path).unwrap_err().to_string();
    assert!(why.contains("UTF-8"), "{why}");
}
