package admin

import (
	"net"
	"os"
	"syscall"
)

// samePerson reports whether the other end of a socket runs as the user of this
// server, or as root: the kernel says so, whatever the mode of the file.
func samePerson(conn net.Conn) bool {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return false
	}
	allowed := false
	err = raw.Control(func(fd uintptr) {
		peer, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		allowed = err == nil && (int(peer.Uid) == os.Getuid() || peer.Uid == 0)
	})
	return err == nil && allowed
}
