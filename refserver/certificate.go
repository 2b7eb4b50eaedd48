package main

import (
	"crypto/tls"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// certificate is the one of --tls-cert and --tls-key as the files have it now. What
// renews it need not restart the server.
type certificate struct {
	cert, key string // files
	log       hclog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	written [2]time.Time // when the files of pair were written
	told    [2]time.Time // and those that do not fit, of which the log knows
}

// current is tls.Config.GetCertificate. Files that cannot be read, or do not belong
// together, leave the former certificate in its place: between the writing of the one
// and of the other that is usual, and they are looked at again with the next connection.
func (c *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	written, err := c.times()
	if err == nil && c.pair != nil && written == c.written {
		return c.pair, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.cert, c.key)
	}
	switch {
	case err == nil:
		if c.pair != nil {
			c.log.Info("the certificate was renewed")
		}
		c.pair, c.written = &pair, written
	case c.pair == nil:
		return nil, err
	case written != c.told:
		c.log.Warn("the files of the certificate do not fit; the former one stays; try: refserver check")
		c.told = written
	}
	return c.pair, nil
}

func (c *certificate) times() (written [2]time.Time, err error) {
	for i, file := range []string{c.cert, c.key} {
		info, err := os.Stat(file)
		if err != nil {
			return written, err
		}
		written[i] = info.ModTime()
	}
	return written, nil
}
