package storagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func init() {
	storage.Register("toylog", func(_ context.Context, u *url.URL) (storage.Driver, error) {
		return openLogged(u.Path, u.Query().Get("flaw"))
	})
}

const (
	flawBuffersLog = "acknowledges before it writes"
	flawTearsLog   = "writes a commit piece by piece"
	flawTruncates  = "forgets the log when it ends in half a line"
)

// logged is a toy that lives through kill -9: every commit is one line of a log.
type logged struct {
	*toy
	flaw string

	mu     sync.Mutex
	log    *os.File
	buffer []byte
}

func openLogged(path, flaw string) (*logged, error) {
	content, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	d := &logged{toy: openToy(newToyDisk(), ""), flaw: flaw}
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	if flaw == flawTruncates && len(whole) < len(content) {
		whole = nil
	}
	for line := range bytes.Lines(whole) {
		var writes []storage.Write
		if err := json.Unmarshal(line, &writes); err != nil {
			return nil, err
		}
		if err := d.toy.Commit(context.Background(), nil, writes); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		return nil, err
	}
	d.log, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return d, err
}

func (d *logged) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.toy.Commit(ctx, checks, writes); err != nil || len(writes) == 0 {
		return err
	}
	switch d.flaw {
	case flawTearsLog:
		for _, w := range writes {
			if err := d.append([]storage.Write{w}); err != nil {
				return err
			}
		}
		return nil
	case flawTruncates: // half a line stays for long
		line, err := json.Marshal(writes)
		if err != nil {
			return err
		}
		for _, part := range [][]byte{line[:len(line)/2], append(line[len(line)/2:], '\n')} {
			if _, err := d.log.Write(part); err != nil {
				return err
			}
			if err := d.log.Sync(); err != nil {
				return err
			}
		}
		return nil
	}
	return d.append(writes)
}

func (d *logged) append(writes []storage.Write) error {
	line, err := json.Marshal(writes)
	if err != nil {
		return err
	}
	d.buffer = append(append(d.buffer, line...), '\n')
	if d.flaw == flawBuffersLog && len(d.buffer) < 64<<10 {
		return nil
	}
	if _, err := d.log.Write(d.buffer); err != nil {
		return err
	}
	d.buffer = d.buffer[:0]
	return d.log.Sync()
}

func (d *logged) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.log.Write(d.buffer)
	return errors.Join(err, d.log.Close(), d.toy.Close())
}

func toyLog(flaw string) func(t testing.TB) string {
	return func(t testing.TB) string {
		u := url.URL{Scheme: "toylog", Path: filepath.Join(t.TempDir(), "log"), RawQuery: url.Values{"flaw": {flaw}}.Encode()}
		return u.String()
	}
}

func TestKillAcceptsADurableDriver(t *testing.T) {
	t.Parallel()
	RunKill(t, toyLog(""))
}

func TestKillCatchesADriverThatAcknowledgesBeforeItWrites(t *testing.T) {
	t.Parallel()
	requireKillFails(t, flawBuffersLog, "had commit")
}

func TestKillCatchesADriverThatTearsCommits(t *testing.T) {
	t.Parallel()
	requireKillFails(t, flawTearsLog, "records of the")
}

func TestKillCatchesADriverThatForgetsAfterACrash(t *testing.T) {
	t.Parallel()
	requireKillFails(t, flawTruncates, "had commit")
}

func requireKillFails(t *testing.T, flaw, why string) {
	for range 10 {
		watched := &watchedT{TB: t}
		var done sync.WaitGroup
		done.Go(func() { RunKill(watched, toyLog(flaw)) })
		done.Wait()
		if strings.Contains(watched.message, why) {
			return
		}
	}
	require.Fail(t, "not noticed", "a driver that %s", flaw)
}
