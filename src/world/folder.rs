//! Stack folders on disk.
