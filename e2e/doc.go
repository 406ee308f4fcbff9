// Package e2e tests the program as people run it: real processes, a real
// sandbox, real generated apps and a real browser. Its tests build the binary
// once and know it only from the outside.
package e2e
