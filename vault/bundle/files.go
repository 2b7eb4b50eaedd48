package bundle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"reconnect.example/vault"
)

// file is one file of what was brought.
type file struct {
	number int
	path   string
	size   int64
	open   func() (io.ReadCloser, error)
}

// files are those of one source, by path.
type files struct {
	limits Limits
	list   []*file
	byPath map[string]*file
	folded map[string]bool // paths as systems take them that do not tell large from small letters
	total  int64
}

func newFiles(l Limits) *files {
	return &files{limits: l, byPath: map[string]*file{}, folded: map[string]bool{}}
}

// checkPath takes a path for what it is only if it stays inside on every system: no
// other programs unpack what we let through, but what we let through may be unpacked.
func (fs *files) checkPath(p string) bool {
	if p == "" || len(p) > fs.limits.Path || !utf8.ValidString(p) || strings.ContainsAny(p, "\\:") || path.IsAbs(p) {
		return false
	}
	if strings.ContainsFunc(p, unicode.IsControl) || strings.Count(p, "/") > fs.limits.Depth {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

func (fs *files) add(f *file) error {
	f.number = len(fs.list) + 1
	if !fs.checkPath(f.path) {
		return &FileError{File: f.path, Number: f.number, Err: ErrPath}
	}
	fold := cases.Fold().String(norm.NFC.String(f.path))
	if fs.folded[fold] {
		return &FileError{File: f.path, Number: f.number, Err: ErrPath}
	}
	if fs.total += f.size; f.size < 0 || fs.total > fs.limits.Bytes || fs.total < 0 || len(fs.list) >= fs.limits.Entries {
		return &FileError{File: f.path, Number: f.number, Err: ErrTooMany}
	}
	fs.folded[fold] = true
	fs.list = append(fs.list, f)
	fs.byPath[f.path] = f
	return nil
}

// within gives the files below a folder, by what their paths are there.
func (fs *files) within(folder string) *files {
	out := newFiles(fs.limits)
	for _, f := range fs.list {
		if rest, ok := strings.CutPrefix(f.path, folder); ok {
			inside := *f
			inside.path = rest
			out.list = append(out.list, &inside)
			out.byPath[rest] = &inside
		}
	}
	return out
}

// top is the one folder in which everything lies, with its slash; "" if there is none.
func (fs *files) top() string {
	one := ""
	for i, f := range fs.list {
		first, _, deeper := strings.Cut(f.path, "/")
		if !deeper || i > 0 && first != one {
			return ""
		}
		one = first
	}
	if one == "" {
		return ""
	}
	return one + "/"
}

// bag is the folder, with its slash, in which something lies that only bags have.
func (fs *files) bag() (folder string, found bool) {
	for _, f := range fs.list {
		dir, name := path.Split(f.path)
		if (name == "bagit.txt" || name == payloadList || name == tagList) && strings.Count(dir, "/") <= 1 {
			return dir, true
		}
	}
	return "", false
}

// read reads a table or a list as a whole.
func (f *file) read(l Limits) ([]byte, error) {
	if f.size > l.Table {
		return nil, &FileError{File: f.path, Number: f.number, Err: ErrTooMany}
	}
	r, err := f.open()
	if err != nil {
		return nil, f.broken(err)
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, f.broken(err)
	}
	return b, nil
}

// digest reads a file to its end, and says what its first bytes make it look like.
func (f *file) digest(ctx context.Context) (sum []byte, mediaType string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	r, err := f.open()
	if err != nil {
		return nil, "", f.broken(err)
	}
	defer r.Close()
	first := make([]byte, 512)
	n, err := io.ReadFull(r, first)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, "", f.broken(err)
	}
	h := sha256.New()
	h.Write(first[:n])
	rest, err := io.Copy(h, r)
	if err != nil {
		return nil, "", f.broken(err)
	}
	if int64(n)+rest != f.size {
		return nil, "", &FileError{File: f.path, Number: f.number, Err: ErrDamaged}
	}
	return h.Sum(nil), http.DetectContentType(first[:n]), nil
}

// broken tells what is wrong with a file from what is wrong with where it is read from.
func (f *file) broken(err error) error {
	var named *FileError
	switch {
	case errors.Is(err, ErrBomb):
		return &FileError{File: f.path, Number: f.number, Err: ErrBomb}
	case errors.As(err, &named), vault.Code(err) != "", errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	var disk *fs.PathError
	if errors.As(err, &disk) {
		return fmt.Errorf("bundle: file %d cannot be read: %w", f.number, disk.Err)
	}
	return &FileError{File: f.path, Number: f.number, Err: ErrDamaged}
}
