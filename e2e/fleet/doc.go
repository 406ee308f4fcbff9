// Package fleet tests what several workers and tenants share, over HTTP and on real
// stores, within one process: leases that are shorter than the program's, a clock that
// waits, and orgs that nobody can sign in to yet. Package e2e, above it, tests the
// program from the outside.
package fleet
