//go:build tools

// Package tools names what is built from the module.
package tools

import _ "github.com/helmfile/helmfile"
