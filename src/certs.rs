//! The local certificate authority.
//!
//! Purpose: make a CA, leaf certificates and the objects that hand them to a cluster.
//! Reads: names and times it is given. Writes: nothing.
//! Must not: touch disk or clock, or show a key.
