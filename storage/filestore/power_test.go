package filestore

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// disk watches the calls of a store and knows, at every moment, what a loss of
// power may leave: contents are safe once synced, names once their folder is.
// Whatever is not may have reached the disk or not.
type disk struct {
	dir     string
	names   map[string]*content // as the running system sees them
	safe    map[string]*content // as the disk is sure to have them
	moments []moment
	said    map[string]string // acknowledged blobs, or "deleted"
}

type content struct{ safe, full string }

// moment is one instant at which the power could fail.
type moment struct {
	after  string
	images []map[string]string // the folders that may be found, by path
	said   map[string]string
}

func watch(dir string) *disk {
	return &disk{dir: dir, names: map[string]*content{}, safe: map[string]*content{}, said: map[string]string{}}
}

func (d *disk) system() system {
	sys := realSystem()
	actual := realSystem()
	sys.create = func(root *os.Root, path string) (*os.File, error) {
		d.names[path] = &content{}
		d.happened("create " + path)
		return actual.create(root, path)
	}
	sys.write = func(file *os.File, p []byte) (int, error) {
		d.names[d.path(file)].full += string(p)
		d.happened("write")
		return actual.write(file, p)
	}
	sys.sync = func(file *os.File) error {
		d.names[d.path(file)].safe = d.names[d.path(file)].full
		d.happened("sync")
		return actual.sync(file)
	}
	sys.link = func(root *os.Root, from, to string) error {
		if err := actual.link(root, from, to); err != nil {
			return err
		}
		d.names[to] = d.names[from]
		d.happened("link " + to)
		return nil
	}
	sys.remove = func(root *os.Root, path string) error {
		delete(d.names, path)
		d.happened("remove " + path)
		return actual.remove(root, path)
	}
	sys.syncFolder = func(root *os.Root, path string) error {
		maps.DeleteFunc(d.safe, func(name string, _ *content) bool { return filepath.Dir(name) == path })
		for name, c := range d.names {
			if filepath.Dir(name) == path {
				d.safe[name] = c
			}
		}
		d.happened("syncFolder " + path)
		return actual.syncFolder(root, path)
	}
	return sys
}

func (d *disk) path(file *os.File) string {
	path, err := filepath.Rel(d.dir, file.Name())
	if err != nil {
		panic(err)
	}
	return filepath.ToSlash(path)
}

// happened keeps the extremes: names and contents only as far as they are safe;
// names ahead of contents; everything.
func (d *disk) happened(what string) {
	none, namesOnly, all := map[string]string{}, map[string]string{}, map[string]string{}
	for name, c := range d.safe {
		none[name] = c.safe
	}
	for name, c := range d.names {
		namesOnly[name], all[name] = c.safe, c.full
	}
	d.moments = append(d.moments, moment{what, []map[string]string{none, namesOnly, all}, maps.Clone(d.said)})
}

func TestLossOfPowerAtAnyMomentLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	d := watch(dir)
	s, err := open(dir, &Options{}, d.system())
	require.NoError(t, err)
	contents := map[string]string{"a": "first document", "b": "second", "c": "third", "empty": ""}
	for _, name := range []string{"a", "b", "empty"} {
		require.NoError(t, write(ctx, s, name, contents[name]))
		d.said[name] = contents[name]
		d.happened("acknowledged " + name)
	}
	w, err := s.Create(ctx, "c", -1)
	require.NoError(t, err)
	_, err = w.Write([]byte("thi"))
	require.NoError(t, err)
	w.Abort()
	require.ErrorIs(t, write(ctx, s, "a", "never replaces"), storage.ErrExists)
	delete(d.said, "b") // from here on it may be there or not
	require.NoError(t, s.Delete(ctx, "b"))
	d.said["b"] = "deleted"
	d.happened("acknowledged the deletion of b")
	require.NoError(t, write(ctx, s, "c", contents["c"]))
	d.said["c"] = contents["c"]
	d.happened("acknowledged c")
	require.NoError(t, s.Close())

	seen := map[string]bool{}
	for _, m := range d.moments {
		for i, image := range m.images {
			if same := fmt.Sprint(image, m.said); !seen[same] {
				seen[same] = true
				checkImage(t, fmt.Sprintf("power lost after %q, image %d", m.after, i), image, m.said, contents)
			}
		}
	}
	require.Greater(t, len(seen), 25, "folders that a loss of power may leave")
}

// checkImage opens what a loss of power left and holds it against what was said.
func checkImage(t *testing.T, when string, image, said, contents map[string]string) {
	t.Helper()
	dir, err := os.MkdirTemp(memoryFolder(), "image")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	for path, content := range image {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), folderMode))
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(content), fileMode))
	}
	s, err := Open(dir, nil)
	require.NoError(t, err, when)
	defer s.Close()
	for path := range files(t, dir) {
		require.False(t, strings.HasPrefix(path, tempFolder), when)
	}
	for name, whole := range contents {
		_, err := s.Size(t.Context(), name)
		acknowledged, ok := said[name]
		switch {
		case ok && acknowledged == "deleted":
			require.ErrorIs(t, err, storage.ErrNotFound, "%s: %s came back", when, name)
		case ok:
			require.NoError(t, err, "%s: %s is lost", when, name)
		}
		if err == nil {
			require.Equal(t, whole, get(t, s, name), "%s: %s is not whole", when, name)
		}
	}
}

// memoryFolder is a folder in memory where there is one: the images of a lost
// disk need no disk of their own, and there are many.
func memoryFolder() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}
