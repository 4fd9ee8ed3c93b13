//go:build tools

// Package tools names the program to build.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
