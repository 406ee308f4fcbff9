// Package platform puts the parts together: configuration, wiring, lifecycle.
//
// It is the only package that imports drivers, and the only one that reads the
// environment. cli and cmd/isekai use it; nothing else does. It holds no rule of
// the product: those live in the modules.
package platform
