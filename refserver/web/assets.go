package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

//go:embed static
var staticContent embed.FS

//go:embed icons/*.svg pictograms/*.svg
var pictureFiles embed.FS

// sheets are the files of the style, in the order in which they hold: the ground, our
// own, and what paper changes. A browser loads them as one.
var sheets = []string{"pico.css", "style.css", "print.css"}

// inFolder is the address of a file with the digest of some version of it.
var inFolder = regexp.MustCompile(`^/static/[0-9a-f]{12}/[^/]+$`)

// asset is a file that is the same for everybody.
type asset struct {
	content []byte
	gzipped []byte // nil: it would not be shorter
	kind    string
	address string // with a digest of the content, so that a browser asks once and never again
}

// assets are the files by name.
type assets map[string]*asset

func (a assets) add(name string, content []byte) error {
	var small bytes.Buffer
	w, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("web: %s: %w", name, err)
	}
	digest := sha256.Sum256(content)
	f := &asset{content: content, kind: mime.TypeByExtension(path.Ext(name)), address: "/static/" + fmt.Sprintf("%x", digest[:6]) + "/" + name}
	if small.Len() < len(content) {
		f.gzipped = small.Bytes()
	}
	a[name] = f
	return nil
}

func readAssets() (assets, error) {
	all := assets{}
	var style bytes.Buffer
	for _, name := range sheets {
		content, err := staticContent.ReadFile("static/" + name)
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		style.Write(content)
	}
	if err := all.add("style.css", style.Bytes()); err != nil {
		return nil, err
	}
	files, err := fs.Glob(staticContent, "static/*.[js][sv]*") // scripts and pictures
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	for _, file := range files {
		content, err := staticContent.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		if err := all.add(path.Base(file), content); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// pictures makes one picture of all in a folder, which a browser loads once, and for
// each the markup that shows it.
func (a assets) pictures(folder, class string) (map[string]template.HTML, error) {
	files, err := pictureFiles.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	var sprite bytes.Buffer
	sprite.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	for _, file := range files {
		svg, err := pictureFiles.ReadFile(folder + "/" + file.Name())
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		name := strings.TrimSuffix(file.Name(), ".svg")
		sprite.WriteString(strings.NewReplacer(` xmlns="http://www.w3.org/2000/svg"`, "", "<svg", `<symbol id="`+name+`"`, "</svg>", "</symbol>").Replace(strings.TrimSpace(string(svg))))
	}
	sprite.WriteString("</svg>")
	if err := a.add(folder+".svg", sprite.Bytes()); err != nil {
		return nil, err
	}
	each := map[string]template.HTML{}
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".svg")
		each[name] = template.HTML(`<svg class="` + class + `" aria-hidden="true" focusable="false"><use href="` + a[folder+".svg"].address + `#` + name + `"></use></svg>`) //nolint:gosec // our own names
	}
	return each, nil
}

// static serves the files that are the same for everybody. They hold nothing of
// anybody, so they are kept, and compressed: pages are neither, as their length would
// tell what is in them beside what a stranger put there (BREACH).
func (p *pages) static(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	f := p.assets[name]
	if f == nil || r.URL.Path != "/static/"+name && !inFolder.MatchString(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	if r.URL.Path == f.address {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else { // of another version of this server, or without a version
		h.Set("Cache-Control", "public, max-age=3600")
	}
	content := f.content
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = f.gzipped
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // fails when the browser has gone
	}
}
