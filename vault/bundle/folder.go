package bundle

import (
	"context"
	"io"
	"io/fs"
	"path"
	"strings"

	"reconnect.example/vault"
)

// OpenFolder reads a folder of files, or a bundle that was unpacked, such as [os.DirFS]
// gives. Links are refused. Errors: those of [Open].
func OpenFolder(ctx context.Context, dir fs.FS, opts *Options) (*Bundle, error) {
	o := opts.orDefault()
	all := newFiles(o.Limits)
	err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			return &FileError{File: p, Number: len(all.list) + 1, Err: ErrPath}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return all.add(&file{path: p, size: info.Size(), open: func() (io.ReadCloser, error) { return dir.Open(p) }})
	})
	if err != nil {
		return nil, err
	}
	b := &Bundle{opts: o, Complete: true}
	return b.opened(b.openFiles(ctx, all))
}

// fromFiles takes files for papers, and the folders that they lie in for folders.
func (b *Bundle) fromFiles(ctx context.Context, all *files, known map[string]sniffed) error {
	var wrong faults
	for _, f := range all.list {
		if litter(f.path) {
			continue
		}
		is, ok := known[f.path]
		if !ok {
			sum, mediaType, err := f.digest(ctx)
			if err != nil {
				if len(Named(err)) == 0 {
					return err
				}
				wrong.add(err)
				continue
			}
			is = sniffed{sum, mediaType}
		}
		n := vault.NewImport{
			Kind: vault.KindDocument, Name: b.fit(strings.TrimSuffix(path.Base(f.path), path.Ext(f.path)), vault.MaxName), Folder: b.folderOf(f.path),
			MediaType: is.mediaType, Size: f.size, Digest: is.sum, Open: f.open,
			Former: vault.Former{Format: b.Format, Item: f.path},
		}
		if n.Name == "" {
			n.Name = b.fit(path.Base(f.path), vault.MaxName)
		}
		b.things = append(b.things, n)
	}
	return wrong.err()
}

// litter is what systems leave in folders, and nobody's paper.
func litter(p string) bool {
	base := path.Base(p)
	return strings.HasPrefix(p, "__MACOSX/") || base == ".DS_Store" || base == "Thumbs.db" || base == "desktop.ini"
}

// folderOf is the name of the folder of a file. Folders do not nest: one in another
// becomes one with both names.
func (b *Bundle) folderOf(p string) string {
	dir := path.Dir(p)
	if dir == "." {
		return ""
	}
	if strings.Contains(dir, "/") {
		b.remarkOnce(RemarkFlattened, dir)
	}
	return b.fit(strings.ReplaceAll(dir, "/", " / "), vault.MaxName)
}

func (b *Bundle) remarkOnce(code, name string) {
	for _, r := range b.Remarks {
		if r.Code == code && r.Name == name {
			return
		}
	}
	b.remark(code, name)
}

// fit makes a text one that a field of so many characters takes.
func (b *Bundle) fit(s string, most int) string {
	s = strings.TrimSpace(clean(s, most > vault.MaxName))
	if r := []rune(s); len(r) > most {
		s = strings.TrimSpace(string(r[:most]))
		b.remark(RemarkCut, s)
	}
	return s
}
