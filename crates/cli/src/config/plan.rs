//! `[worker]` and `[[helper]]`: the one part of the file that is no list of single values.

use std::ffi::OsString;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};
use worker::{ChildSpec, Plan};

use super::error::ConfigError;
use super::positions::Positions;
use super::source::Setting;

/// What the file's tables say, as one value; `None` if they are not there.
pub(super) fn read(
    positions: &Positions<'_>,
    file: &DeTable<'_>,
) -> Result<Option<Setting<OsString>>, ConfigError> {
    let mut plan = Plan::default();
    let mut first: Option<Range<usize>> = None;
    for (name, value) in file {
        let span = value.span();
        match (name.get_ref().as_ref(), value.get_ref()) {
            ("worker", DeValue::Table(table)) => {
                plan.command = Some(part(positions, "worker", table, span.clone())?)
            }
            ("helper", DeValue::Array(helpers)) => {
                for helper in helpers.iter() {
                    let DeValue::Table(table) = helper.get_ref() else {
                        return Err(positions.bad_value("helper", helper.span(), NO_TABLES.to_owned()));
                    };
                    plan.helpers.push(part(positions, "helper", table, helper.span())?);
                }
            }
            ("worker", _) => {
                return Err(positions.bad_value(
                    "worker",
                    span,
                    "is a table: write [worker] on a line of its own".to_owned(),
                ));
            }
            ("helper", _) => return Err(positions.bad_value("helper", span, NO_TABLES.to_owned())),
            _ => continue,
        }
        first = Some(first.map_or(span.clone(), |first| if first.start < span.start { first } else { span }));
    }
    let Some(first) = first else { return Ok(None) };
    // It is checked as a whole where the words of the command line are known.
    let text = serde_json::to_string(&plan)
        .map_err(|error| positions.bad_value("worker", first.clone(), error.to_string()))?;
    Ok(Some(Setting { value: text.into(), source: positions.source(first) }))
}

const NO_TABLES: &str = "is a list of tables: write [[helper]] on a line of its own, once for each";

fn part(
    positions: &Positions<'_>,
    key: &str,
    table: &DeTable<'_>,
    span: Range<usize>,
) -> Result<ChildSpec, ConfigError> {
    let deserializer = Deserializer::from(Spanned::new(span.clone(), table.clone()));
    ChildSpec::deserialize(deserializer).map_err(|error| {
        positions.bad_value(key, error.span().unwrap_or(span), error.message().trim_end().to_owned())
    })
}
