use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use oneworker_protocol::NoStateDir;

/// The user, as text that identifies it on this machine.
pub(crate) fn id() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

pub(crate) fn state_home() -> Result<PathBuf, NoStateDir> {
    Ok(home()?.join(".local/state"))
}

pub(crate) fn config_home() -> Result<PathBuf, NoStateDir> {
    Ok(home()?.join(".config"))
}

/// The home in passwd(5). A static program must not call `getpwuid`, which loads the libraries of the system's C library; so
/// `/etc/passwd` is read directly, and for users from elsewhere (LDAP, sssd) `getent` is asked, which comes with that library.
pub(crate) fn home() -> Result<PathBuf, NoStateDir> {
    let user = rustix::process::geteuid().as_raw();
    let missing = |why: String| NoStateDir { user: user.to_string(), why };
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = match entry(&passwd, user) {
        Some(home) => Some(home),
        None => {
            let asked = Command::new("getent")
                .args(["passwd", &user.to_string()])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .output();
            let answer =
                asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            entry(&answer, user)
        }
    };
    match line {
        Some(home) if home.is_absolute() => Ok(home),
        Some(home) => Err(missing(format!("{home:?} is not an absolute path"))),
        None => Err(missing("no entry".to_owned())),
    }
}

/// The sixth field of the line whose third is the user.
fn entry(passwd: &str, user: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let id: u32 = fields.next()?.parse().ok()?;
        let home = fields.nth(2)?;
        (id == user && !home.is_empty()).then(|| PathBuf::from(home))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_that_of_the_user_and_broken_lines_are_passed_over() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n# comment\nbroken:x\nada:x:1000:1000:Ada,,,:/home/ada:/bin/sh\nnone:x:5:5:::\n";
        assert_eq!(entry(passwd, 1000), Some(PathBuf::from("/home/ada")));
        assert_eq!(entry(passwd, 0), Some(PathBuf::from("/root")));
        assert_eq!(entry(passwd, 5), None);
        assert_eq!(entry(passwd, 7), None);
    }
}
