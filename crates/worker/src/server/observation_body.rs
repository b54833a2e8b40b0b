//! The body of `POST /observations`: one observation, a JSON array of them, or one per line.

use crate::api::NewObservation;

use super::request_error::RequestError;

/// Parses the observations of a body, and checks each of them.
pub(super) fn read_observations(body: &[u8]) -> Result<Vec<NewObservation>, RequestError> {
    let observations = parse(body)?;
    let wrong = |(n, one): (usize, &NewObservation)| Some(format!("observation {n}: {}", one.wrong()?));
    match observations.iter().enumerate().find_map(wrong) {
        Some(wrong) => Err(RequestError::BadBody(wrong)),
        None => Ok(observations),
    }
}

/// Parses an array, or any number of objects one after the other: a single one, or one per line
/// (NDJSON).
fn parse(body: &[u8]) -> Result<Vec<NewObservation>, RequestError> {
    let wrong = |error: serde_json::Error| RequestError::BadBody(error.to_string());
    if body.trim_ascii_start().first() == Some(&b'[') {
        return serde_json::from_slice(body).map_err(wrong);
    }
    let mut observations = Vec::new();
    for one in serde_json::Deserializer::from_slice(body).into_iter() {
        observations.push(one.map_err(|error: serde_json::Error| {
            RequestError::BadBody(format!("observation {}: {error}", observations.len()))
        })?);
    }
    if observations.is_empty() {
        return Err(RequestError::BadBody("it is empty".to_owned()));
    }
    Ok(observations)
}

/// Reads a body as `POST /observations` does, and returns the number of observations. For tests of
/// what a body may contain.
///
/// # Errors
/// The message that the client would get.
pub fn check_observations(body: &[u8]) -> Result<usize, String> {
    read_observations(body).map(|observations| observations.len()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_many_in_an_array_and_one_on_each_line_are_taken() {
        let one = r#"{"session":"s","kind":"k","text":"t","metadata":{"a":[1,2]},"key":"x"}"#;
        for (body, count) in [
            (one.to_owned(), 1),
            (format!("[{one},{one}]"), 2),
            (format!(" {one}\n{one}\r\n\n{one}\n"), 3),
            ("[]".to_owned(), 0),
        ] {
            assert_eq!(parse(body.as_bytes()).unwrap().len(), count, "{body}");
        }
        for body in
            ["", "  ", "{}", "[1]", "x", r#"{"session":"s"}"#, &format!("{one}\n{{"), &format!("[{one}")]
        {
            assert!(matches!(parse(body.as_bytes()), Err(RequestError::BadBody(_))), "{body}");
        }
        assert!(parse(br#"{"session":"s","kind":"k","text":"t","txet":"t"}"#).is_err());
    }
}
