//! Query parameters: numbers within a range, with every wrong one reported.

use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, Query};
use axum::http::{StatusCode, request::Parts};

use super::problem::{Fault, Place, Problem};

/// The parameters of a request, in order; unknown ones do no harm.
pub struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(pairs)| Self(pairs))
            .map_err(|rejection| Problem::plain(StatusCode::BAD_REQUEST, rejection.body_text()))
    }
}

impl Params {
    /// The number given as `name`; when given more than once, the last.
    pub fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Fault> {
        let Some((_, text)) = self.0.iter().rfind(|(key, _)| key == name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let message = format!("must be a number from {} to {}", range.start(), range.end());
                Err(Fault { place: Place::Parameter(name), message })
            }
        }
    }
}

/// Both values, or a problem with all that is wrong.
pub fn both<A, B>(a: Result<A, Fault>, b: Result<B, Fault>) -> Result<(A, B), Problem> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => {
            let errors = [a.err(), b.err()].into_iter().flatten().collect();
            Err(Problem::invalid(StatusCode::BAD_REQUEST, errors))
        }
    }
}
