//! From the words of a check to a request.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::Context;
use crate::failure::Failure;
use crate::world::http::{Answer, Connection, HttpError, Target, Tls};

/// In a header's value: a text that no other request has.
pub(super) const UNIQUE: &str = "${unique}";
/// In a header's value: one of a number of users in turn.
pub(super) const USER: &str = "${user}";

/// Where requests go, and what is trusted there.
pub(super) struct Endpoint<'a> {
    pub(super) target: Target,
    tls: Option<Tls>,
    context: &'a Context,
}

impl<'a> Endpoint<'a> {
    pub(super) fn of_url(url: &str, context: &'a Context) -> Result<Self, Failure> {
        Self::new(Target::from_url(url), context)
    }

    pub(super) fn of_address(address: &str, context: &'a Context) -> Result<Self, Failure> {
        Self::new(Target::from_address(address), context)
    }

    fn new(target: Result<Target, HttpError>, context: &'a Context) -> Result<Self, Failure> {
        let target = target.map_err(|e| super::explain::unanswered(&e))?;
        let pem = context.ca_pem.as_deref().filter(|_| target.secure);
        Ok(Self { target, tls: pem.map(Tls::from_ca_pem).transpose()?, context })
    }

    /// What the check runs in.
    pub(super) const fn context(&self) -> &'a Context {
        self.context
    }

    /// A new connection.
    pub(super) async fn open(&self) -> Result<Connection, HttpError> {
        Connection::open(&self.target, self.tls.as_ref(), self.context.limits).await
    }

    /// GET over that connection.
    pub(super) async fn get(&self, connection: &mut Connection, headers: &HeaderMap) -> Result<Answer, HttpError> {
        connection.send(Method::GET, &self.target.path, headers).await
    }
}

/// The headers of a request, in which `value` takes the place of `placeholder`.
pub(super) fn headers(of: &BTreeMap<String, String>, placeholder: &str, value: &str) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, text) in of {
        let fail = |e: &dyn std::error::Error| Failure::usage(format!("the header `{name}: {text}` cannot be sent")).because(e);
        let key: HeaderName = name.parse().map_err(|e| fail(&e))?;
        let value: HeaderValue = text.replace(placeholder, value).parse().map_err(|e| fail(&e))?;
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Whether each run can have headers of its own.
pub(super) fn can_be_unique(headers: &BTreeMap<String, String>) -> bool {
    headers.values().any(|value| value.contains(UNIQUE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_takes_its_value() {
        let of = BTreeMap::from([("X-User-Id".to_owned(), "probe-${unique}".to_owned())]);
        assert_eq!(headers(&of, UNIQUE, "7").unwrap()["x-user-id"], "probe-7");
        assert!(can_be_unique(&of));
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_named() {
        let of = BTreeMap::from([("x user".to_owned(), "a".to_owned())]);
        assert_eq!(headers(&of, UNIQUE, "7").unwrap_err().what, "the header `x user: a` cannot be sent");
    }
}
