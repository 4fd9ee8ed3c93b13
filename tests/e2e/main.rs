//! Real-cluster tier.
