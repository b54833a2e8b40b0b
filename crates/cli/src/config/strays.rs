//! `[strays]`: the patterns of processes that look like the worker's program.

use std::ffi::OsString;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::error::ConfigError;
use super::positions::Positions;
use super::source::Setting;
use crate::census::Strays;

/// What the file's table says, as one value; `None` if it is not there.
pub(super) fn read(
    positions: &Positions<'_>,
    file: &DeTable<'_>,
) -> Result<Option<Setting<OsString>>, ConfigError> {
    let Some((_, value)) = file.iter().find(|(name, _)| name.get_ref().as_ref() == "strays") else {
        return Ok(None);
    };
    let span = value.span();
    let bad = |span, wrong: String| positions.bad_value("strays", span, wrong);
    let DeValue::Table(table) = value.get_ref() else {
        return Err(bad(span, "is a table: write [strays] on a line of its own".to_owned()));
    };
    let deserializer = Deserializer::from(Spanned::new(span.clone(), table.clone()));
    let strays = Strays::deserialize(deserializer)
        .map_err(|error| bad(error.span().unwrap_or(span.clone()), error.message().trim_end().to_owned()))?;
    strays.check().map_err(|wrong| bad(span.clone(), wrong))?;
    let text = serde_json::to_string(&strays).map_err(|error| bad(span.clone(), error.to_string()))?;
    Ok(Some(Setting { value: text.into(), source: positions.source(span) }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_table_is_read_and_a_mistake_in_it_has_its_place() {
        let parse = |text: &str| {
            super::super::ConfigFile::parse(Path::new("f"), text).map_err(|wrong| wrong.to_string())
        };
        let good = parse("name = 'a'\n[strays]\nworker = [['node', '*/w.cjs']]\n").unwrap();
        let read = good.values(super::super::Key::Strays).next().unwrap().value.clone();
        assert_eq!(read, OsString::from(r#"{"worker":[["node","*/w.cjs"]]}"#));
        for (text, place) in [
            ("strays = 'node'", "f:1:10"),
            ("[strays]\nworkers = []", "f:2:1"),
            ("[strays]\nworker = ['node']", "f:2:11"),
            ("[strays]\nworker = [['*']]", "f:1:1"),
        ] {
            let wrong = parse(text).map(drop).unwrap_err();
            assert!(wrong.starts_with(place), "{text}: {wrong}");
        }
    }
}
