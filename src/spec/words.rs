//! The small languages within a specification, each with its pattern in the schema and its words in findings.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::input::parse_duration;

/// A language: the pattern and the words of a text in the schema.
macro_rules! language {
    ($(#[$doc:meta])* $name:ident, $pattern:expr, $max:expr, $words:expr) => {
        $(#[$doc])*
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "maxLength": $max, "x-expects": $words})
            }
        }
    };
}

language!(
    /// A DNS label.
    Label,
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    63,
    "a name of lower case letters, digits and inner `-`, at most 63 characters"
);
language!(
    /// A DNS label from which other names are made.
    ShortLabel,
    "^[a-z]([-a-z0-9]*[a-z0-9])?$",
    40,
    "a name of lower case letters, digits and inner `-`, with a letter first, at most 40 characters"
);
language!(
    /// The name of a Kubernetes Service.
    ServiceName,
    "^[a-z]([-a-z0-9]*[a-z0-9])?$",
    63,
    "the name of a Service: lower case letters, digits and inner `-`, with a letter first, at most 63 characters"
);
language!(
    /// A host name, perhaps with `*` as its first part.
    HostName,
    r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    253,
    "a host name such as `api.example.com` or `*.example.com`"
);
language!(
    /// The name of an HTTP header.
    HeaderName,
    r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$",
    256,
    "the name of a header such as `x-user-id`"
);
language!(
    /// A path within a URL.
    Path,
    "^/",
    1024,
    "a path that begins with `/`"
);
language!(
    /// An https URL without query.
    HttpsUrl,
    r"^https://[^/?#@\s]+(/[^?#\s]*)?$",
    253,
    "a URL with `https://`, without user, query and fragment"
);
language!(
    /// Processors as Kubernetes counts them.
    Cpu,
    r"^([1-9][0-9]*m|[0-9]+\.[0-9]{1,3}|[1-9][0-9]*)$",
    12,
    "an amount of processors such as `100m` or `1`"
);
language!(
    /// Memory as Kubernetes counts it.
    Memory,
    "^[1-9][0-9]*(Ki|Mi|Gi)$",
    12,
    "an amount of memory such as `64Mi` or `1Gi`"
);
language!(
    /// The name of an environment variable.
    Variable,
    "^[A-Za-z_][A-Za-z0-9_]*$",
    253,
    "the name of a variable: letters, digits and `_`"
);
language!(
    /// An image reference; more is checked by a rule.
    Image,
    r"^[a-z0-9][^\s]*$",
    512,
    "an image such as `ghcr.io/example/api:1.2.3`"
);

/// A length of time as it is written: `30s`, `1m30s`.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    text: String,
    length: Duration,
}

impl Span {
    /// A length of whole seconds.
    #[must_use]
    pub fn seconds(seconds: u64) -> Self {
        Self { text: format!("{seconds}s"), length: Duration::from_secs(seconds) }
    }

    /// A length of whole milliseconds.
    #[must_use]
    pub fn millis(millis: u64) -> Self {
        Self { text: format!("{millis}ms"), length: Duration::from_millis(millis) }
    }

    /// How long it is.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let length = parse_duration(&text).map_err(D::Error::custom)?;
        Ok(Self { text, length })
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // units fall, as parse_duration has it; at most a day; five digits are what the Gateway API takes
        json_schema!({
            "type": "string",
            "pattern": "^(?=[1-9])([0-9]{1,2}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?([0-9]{1,5}ms)?$",
            "x-expects": "a length of time such as `500ms`, `30s` or `1m30s`"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_pattern_of_a_span_takes_can_be_read() {
        let schema = serde_json::to_value(schemars::schema_for!(Span)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for good in ["30s", "500ms", "1m30s", "23h", "1h5m", "99999ms", "100m"] {
            assert!(validator.is_valid(&good.into()), "{good}");
            assert!(serde_json::from_value::<Span>(good.into()).is_ok(), "{good}");
        }
        for bad in ["", "0s", "5", "5d", "1s1m", " 5s", "-5s", "100000ms", "1.5h"] {
            assert!(!validator.is_valid(&bad.into()), "{bad}");
        }
    }
}
