//go:build unix

package demo

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps a program from what a terminal sends to this one.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
