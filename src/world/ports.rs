//! Who listens on a port.
