//! Which configuration file is read.

use std::path::PathBuf;

use super::environment::{CONFIG_VARIABLE, Environment, set};
use super::error::ConfigError;
use super::file::ConfigFile;

/// Which file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileChoice {
    /// None.
    None,
    /// The one that `--config` names.
    Flag(PathBuf),
    /// The one that the environment names, else the user's own if there is one.
    Usual,
}

/// The file that is to be read, and who names it; `None` as the name for the user's own, which need not exist.
pub(crate) fn locate(
    choice: &FileChoice,
    environment: Environment<'_>,
) -> Result<Option<Located>, ConfigError> {
    match choice {
        FileChoice::None => Ok(None),
        FileChoice::Flag(path) => Ok(Some(Located { path: path.clone(), named_by: Some("--config") })),
        FileChoice::Usual => match set(environment, CONFIG_VARIABLE).map(PathBuf::from) {
            Some(path) if path.is_absolute() => Ok(Some(Located { path, named_by: Some(CONFIG_VARIABLE) })),
            Some(path) => Err(ConfigError::RelativeFile(path)),
            // Whoever has no home has no file there either.
            None => Ok(coordinator::default_config_dir()
                .ok()
                .map(|dir| Located { path: dir.join("oneworker.toml"), named_by: None })),
        },
    }
}

/// A configuration file, and who names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// The file.
    pub(crate) path: PathBuf,
    /// The flag or variable; `None` for the user's own.
    pub(crate) named_by: Option<&'static str>,
}

impl Located {
    /// Reads it; `None` if it is the user's own and does not exist.
    pub(crate) fn read(&self) -> Result<Option<ConfigFile>, ConfigError> {
        match (ConfigFile::read(&self.path)?, self.named_by) {
            (None, Some(named_by)) => Err(ConfigError::Missing { path: self.path.clone(), named_by }),
            (file, _) => Ok(file),
        }
    }
}
