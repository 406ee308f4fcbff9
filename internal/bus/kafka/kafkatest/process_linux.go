package kafkatest

import "syscall"

// attributes let the broker end with the test, even one that is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
