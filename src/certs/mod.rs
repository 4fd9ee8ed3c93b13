//! The local certificate authority.
//!
//! Purpose: make a CA, leaf certificates and the objects that hand them to a cluster.
//! Reads: names and times it is given. Writes: nothing.
//! Must not: touch disk or clock, or show a key.

mod authority;
mod bounds;
mod describe;
mod leaf;
mod minted;
mod objects;
mod secret;

pub use authority::{Authority, Unusable, end_of};
pub use describe::{Described, described};
pub use leaf::{LEAF_DAYS, Leaf, still_good};
pub use minted::minted;
pub use objects::objects;
pub use secret::Secret;

/// The greatest difference between two clocks that is forgiven: a certificate is valid from this long before it was made, since the
/// virtual machine that an engine runs in may lag behind the host after a sleep, and a clock set to another time zone by hours.
const CLOCK_SKEW: std::time::Duration = std::time::Duration::from_hours(24);

/// The seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// The time as rcgen wants it; its type belongs to a crate that we need for nothing else and so do not name.
macro_rules! moment {
    ($at:expr) => {{
        // a time before 1970 is a clock that was never set, and everything is then not yet valid anyway
        let seconds = u64::try_from($at.as_second()).unwrap_or(0);
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
    }};
}
use moment;
