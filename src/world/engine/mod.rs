//! The container engine, through its API.
