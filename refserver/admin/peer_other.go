//go:build !linux

package admin

import "net"

// samePerson leaves the decision to the mode of the socket and of its folder.
func samePerson(net.Conn) bool { return true }
