package check

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/engines"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// plain is the text of an error without what could be a key, an id or a name.
// The key service's own errors name paths, which the operator needs.
func plain(err error) string {
	if errors.Is(err, vault.ErrKeyService) {
		return strings.TrimPrefix(err.Error(), vault.ErrKeyService.Error()+": ")
	}
	return problem.Cause(err)
}

// folder looks at the data folder, and whether a server runs on it.
func (k *checker) folder() {
	const part = "folder"
	info, err := os.Stat(k.c.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.good(part, "The data folder %s is not there yet. The first start makes it.", k.c.Data)
		k.writable(part, parent(k.c.Data))
		return
	case err != nil || !info.IsDir():
		k.fail(part, "Name a folder with --data.", "The data folder %s is not a folder that this user can see.", k.c.Data)
		return
	case info.Mode().Perm()&0o077 != 0:
		k.fail(part, "Run: chmod 700 "+k.c.Data, "Others can look into the data folder %s.", k.c.Data)
	}
	k.writable(part, k.c.Data)
	if conn, err := net.Dial("unix", filepath.Join(k.c.Data, admin.SocketName)); err == nil {
		_ = conn.Close()
		k.running = true
		k.good(part, "A server runs on the data folder %s.", k.c.Data)
	}
}

// parent is the nearest folder above that is there.
func parent(path string) string {
	for {
		up := filepath.Dir(path)
		if _, err := os.Stat(up); err == nil || up == path {
			return up
		}
		path = up
	}
}

func (k *checker) writable(part, folder string) {
	f, err := os.CreateTemp(folder, ".check-*")
	if err != nil {
		k.fail(part, "Give it to this user, or choose another with --data.", "This user cannot write to %s.", folder)
		return
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	if free, ok := FreeBytes(folder); ok {
		switch {
		case free < 1<<30:
			k.fail(part, "Make room.", "The disk of %s has %d MB left.", folder, free/1_000_000)
		case k.c.Blobs == "" && free < 10*uint64(k.c.Quota): //nolint:gosec // checked to be more than 0
			k.warn(part, "Make room, or put the documents elsewhere with --blobs.", "The disk of %s has %d MB left, which ten people fill.", folder, free/1_000_000)
		default:
			k.good(part, "The disk of %s has %d MB left.", folder, free/1_000_000)
		}
	}
}

// privateFiles looks at the files that hold secrets.
func (k *checker) privateFiles() {
	const part = "files"
	files := slices.Clone(k.c.Secrets)
	if path, err := engines.KeyFile(k.c); err == nil && path != "" {
		files = append(files, path)
	}
	files = append(files, engines.PrivateFiles(k.c)...)
	if k.c.Webhooks != "" {
		files = append(files, k.c.Webhooks)
	}
	files = append(files, k.c.Records.SecretFiles()...)
	if k.c.Serve.TLSKey != "" {
		files = append(files, k.c.Serve.TLSKey)
	}
	if text, err := os.ReadFile(string(k.c.File)); err == nil && k.c.InText(string(text)) {
		files = append(files, string(k.c.File))
	}
	open := false
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			continue // said where it is used
		}
		if info.Mode().Perm()&0o077 != 0 {
			open = true
			k.fail(part, "Run: chmod 600 "+path, "Others can read %s, which holds a secret.", path)
		}
	}
	if !open {
		k.good(part, "Files with secrets are readable by their own user only.")
	}
	for _, flag := range k.c.Shown {
		k.warn(part, "Give it in the environment, in the configuration file, or as "+flag+" @FILE.",
			"The password in %s is on the command line, where everybody on this machine sees it in the list of processes.", flag)
	}
	if path := engines.OperatorKeyFile(k.c); path != "" {
		if _, err := os.Stat(path); err == nil {
			k.warn(part, "Move it to another place, kept by another person, and give the server only --operator-key.",
				"The operator's key lies on this machine, in %s: whoever takes the machine can state that a backup was put back.", path)
		}
	}
}

// tls looks at the certificate.
func (k *checker) tls() {
	const part = "tls"
	s := k.c.Serve
	if s.TLSCert == "" {
		if !s.OnlyThisMachine() && len(s.TrustedProxy) == 0 {
			k.fail(part, "Give --tls-cert and --tls-key, or listen on this machine only and put a proxy with HTTPS in front.",
				"The server would be reachable from other machines without HTTPS: passwords would travel in clear.")
		}
		return
	}
	pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		k.fail(part, "Give the certificate and its key in PEM.", "The certificate and its key do not belong together.")
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		k.fail(part, "Give another certificate.", "The certificate cannot be read.")
		return
	}
	left := leaf.NotAfter.Sub(k.now())
	switch {
	case left < 0:
		k.fail(part, "Renew it.", "The certificate ended on %s.", leaf.NotAfter.Format(time.DateOnly))
	case k.now().Before(leaf.NotBefore):
		k.fail(part, "Look at the clock of this machine.", "The certificate is valid from %s only.", leaf.NotBefore.Format(time.DateOnly))
	case left < 21*24*time.Hour:
		k.warn(part, "Renew it.", "The certificate ends on %s.", leaf.NotAfter.Format(time.DateOnly))
	default:
		k.good(part, "The certificate is valid until %s.", leaf.NotAfter.Format(time.DateOnly))
	}
}

// leastQuota is less than a few photographs, in bytes.
const leastQuota = 10_000_000

// settings looks at numbers that are allowed and strange.
func (k *checker) settings() {
	const part = "settings"
	if k.c.Quota < leastQuota {
		k.warn(part, "Is it meant in bytes? 150 MB are 150000000.", "--quota is %d bytes, which a few photographs fill.", k.c.Quota)
	}
	if k.c.SessionIdle > 4*time.Hour {
		k.warn(part, "Choose a shorter --session-idle: a lost phone stays open for so long.", "A session stays open for %s without use.", k.c.SessionIdle)
	}
	if k.c.LeftShare > 50 {
		k.warn(part, "Choose a smaller --left-share: the rest is what people have for their own papers.", "Strangers with a link may fill %d percent of a space.", k.c.LeftShare)
	}
	if k.c.SharedRecords() && !k.c.Alone {
		k.good(part, "Several servers may run with this configuration, each with a data folder of its own.")
	}
}
