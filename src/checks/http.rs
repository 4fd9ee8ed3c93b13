//! One request and what its answer must be.

use serde_json::Value;

use super::outcome::{Backoff, Outcome, check_failure};
use super::request::{Endpoint, UNIQUE, headers};
use super::{Context, explain, fields};
use crate::failure::Failure;
use crate::stack::HttpCheck;

pub(super) async fn run(check: &HttpCheck, context: &Context) -> Outcome {
    let mut backoff = Backoff::new(context, context.settle);
    loop {
        let outcome = once(check, context).await;
        if !backoff.heals(&outcome).await {
            return outcome;
        }
    }
}

async fn once(check: &HttpCheck, context: &Context) -> Outcome {
    let mut expected = check.status.to_string();
    if !check.json.is_empty() {
        expected = format!("{expected}, {}", fields::wanted(&check.json));
    }
    let prepared = Endpoint::of_url(&check.url, context).and_then(|e| Ok((e, headers(&check.headers, UNIQUE, &(context.unique)())?)));
    let (endpoint, headers) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return Outcome::failed(expected, "nothing was sent", failure),
    };
    let answer = match endpoint.open().await {
        Ok(mut connection) => endpoint.get(&mut connection, &headers).await,
        Err(error) => Err(error),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Outcome::failed(expected, error.phase.to_string(), explain::unanswered(&error)).transient(error.transient),
    };
    let status = answer.status.as_u16();
    if status != check.status {
        let failure = check_failure(format!("{} answered {status}, expected {}", check.url, check.status));
        return Outcome::failed(expected, status.to_string(), explain::with_answer(failure, &answer)).transient(explain::may_heal(&answer));
    }
    if check.json.is_empty() {
        return Outcome::passed(expected, status.to_string());
    }
    let document: Value = match serde_json::from_slice(&answer.body) {
        Ok(document) => document,
        Err(error) => {
            let failure = check_failure(format!("{} answered {status}, but not with JSON", check.url));
            let failure = failure.why(explain::evidence(&answer)).because(&error);
            return Outcome::failed(expected, format!("{status}, no JSON"), failure);
        }
    };
    let differences = fields::differences(&document, &check.json);
    if differences.is_empty() {
        return Outcome::passed(expected.clone(), expected);
    }
    let failure = check_failure(format!("{} answered {status}, but with other values", check.url));
    let failure = differences.iter().fold(failure, Failure::why).why(explain::evidence(&answer));
    Outcome::failed(expected, format!("{status}, {}", differences.join("; ")), failure)
}

#[cfg(test)]
mod tests;
