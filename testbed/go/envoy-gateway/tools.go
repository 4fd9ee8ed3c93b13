//go:build tools

// Package tools names what is built from the module, and pins its chart.
package tools

import _ "github.com/envoyproxy/gateway/cmd/envoy-gateway"
