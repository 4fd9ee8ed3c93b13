"""The test bed: real programs out of package registries, behind a local registry."""
