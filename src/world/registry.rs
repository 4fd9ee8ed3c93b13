//! Registries and their mirrors.
