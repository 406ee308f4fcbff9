//go:build !amd64

package main

// abiAttacks is empty where there is one table of system calls.
func abiAttacks() map[string]attack {
	none := func(r report, _ []string) { r.refused("call by another table", "ENOSYS") }
	return map[string]attack{"x32": none, "int80": none}
}
