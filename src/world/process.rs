//! Programs that tstack starts.
